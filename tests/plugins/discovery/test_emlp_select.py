"""Choice among subgroups of the told group: the right one is chosen, and no label used twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from symbench_discovery import emlp_select
from symbench_discovery.emlp_select import EMLPSelect, _subgroups
from symbench_images.controls import NoSymmetry
from symbench_vectors.tasks import LorentzScattering, O5Invariant

import symbench
from symbench.groups import SO, Lorentz, O, Sp, Trivial


@pytest.mark.parametrize("group", [O(3), O(5), SO(3), Lorentz()], ids=str)
def test_every_listed_group_is_a_subgroup(group):
    algebra = group.algebra.flatten(1)
    for sub in _subgroups(group):
        rows = sub.algebra.flatten(1)
        within = rows @ torch.linalg.pinv(algebra) @ algebra
        assert torch.allclose(within, rows, atol=1e-8)
        assert len(rows) < len(algebra)


def test_it_declines_groups_without_listed_subgroups():
    problem = symbench.problem(O5Invariant(), EMLPSelect())
    assert EMLPSelect().accepts(problem) is None
    assert "told" in EMLPSelect().accepts(symbench.problem(NoSymmetry(), EMLPSelect()))
    told = replace(problem.symmetry, group=Sp(4))
    assert "subgroups" in EMLPSelect().accepts(replace(problem, symmetry=told))
    assert EMLPSelect().accepts(replace(problem, loss="cross-entropy"))


def broken(epsilon):
    def labels(data):
        f = (O5Invariant().target(data.x.double()) + 5.70) / 38.4**0.5
        return ((1 - epsilon**2) ** 0.5 * f + epsilon * data.x[:, :1]).float()

    return labels


@pytest.mark.slow
@pytest.mark.statistics
@pytest.mark.parametrize(("epsilon", "group"), [(0.0, O(5)), (0.3, Trivial(1) * O(4))])
def test_it_chooses_the_group_that_the_labels_have(epsilon, group, discovered):
    module, _ = discovered(EMLPSelect(), O5Invariant(), 300, labels=broken(epsilon))
    assert module._inputs.group == group


def test_the_choice_is_by_the_validation_examples_alone(discovered, monkeypatch):
    seen = []

    def untrained(net, problem, context, updates):
        seen.append((len(context.rest), len(context.valid), updates))
        return net

    monkeypatch.setattr(emlp_select, "trained", untrained)
    discovered(EMLPSelect(), LorentzScattering(), 50, labels=lambda data: data.y, updates=300)
    assert seen == [(40, 10, 200)] * 3

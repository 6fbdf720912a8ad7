"""Heads on EMLPs that are told a subgroup: what they accept, respect and conserve."""

from __future__ import annotations

import pytest
import symbench_emlp
import torch
from symbench_dynamics.bodies import TwoBody
from symbench_dynamics.pendula import SpringPendulum
from symbench_dynamics.subgroups import HNND2, HNND6, HNNSO2, NodeD2, NodeD6, NodeSO2

from symbench.groups import SO, D, O, Trivial
from symbench.registry import Registry
from symbench.registry.problem import make_problem

GROUPS = {NodeSO2: SO(2), NodeD2: D(2), NodeD6: D(6), HNNSO2: SO(2), HNND2: D(2), HNND6: D(6)}
each = pytest.mark.parametrize("model", GROUPS)


def view(model, task):
    registry = Registry()
    registry.add(symbench_emlp, "symbench_emlp", "1", "tests")
    return make_problem(registry, task, model())


def field(model):
    """Return a network with random weights, and states [40, 12] of the pendulum in float64."""
    torch.manual_seed(0)
    task = SpringPendulum()
    net = model().build(view(model, task)).double()
    return net, task.starts(40, torch.Generator().manual_seed(0))


def breach(net, z, group):
    """Return the largest |f(gz) - g f(z)| over elements of the group, over the size of f."""
    law = SpringPendulum().symmetry.input.rebind(group)
    rate = net.field(z, torch.zeros(())).detach()
    moved = [
        net.field(law.act(g, z), torch.zeros(())).detach() - law.act(g, rate)
        for g in group.sample(8, torch.Generator().manual_seed(1))
    ]
    return float(torch.stack(moved).abs().max() / rate.abs().max())


@each
def test_the_field_respects_its_subgroup_to_rounding(model):
    assert breach(*field(model), GROUPS[model] * Trivial(1)) < 1e-12


@pytest.mark.parametrize("model", [NodeSO2, NodeD2, HNND2])
def test_the_field_of_a_smaller_group_does_not_respect_the_larger_one(model):
    assert breach(*field(model), O(2) * Trivial(1)) > 1e-3


@each
def test_a_task_of_another_group_is_declined(model):
    assert model().accepts(view(model, SpringPendulum())) is None
    assert "O(2) × Trivial(1)" in model().accepts(view(model, TwoBody()))

"""LieGAN with as many generators as a perceptron keeps."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.liegan_chosen import LieGANChosen
from symbench_discovery.liegg import kept_by
from symbench_images.controls import NoSymmetry
from symbench_vectors.tasks import O5Invariant
from torch import nn

import symbench
from symbench.contract import seeded
from symbench.groups import SO
from symbench.metrics.algebra import orthonormal, principal_cosines


class Exact(nn.Module):
    """The exact target of a task."""

    def forward(self, x):
        return O5Invariant().target(x)


def test_only_what_the_function_keeps_of_a_span_is_announced():
    task, problem = O5Invariant(), symbench.problem(O5Invariant(), LieGANChosen())
    rotations = SO(5).algebra[:4]
    others = torch.randn(3, 5, 5, generator=seeded("others"), dtype=torch.float64)
    mixed = torch.cat([rotations, others])
    mixing = torch.randn(7, 7, generator=seeded("mixing"), dtype=torch.float64)
    L = kept_by(
        Exact(), problem, task.sample(300, 0, "train"), 1e-3, torch.tensordot(mixing, mixed, 1)
    )
    spans = [orthonormal(each.flatten(1)) for each in (L, rotations)]
    assert len(L) == 4
    assert float(principal_cosines(*spans).min()) > 1 - 1e-6


@pytest.mark.statistics
def test_it_announces_rotations_and_nothing_on_the_control(discovered):
    model = LieGANChosen.for_tier("quick", declined=False)
    module, found = discovered(model, O5Invariant(), 1000)
    # measured over two seeds: 9 and 10; 12 channels are learned
    assert 7 <= len(module.L) <= 10
    assert found["announced_precision"] > 0.95
    assert discovered(model, NoSymmetry(), 1000)[1]["false_finding"] == 0


def test_it_stays_out_of_quick():
    problem = symbench.problem(O5Invariant(), LieGANChosen())
    assert "full" in LieGANChosen.for_tier("quick").accepts(problem)
    for tier in ("smoke", "full"):
        assert LieGANChosen.for_tier(tier).accepts(problem) is None

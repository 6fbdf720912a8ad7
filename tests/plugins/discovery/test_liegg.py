"""LieGG: the null space of a trained perceptron, and the training that it shares with others."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.liegg import LieGG, kept_by
from symbench_discovery.predictor import Best
from symbench_discovery.training import TaskLoss
from symbench_images.controls import NoSymmetry
from symbench_vectors.tasks import O5Invariant
from torch import nn

import symbench
from symbench.contract import Data, seeded


class Exact(nn.Module):
    """The exact target of a task."""

    def forward(self, x):
        return O5Invariant().target(x)


def test_the_exact_target_keeps_all_ten_rotations():
    task, problem = O5Invariant(), symbench.problem(O5Invariant(), LieGG())
    L = kept_by(Exact(), problem, task.sample(200, 0, "train"), 1e-6)
    assert L.shape == (10, 5, 5)
    assert torch.allclose(L, -L.mT, atol=0.2)  # in whitened coordinates of 200 examples


def test_a_constant_keeps_nothing_that_is_announced():
    task, problem = O5Invariant(), symbench.problem(O5Invariant(), LieGG())
    constant = nn.Linear(10, 1)
    nn.init.zeros_(constant.weight)
    assert len(kept_by(constant, problem, task.sample(200, 0, "train"), 0.1)) == 0


@pytest.mark.statistics
def test_a_trained_perceptron_keeps_the_rotations(discovered):
    module, found = discovered(LieGG(), O5Invariant(), 1000)
    assert len(module.L) == 10
    assert found["announced_overlap"] > 0.98


@pytest.mark.statistics
def test_it_announces_nothing_on_the_control(discovered):
    for seed in range(2):
        assert discovered(LieGG(), NoSymmetry(), 1000, seed)[1]["false_finding"] == 0


def test_it_is_trained_as_the_perceptron_is(discovered):
    module, _ = discovered(LieGG(), O5Invariant(), 300, updates=20)
    x = O5Invariant().sample(300, 0, "train").x[:240]
    assert torch.allclose(module.predictor.input_centre, x.mean(0), atol=1e-6)


def test_the_best_weights_are_restored():
    net = nn.Linear(2, 1)
    stream = seeded("best")
    data = Data(torch.randn(20, 2, generator=stream), torch.randn(20, 1, generator=stream))
    problem = symbench.problem(O5Invariant(), LieGG())
    best = Best(net, TaskLoss.of(problem, data.y), data)
    with torch.no_grad():
        net.weight.zero_()
        net.bias.fill_(float(data.y.mean()))
    best.look()
    kept = net.bias.clone()
    with torch.no_grad():
        net.bias.fill_(100.0)
    best.restore()
    assert torch.equal(net.bias, kept)
    assert not net.training

"""Driven systems: exact parts give the exact field, friction only dissipates, time is an input."""

from __future__ import annotations

import pytest
import symbench_baselines
import torch
from symbench_dynamics.driven import Dissipative, NodeTime, PortDissipative, TimedODE
from symbench_dynamics.heads import Clock
from symbench_dynamics.models import NodeMLP
from symbench_dynamics.port import force_network
from symbench_dynamics.springs import DampedForced, MassSpring
from torch import nn

from symbench import Data
from symbench.draws import Draws
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

UNIT = (0.0, 1.0)  # times whose interval is the unit of steps

REGISTRY = Registry()
REGISTRY.add(symbench_baselines, "symbench_baselines", "1", "tests")
TIMES = torch.linspace(0, 4, 41, dtype=torch.float64)


class Quartic(nn.Module):
    """½ |x|² + ¼ Σ xᵢ⁴."""

    def forward(self, x):
        return (x**2 / 2 + x**4 / 4).sum(1, keepdim=True)


class Drive(nn.Module):
    """sin 3t."""

    def forward(self, t):
        return (3 * t).sin()


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_exact_parts_give_the_exact_field():
    head = Dissipative(Quartic(), Drive(), 2, Clock(UNIT, 0.1)).double()
    head.root.data = torch.tensor([[0.0, 7.0], [0.0, 0.3**0.5]], dtype=torch.float64)
    x, t = normal(10, 2), torch.tensor(0.7, dtype=torch.float64)
    dq, dp = (x + x**3).unbind(1)
    expected = torch.stack([dp, -dq - 0.3 * dp + torch.sin(3 * t)], 1)
    torch.testing.assert_close(head.field(x, t), expected)


@pytest.mark.parametrize("seed", range(3))
def test_without_a_force_energy_never_grows_whatever_the_friction(seed):
    head = Dissipative(Quartic(), force_network(4, 2), 4, Clock(UNIT, 0.01)).double()
    head.root.data = normal(4, 4, seed=seed)
    assert float(torch.linalg.eigvalsh(head.friction.detach()).min()) > -1e-12
    energy = head.energy(head.flow(normal(8, 4, seed=seed + 9), TIMES).flatten(0, 1)).view(8, -1)
    assert float(energy.diff(dim=1).max()) < 1e-9
    assert bool((energy[:, -1] < energy[:, 0]).all())


def test_a_timed_field_sees_the_time_and_is_shown_it():
    seen = {}

    class Net(nn.Linear):
        def calibrate(self, x, y):
            seen["x"], seen["y"] = x, y

    clock = Clock((0.0, 0.5, 2.0), 0.1)
    head = TimedODE(Net(3, 2).double(), clock)
    x = normal(5, 2)
    early, late = (head.field(x, torch.tensor(t, dtype=torch.float64)) for t in (0.0, 1.0))
    torch.testing.assert_close(late - early, head.net.weight[:, 2].expand(5, 2))
    path = x[:, None] * torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)[:, None]
    head.calibrate(x, path)
    assert seen["x"][:4, 2].tolist() == [0.25, 1.25, 0.25, 1.25]
    torch.testing.assert_close(seen["y"][:2], torch.stack([2 * x[0], 2 * x[0]]))


@pytest.mark.parametrize("model", [NodeTime, PortDissipative])
def test_targets_without_times_are_declined(model):
    assert "needs trajectories" in model().accepts(make_problem(REGISTRY, MassSpring(), model))
    assert model().accepts(make_problem(REGISTRY, DampedForced(), model)) is None


def errors(model, updates=60):
    task = DampedForced()
    view = lambda generator: make_problem(REGISTRY, task, model, generator)  # noqa: E731
    setup = TrainingSetup(Draws.of(task), model(), view, updates, torch.device("cpu"), 2)
    (trial,) = train(setup, [TrialKey(64, 0)])
    test: Data = task.sample(64, 0, "test")
    with torch.no_grad():
        wrong = (trial.module(test.x) - test.y).square().sum()
    return float(wrong / (test.y - test.y.mean(0)).square().sum())


@pytest.mark.slow
def test_a_network_that_sees_the_time_learns_a_driven_motion_better():
    assert errors(NodeTime) < 0.8 * errors(NodeMLP)  # 0.14 and 0.24

import math

import pytest
import torch
from known_tasks import LADDER, Angle, Function, score

from symbench.contract import Data, Task
from symbench.metrics import ConservationError

TIMES = torch.linspace(0, 4, 41, dtype=torch.float64)


def oscillator(x, damping=0.0):
    """Exact states (q, p) [n, times, 2] of q'' = -q, with an amplitude that decays."""
    q, p = x[:, :1], x[:, 1:]
    c, s = TIMES.cos().to(x), TIMES.sin().to(x)
    return torch.stack([q * c + p * s, p * c - q * s], -1) * (-damping * TIMES).exp().to(x)[:, None]


class Oscillator(Task):
    name, version, summary = "oscillator", "1", "harmonic oscillator"
    kind, threshold, sizes = "trajectory", 0.1, LADDER
    input_shape, output_shape = (2,), (41, 2)
    test_size = 50
    symmetry = None

    def sample(self, n, seed, split):
        x = torch.randn(n, 2, generator=self.generator(seed, split))
        return Data(x, oscillator(x))

    def conserved(self, trajectory):
        return {"energy": trajectory.square().sum(-1) / 2}


def test_exact_trajectories_keep_the_energy():
    class Double(Oscillator):
        def sample(self, n, seed, split):
            x = super().sample(n, seed, split).x.double()
            return Data(x, oscillator(x))

    found = score(ConservationError, Double(), Function(oscillator))
    assert found["conservation_error.energy"] < 1e-12


def test_damped_trajectories_lose_what_the_closed_form_says():
    task = Oscillator()
    found = score(ConservationError, task, Function(lambda x: oscillator(x, damping=0.05)))
    energy = task.sample(50, 0, "test").x.double().square().sum(1) / 2
    lost = energy * (1 - math.exp(-0.4)) / energy.clamp(min=float(energy.mean()))
    assert found["conservation_error.energy"] == pytest.approx(float(lost.mean()), rel=1e-5)


def test_keeping_a_wrong_energy_is_no_conservation():
    found = score(ConservationError, Oscillator(), Function(lambda x: oscillator(2 * x)))
    assert found["conservation_error.energy"] > 1


def test_a_quantity_that_vanishes_needs_a_stated_scale():
    class Total(Oscillator):
        name = "total"

        def conserved(self, trajectory):
            return {"momentum": trajectory[:, :, :1] + trajectory[:, :, 1:]}

        def sample(self, n, seed, split):
            x = torch.randn(n, 2, generator=self.generator(seed, split))
            return Data(x, torch.zeros(n, 41, 2))

    class Stated(Total):
        def conserved_scale(self, trajectory):
            return {"momentum": 4.0}

    drifting = Function(lambda x: torch.ones(len(x), 41, 2) * TIMES[:, None].float())
    assert score(ConservationError, Total(), drifting) == {}
    found = score(ConservationError, Stated(), drifting)
    assert found["conservation_error.momentum"] == pytest.approx(2 * 4 / 4)


def test_only_trajectories_have_the_score():
    assert ConservationError().applies(Oscillator(), None)
    assert not ConservationError().applies(Angle(), None)


class Turning(torch.nn.Module):
    """The oscillator's own flow, or one whose states overflow."""

    def __init__(self, rate=0.0):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        return oscillator(x)

    def flow(self, state, times):
        q, p, t = state[:, :1], state[:, 1:], times.to(state)
        path = torch.stack([q * t.cos() + p * t.sin(), p * t.cos() - q * t.sin()], -1)
        return path * (self.rate * t).exp()[:, None]


class Long(Oscillator):
    """The oscillator with a rollout of ten times the horizon."""

    name = "long-oscillator"
    rollout = tuple(float(t) for t in torch.linspace(0, 40, 201))


def test_a_module_that_flows_is_followed_over_the_rollout():
    exact = score(ConservationError, Long(), Turning())
    assert exact["conservation_error.energy"] < 1e-12
    drifting = score(ConservationError, Long(), Turning(rate=0.01))
    task = Long()
    energy = task.sample(50, 0, "test").x.double().square().sum(1) / 2
    gained = energy * (math.exp(2 * 0.01 * 40) - 1) / energy.clamp(min=float(energy.mean()))
    assert drifting["conservation_error.energy"] == pytest.approx(float(gained.mean()), rel=1e-5)


def test_a_rollout_that_leaves_the_numbers_has_no_conservation_error():
    assert score(ConservationError, Long(), Turning(rate=100.0)) == {}

"""Most likely paths to a ring: exact for the exact score, wrong for others."""

from __future__ import annotations

import pytest
import torch
from symbench_noether import rings
from symbench_noether.bridges import RingPaths, bridges
from symbench_noether.diffusions import OrnsteinUhlenbeck
from symbench_noether.models import EquivariantDrift
from symbench_noether.rings import RingDiffusion

from symbench import Model, Problem
from symbench.contract import Trained


class Any(Model):
    name, version, prior = "any", "1", "none"

    def build(self, problem):
        raise AssertionError


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def scores(function):
    task = RingDiffusion()
    module = function if isinstance(function, torch.nn.Module) else Module(function)
    test = task.sample(100, 0, "test")
    problem = Problem("vectors", "mse", (3,), (2,), task.symmetry)
    trained = Trained(module.eval(), Any(), problem, 10, 0, test, test.y)
    return RingPaths().score(trained, task, torch.Generator().manual_seed(0))


def test_the_exact_score_makes_no_error_and_conserves_angular_momentum_to_rounding():
    found = scores(RingDiffusion().target)
    assert found["ring_paths"] < 1e-12
    assert found["ring_paths.unconverged"] == 0
    for part in ("angular_momentum", "action", "path"):
        assert found[f"ring_paths.{part}"] < 1e-7, part


def test_the_paths_have_the_known_momenta():
    """-1.22062 and -1.40772 with 200 intervals; the midpoint rule of 100 differs by O(h²)."""
    momenta = bridges(rings.score).angular_momentum.mean(1)
    assert momenta[:2].tolist() == pytest.approx([-1.22062, -1.40772], rel=2e-3)


def test_a_field_without_the_symmetry_does_not_conserve_angular_momentum():
    stretch = torch.tensor([1.0, 0.8])
    found = scores(lambda x: RingDiffusion().target(x) * stretch.to(x))
    assert found["ring_paths"] > 0.01
    assert found["ring_paths.path"] > 1e-3


def test_an_untrained_equivariant_field_conserves_it_and_is_wrong():
    task = RingDiffusion()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = EquivariantDrift().build(Problem("vectors", "mse", (3,), (2,), task.symmetry))
    data = task.sample(500, 0, "train")
    net.calibrate(data.x, data.y)
    found = scores(net)
    assert found["ring_paths.unconverged"] < 3
    assert found["ring_paths"] < 1e-10
    assert found["ring_paths.angular_momentum"] > 0.01


def test_a_field_that_is_no_number_has_no_score_but_is_counted():
    assert scores(lambda x: torch.nan * x[:, :2]) == {"ring_paths.unconverged": 3.0}


def test_it_applies_to_the_ring_alone():
    assert RingPaths().applies(RingDiffusion(), Any())
    assert not RingPaths().applies(OrnsteinUhlenbeck(), Any())

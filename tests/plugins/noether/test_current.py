"""Noether currents: known null dimensions on shell, none off shell, and a learned field."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from symbench_noether.current import (
    CurrentGenerators,
    NoetherCurrent,
    OffShell,
    Quadratic,
    Waves,
    conserved_currents,
    energy_momentum,
)

from symbench import Model, Problem
from symbench.contract import Trained
from symbench.groups import Standardised

MASSIVE, MASSLESS = Quadratic((1.0, 1.0), 1.0), Quadratic((1.0, 1.0), 0.0)
ANISOTROPIC = Quadratic((1.0, 4.0), 1.0)


def points(n=1500):
    generator = torch.Generator().manual_seed(0)
    return 2 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 1


def waves(density):
    return Waves(density, (0.3, 2.0, 4.4), (2.0, 1.5, 1.0), (0.0, 1.0, 0.5), (1.0, 1.0, 0.5))


def bumps(x):
    return (-3 * (x - 0.2).square().sum(-1)).exp() + (2 * x[..., 0] - x[..., 1] ** 2).sin()


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


def scored(task, module, n=1000):
    test = task.sample(n, 0, "test")
    problem = Problem("vectors", "mse", task.input_shape, task.output_shape)
    trained = Trained(module, Any(), problem, 10, 0, test, test.y)
    return CurrentGenerators().score(trained, task, torch.Generator())


@pytest.mark.parametrize(("density", "count"), [(MASSIVE, 3), (MASSLESS, 4), (ANISOTROPIC, 3)])
def test_on_shell_the_null_space_is_that_of_the_laws_symmetries(density, count):
    found = conserved_currents(waves(density), density, points())
    assert found.found == count == len(density.generators())
    assert found.cosine(density.generators()) >= 1 - 1e-9
    assert float(found.values[count] / found.values[-1]) > 1e-3


def test_the_anisotropic_rotation_has_the_entries_one_to_four():
    W = ANISOTROPIC.generators()[2, :, :2]
    expected = torch.tensor([[0.0, -0.2425], [0.9701, 0.0]], dtype=torch.float64)
    assert torch.allclose(W, expected, atol=1e-4)


@pytest.mark.parametrize("density", [MASSIVE, MASSLESS, ANISOTROPIC])
def test_off_shell_no_current_is_conserved(density):
    found = conserved_currents(bumps, density, points())
    assert found.found == 0
    assert found.least > 1e-3


def test_a_solution_of_another_law_is_off_shell():
    assert conserved_currents(waves(MASSIVE), ANISOTROPIC, points()).found == 0
    assert conserved_currents(waves(MASSIVE), Quadratic((1.0, 1.0), 3.0), points()).found == 0


def test_the_energy_momentum_tensor_is_free_of_divergence_on_shell_alone():
    T, divergence = energy_momentum(waves(ANISOTROPIC), ANISOTROPIC, points())
    assert float(divergence.abs().max()) < 1e-12 * float(T.abs().max())
    T, divergence = energy_momentum(bumps, ANISOTROPIC, points())
    assert float(divergence.abs().max()) > 0.1


def test_the_divergence_is_that_of_finite_differences():
    x, step = points(20), 1e-5
    divergence = energy_momentum(bumps, ANISOTROPIC, x)[1]
    expected = torch.zeros_like(x)
    for a in range(2):
        shift = step * torch.eye(2, dtype=torch.float64)[a]
        ahead, behind = (energy_momentum(bumps, ANISOTROPIC, x + s)[0] for s in (shift, -shift))
        expected += ((ahead - behind) / (2 * step))[:, a]
    assert torch.allclose(divergence, expected, atol=1e-7)


def test_the_waves_solve_their_equation():
    x = points(10)
    for i in range(10):
        hessian = torch.autograd.functional.hessian(waves(ANISOTROPIC), x[i])
        value = waves(ANISOTROPIC)(x[i])
        assert float(hessian[0, 0] + 4 * hessian[1, 1]) == pytest.approx(float(value), abs=1e-10)


def test_the_exact_field_scores_one_and_its_control_finds_none():
    task = NoetherCurrent()
    scores = scored(task, Module(task.target))
    assert scores["noether_current"] >= 1 - 1e-6
    assert scores["noether_current.found"] == scores["noether_current.found.truth"] == 3
    control = OffShell()
    scores = scored(control, Module(control.target))
    assert "noether_current" not in scores
    assert scores["noether_current.found"] == scores["noether_current.found.truth"] == 0


def test_fields_that_are_no_numbers_or_vanish_have_no_score():
    task = NoetherCurrent()
    assert scored(task, Module(lambda x: x[:, :1] / 0)) == {}
    assert scored(task, Module(lambda x: 0 * x[:, :1])) == {}


def test_a_constant_field_conserves_every_current_but_the_dilations():
    """T is -ℒ times the identity, with ℒ constant: 5 of the 6 generators preserve areas."""
    scores = scored(NoetherCurrent(), Module(lambda x: torch.ones(len(x), 1)))
    assert scores["noether_current.found"] == 5


def perceptron(data):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sizes = (2, 128, 128, 128)
        hidden = [(torch.nn.Linear(a, b), torch.nn.SiLU()) for a, b in pairwise(sizes)]
        net = torch.nn.Sequential(*sum(hidden, ()), torch.nn.Linear(128, 1))
    module = Standardised(net, 2, 1)
    module.calibrate(data.x, data.y)
    return module


@pytest.mark.slow
@pytest.mark.statistics
def test_a_field_learned_from_values_comes_close_and_an_untrained_one_does_not():
    task = NoetherCurrent()
    data = task.sample(1000, 0, "train")
    net, generator = perceptron(data), torch.Generator().manual_seed(1)
    before = scored(task, net)["noether_current"]
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 2000)
    for _ in range(2000):
        batch = torch.randint(len(data), (128,), generator=generator)
        optimiser.zero_grad()
        (net(data.x[batch]) - data.y[batch]).square().mean().backward()
        optimiser.step()
        schedule.step()
    assert before < 0.9
    assert scored(task, net)["noether_current"] > 0.95  # three seeds: 0.984 to 0.989


def test_the_control_differs_from_the_task_by_its_field_alone():
    task, control = NoetherCurrent(), OffShell()
    assert task.density == control.density
    assert float(task.sample(100, 0, "test").y.std()) > 0.3
    assert len(control.generators()) == 0
    assert task.fingerprint() != control.fingerprint()

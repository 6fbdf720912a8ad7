"""Symmetries of a Lagrangian in closed form: known null spaces, and the counting rule."""

from __future__ import annotations

import pytest
import torch
from symbench_noether.attractors import AttractorNetwork
from symbench_noether.diffusions import DriftDiffusion, OrnsteinUhlenbeck, RotatingOU
from symbench_noether.generators import Spectrum, count_small, discover, invariance_rows
from symbench_noether.rings import score

ROTATION = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n=4000, scale=2.0, seed=1):
    return scale * torch.randn(n, 2, generator=generator(seed), dtype=torch.float64)


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def swirl(x):
    r2 = x.square().sum(-1, keepdim=True)
    return (1 - r2) * x + r2.cos() * torch.stack([-x[:, 1], x[:, 0]], 1)


@pytest.mark.parametrize("task", [OrnsteinUhlenbeck(), RotatingOU()], ids=lambda task: task.name)
def test_an_isotropic_linear_drift_has_the_rotation_alone(task):
    found = discover(task.drift, task.diffusion, task.sample(4000, 0, "test").x, generator())
    assert found.found == 1
    assert found.cosine(ROTATION) >= 1 - 1e-6
    assert found.gap(1) < 1e-20
    assert 0.2 < float(found.values[1] / found.values[-1]) < 0.37


def test_an_anisotropic_linear_drift_has_none():
    found = discover(lambda x: -x * double(1.0, 2.0), 0.5, normal(), generator())
    assert found.found == 0
    assert found.least > 0.1


def test_a_constant_drift_has_the_two_translations_and_nearly_a_rotation():
    task = DriftDiffusion()
    found = discover(task.drift, task.diffusion, task.sample(4000, 0, "test").x, generator())
    assert found.found == 2
    assert found.cosine(task.generators()) >= 1 - 1e-6
    assert float(found.values[2] / found.values[-1]) == pytest.approx(0.012, abs=0.002)


def test_three_attractors_have_none():
    task, uniform = AttractorNetwork(), torch.rand(4000, 2, generator=generator())
    found = discover(task.drift, task.diffusion, 5 * uniform.double() - 2, generator())
    assert found.found == 0
    assert found.least == pytest.approx(0.134, abs=0.03)


def test_the_rotation_of_a_ring_turns_about_its_centre():
    centre, noise = double(1.0, 2.0), torch.ones(4000).double()
    for c in (centre, 0 * centre):
        found = discover(lambda x, c=c: score(x - c, noise), 0.5, normal() + c, generator())
        J = ROTATION[0, :, :2]
        about = torch.cat([J, -(J @ c)[:, None]], 1)
        assert found.found == 1
        assert found.cosine(about[None]) >= 1 - 1e-10


def test_a_nonlinear_equivariant_drift_has_the_rotation():
    found = discover(swirl, 0.3, normal(scale=0.8), generator())
    assert found.found == 1
    assert found.cosine(ROTATION) >= 1 - 1e-10


def test_the_commutant_of_a_linear_drift_is_larger_than_its_symmetry():
    """The identity commutes with f, but is not a symmetry of |v - f|²."""
    x = normal()
    identity = torch.eye(2, 3, dtype=torch.float64)
    v = -x + normal(seed=2)
    rows = invariance_rows(lambda x: -x, 0.5, x, v)
    assert float((rows * identity).sum((1, 2)).abs().mean()) > 1


def test_rows_are_the_derivatives_of_the_lagrangian_along_generators():
    x, v, step = normal(50, 1.0), normal(50, 1.0, 3), 1e-5
    g = torch.randn(2, 3, generator=generator(), dtype=torch.float64)

    def value(moved):
        y, w = x + moved * (x @ g[:, :2].mT + g[:, 2]), v + moved * v @ g[:, :2].mT
        return (w - swirl(y)).square().sum(1) / (4 * 0.3)

    slope = (value(step) - value(-step)) / (2 * step)
    rows = invariance_rows(swirl, 0.3, x, v)
    assert torch.allclose((rows * g).sum((1, 2)), slope, atol=1e-6)


def test_the_cosine_with_a_wrong_generator_is_what_it_should_be():
    found = discover(lambda x: -x, 0.5, normal(), generator())
    half = torch.cat([torch.eye(2).double() + ROTATION[0, :, :2], torch.zeros(2, 1)], 1)
    assert found.cosine(half[None]) == pytest.approx(0.5**0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ((0.0, 0.0, 1.0, 1.0), 2),
        ((1e-33, 1e-30, 0.01, 0.4, 1.0, 1.0), 2),
        ((0.3, 0.4, 1.0, 1.0), 0),
        ((0.01, 0.03, 1.0, 1.0, 1.0, 1.0), 2),
        ((0.01, 0.02, 0.04, 0.08, 0.3, 1.0), 0),
        ((0.0, 0.0, 0.0), 0),
        ((1.0, 1.0), 0),
        ((1.0,), 0),
    ],
)
def test_the_rule_counts_what_stands_apart_and_may_answer_none(values, count):
    assert count_small(torch.tensor(values, dtype=torch.float64)) == count


def test_a_drift_that_is_no_number_has_no_spectrum():
    assert discover(lambda x: x / (x[:, :1] > 0), 0.5, normal(), generator()) is None


def test_the_random_state_of_the_process_is_left_alone():
    before = torch.random.get_rng_state()
    discover(lambda x: -x, 0.5, normal(100), generator())
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_law_that_nothing_changes_has_no_generators():
    still = Spectrum(torch.zeros(6), torch.eye(6).view(6, 2, 3))
    assert still.scores("name", torch.eye(6).view(6, 2, 3)[:1]) == {}


def test_a_gap_between_two_zeros_is_no_score():
    spectrum = Spectrum(torch.tensor([0.0, 0.0, 1.0]), torch.eye(6).double().view(6, 2, 3)[:3])
    scores = spectrum.scores("name", torch.eye(6).view(6, 2, 3)[:1])
    assert "name.gap" not in scores
    assert scores["name"] == pytest.approx(1.0)

"""The spring with its noise floor, and the damped spring under a force."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_dynamics.springs import DampedForced, MassSpring


def fitted(split="train", n=40_000):
    data = MassSpring().sample(n, 0, split, dtype=torch.float64)
    return data, torch.linalg.lstsq(data.x, data.y).solution


def test_a_linear_fit_to_noisy_states_meets_the_published_noise_floor():
    _, law = fitted()
    other = MassSpring().sample(40_000, 0, "valid", dtype=torch.float64)
    assert float((other.x @ law - other.y).square().mean()) == pytest.approx(0.0380, abs=0.002)


def test_the_fitted_law_is_too_slow_by_the_factor_of_the_noise():
    variance, noise = 0.185, 0.01
    exact = torch.tensor([[0.0, -2.0], [2.0, 0.0]], dtype=torch.float64)
    expected = exact * variance / (variance + noise)
    assert torch.allclose(fitted()[1], expected, atol=0.03)


def test_on_exact_test_states_that_law_is_solved_and_the_constant_is_not():
    data, law = MassSpring().sample(200, 0, "test", dtype=torch.float64), fitted()[1]
    spread = (data.y - data.y.mean(0)).square().sum()
    error = float((data.x @ law - data.y).square().sum() / spread)
    assert error == pytest.approx(0.0026, abs=0.0015)
    assert error < MassSpring.threshold


def test_noise_is_on_the_training_states_alone_and_of_the_stated_size():
    train = MassSpring().sample(3000, 0, "train", dtype=torch.float64)
    exact = torch.stack([-train.y[:, 1] / 2, train.y[:, 0] / 2], 1)
    assert float((train.x - exact).std()) == pytest.approx(0.1, abs=0.005)


def test_thirty_training_points_belong_to_one_trajectory_and_test_points_to_one_each():
    task = MassSpring()
    energy = task.sample(90, 0, "train", dtype=torch.float64).y.square().sum(1).view(3, 30)
    assert float(energy.std(1).max()) < 1e-6
    assert float(energy[:, 0].std()) > 1e-2
    single = task.sample(90, 0, "test", dtype=torch.float64).y.square().sum(1)
    assert len(single.mul(1e4).round().unique()) > 80


def test_a_period_of_the_spring_is_pi():
    z = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    path = MassSpring().solve(z, torch.tensor([0, math.pi], dtype=torch.float64))
    assert torch.allclose(path[:, 1], z, atol=1e-6)


def test_initial_states_lie_on_the_stated_ring():
    radius = MassSpring().starts(2000, torch.Generator().manual_seed(0)).norm(dim=1)
    assert 0.1 <= float(radius.min()) < 0.11
    assert 0.99 < float(radius.max()) <= 1.0


def test_the_energy_is_judged_from_coordinates_between_a_fifth_and_one():
    z = MassSpring().energy_starts(2000, torch.Generator().manual_seed(0))
    assert 0.2 <= float(z.abs().min()) < 0.21
    assert 0.99 < float(z.abs().max()) <= 1.0
    assert float((z > 0).double().mean()) == pytest.approx(0.5, abs=0.05)


def forced(q, p, t):
    """Return exact (q, p) of q'' = -q - 0.3 q' + sin 3t: steady state plus damped oscillation."""
    # the steady state is the imaginary part of G exp(3it), G = 1 / (1 - 9 + 0.9i)
    G = 1 / complex(1 - 9, 0.9)
    steady = G * complex(math.cos(3 * t), math.sin(3 * t))
    root = complex(-0.15, math.sqrt(1 - 0.0225))
    a = q - G.imag
    b = (p - (3j * G).imag + 0.15 * a) / root.imag
    wave = complex(a, -b) * complex(math.cos(root.imag * t), math.sin(root.imag * t))
    decay = math.exp(-0.15 * t)
    return steady.imag + decay * wave.real, (3j * steady).imag + decay * (root * wave).real


def test_the_damped_and_forced_spring_follows_its_closed_form():
    task = DampedForced()
    data = task.sample(20, 0, "test", dtype=torch.float64)
    for (q, p), path in zip(data.x.tolist(), data.y, strict=True):
        expected = torch.tensor([forced(q, p, t) for t in task.times], dtype=torch.float64)
        assert torch.allclose(path, expected, atol=1e-9)


def test_damping_and_force_are_what_is_left_of_the_field_beyond_the_spring():
    z = DampedForced().starts(50, torch.Generator().manual_seed(0))
    for t in (0.0, 0.4, 2.0):
        rate = DampedForced().field(z, torch.tensor(t, dtype=torch.float64))
        rest = rate - torch.stack([z[:, 1], -z[:, 0]], 1)
        expected = DampedForced.damping * z[:, 1] + math.sin(3 * t)
        assert torch.allclose(rest, torch.stack([torch.zeros_like(expected), expected], 1))
    assert DampedForced.damping == -0.3


def test_a_control_names_no_symmetry_and_no_constant():
    task = DampedForced()
    assert task.symmetry is None
    assert task.conserved(task.sample(3, 0, "train").y) == {}

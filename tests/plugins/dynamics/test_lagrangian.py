"""Lagrangian networks: the accelerations of exact Lagrangians, and the module on a network."""

from __future__ import annotations

import torch
from symbench_dynamics.heads import Clock
from symbench_dynamics.lagrangian import Lagrangian, accelerations
from torch import nn

G = 9.8


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def double_pendulum(q, v):
    kinetic = v[0] ** 2 + v[1] ** 2 / 2 + v[0] * v[1] * torch.cos(q[0] - q[1])
    return kinetic + G * (2 * torch.cos(q[0]) + torch.cos(q[1]))


def published_accelerations(q, v):
    """The closed form with the relative masses 1/2, rods 1: (f₁ - a₁ f₂) / (1 - a₁ a₂)."""
    (t1, t2), (w1, w2) = q.unbind(1), v.unbind(1)
    a1, a2 = 0.5 * torch.cos(t1 - t2), torch.cos(t1 - t2)
    f1 = -0.5 * w2**2 * torch.sin(t1 - t2) - G * torch.sin(t1)
    f2 = w1**2 * torch.sin(t1 - t2) - G * torch.sin(t2)
    return torch.stack([f1 - a1 * f2, f2 - a2 * f1], 1) / (1 - a1 * a2)[:, None]


class Correction(nn.Module):
    """The double pendulum's L minus the term ½|v|² that the head adds."""

    def forward(self, x):
        q, v = x[0].chunk(2)
        return (double_pendulum(q, v) - v.square().sum() / 2).view(1, 1)


def test_the_double_pendulum_has_its_known_accelerations():
    q, v = 3 * normal(50, 2), 5 * normal(50, 2, seed=1)
    expected = published_accelerations(q, v)
    torch.testing.assert_close(accelerations(double_pendulum, q, v), expected, rtol=1e-11, atol=0)


def test_a_small_ridge_changes_little():
    q, v = 3 * normal(50, 2), 5 * normal(50, 2, seed=1)
    exact, bent = (accelerations(double_pendulum, q, v, ridge) for ridge in (0.0, 1e-3))
    assert 0 < float((bent - exact).norm() / exact.norm()) < 1e-4


def test_accelerations_stay_finite_where_the_mass_vanishes():
    def massless(q, v):
        return v[0] ** 2 / 2 + q[1] * v[0] - q[1] ** 2

    found = accelerations(massless, normal(4, 2), normal(4, 2, seed=1), 1e-3)
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found[:, 1], torch.zeros(4, dtype=torch.float64))


def test_an_exact_network_gives_the_exact_field_and_keeps_the_energy():
    head = Lagrangian(Correction(), 2, 0.0, Clock((), 0.01)).double()
    x = torch.cat([normal(6, 2), normal(6, 2, seed=1)], 1)
    expected = torch.cat([x[:, 2:], published_accelerations(x[:, :2], x[:, 2:])], 1)
    torch.testing.assert_close(head(x), expected, rtol=1e-11, atol=1e-11)
    path = head.flow(x, torch.tensor([0.0, 0.2], dtype=torch.float64))

    def energy(state):
        """Return T + V = L + 2V."""
        q, v = state.chunk(2, -1)
        potential = -G * (2 * q[:, 0].cos() + q[:, 1].cos())
        return torch.func.vmap(double_pendulum)(q, v) + 2 * potential

    torch.testing.assert_close(energy(path[:, 1]), energy(path[:, 0]), atol=1e-5, rtol=0)


class Spring(nn.Module):
    """-½ ω² q², with ω = 2."""

    def forward(self, x):
        return -2 * x[:, :1].square()


def test_momenta_in_another_unit_are_read_off_the_data():
    """For H = q² + p² the rates are (2p, -2q), so v = 2p and q'' = -4q."""
    x = normal(100, 2)
    y = torch.stack([2 * x[:, 1], -2 * x[:, 0]], 1)
    head = Lagrangian(Spring(), 1, 0.0, Clock((), 0.1)).double()
    head.calibrate(x, y)
    torch.testing.assert_close(head(x), y, rtol=1e-12, atol=1e-12)
    assert (Lagrangian(Spring(), 1, 0.0, Clock((), 0.1)).double()(x) - y).norm().item() > 1

"""Two and three bodies: circular orbits, and what is conserved."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_dynamics.bodies import ThreeBody, TwoBody


def circular(radius):
    """Return two opposite bodies at that radius, on a circular orbit."""
    speed = 0.5 / math.sqrt(radius)
    return torch.tensor(
        [[radius, 0, -radius, 0, 0, speed, 0, -speed]], dtype=torch.float64
    )  # fmt: skip


def test_a_circular_orbit_closes_after_its_period():
    radius = 1.1
    period = 4 * math.pi * radius**1.5
    z = circular(radius)
    path = TwoBody().solve(z, torch.tensor([0, period / 4, period], dtype=torch.float64))
    quarter = torch.tensor([0, radius, 0, -radius], dtype=torch.float64)
    assert torch.allclose(path[0, 1, :4], quarter, atol=1e-6)
    assert torch.allclose(path[0, 2], z[0], atol=1e-6)


def test_the_constants_of_a_circular_orbit_are_known():
    radius = 1.1
    constants = TwoBody().conserved(circular(radius)[:, None])
    assert float(constants["energy"]) == pytest.approx(-1 / (4 * radius))
    assert float(constants["angular_momentum"]) == pytest.approx(math.sqrt(radius))
    assert torch.equal(constants["momentum"], torch.zeros(1, 1, 2, dtype=torch.float64))


def test_initial_states_are_mirrored_and_nearly_circular():
    z = TwoBody().starts(2000, torch.Generator().manual_seed(0))
    q, p = z[:, :2], z[:, 4:6]
    assert torch.equal(z[:, 2:4], -q)
    assert torch.equal(z[:, 6:], -p)
    assert float(q.min()) >= 0.5
    assert float(q.max()) <= 1.5
    assert float((q * p).sum(1).abs().max()) < 1e-12
    factor = p.norm(dim=1) * 2 * q.norm(dim=1).sqrt()
    assert float(factor.mean()) == pytest.approx(1, abs=0.005)
    assert float(factor.std()) == pytest.approx(0.05, abs=0.005)


def test_all_orbits_turn_the_same_way():
    z = TwoBody().starts(500, torch.Generator().manual_seed(0))
    assert bool((TwoBody().conserved(z[:, None])["angular_momentum"] > 0).all())


def test_momenta_that_vanish_have_a_scale_that_does_not():
    data = TwoBody().sample(100, 0, "test", dtype=torch.float64)
    scale = TwoBody().conserved_scale(data.x[:, None])
    p = data.x[:, 4:].view(-1, 2, 2)
    assert scale["momentum"] == pytest.approx(float(p.norm(dim=2).sum(1).mean()))
    moment = TwoBody().conserved(data.x[:, None])["angular_momentum"]
    # q and p are nearly orthogonal on such orbits
    assert scale["angular_momentum"] == pytest.approx(float(moment.mean()), rel=0.02)


def test_swapping_the_bodies_swaps_their_rates():
    z = TwoBody().starts(20, torch.Generator().manual_seed(0)) + torch.arange(8) / 7
    swap = [2, 3, 0, 1, 6, 7, 4, 5]
    assert torch.allclose(TwoBody().target(z[:, swap]), TwoBody().target(z)[:, swap], atol=1e-14)


def test_the_paper_s_error_is_the_mean_square():
    assert TwoBody().paper_error(torch.full((4, 8), 3.0), torch.zeros(4, 8)) == 9.0


def triangle(radius):
    """Return three bodies at that radius on Lagrange's circular orbit."""
    corners = torch.arange(3, dtype=torch.float64) * 2 * math.pi / 3
    q = radius * torch.stack([corners.cos(), corners.sin()], -1)
    speed = 1 / math.sqrt(math.sqrt(3) * radius)
    p = speed * torch.stack([-corners.sin(), corners.cos()], -1)
    return torch.cat([q.flatten(), p.flatten()])[None]


def test_three_bodies_on_lagrange_s_orbit_return_after_its_period():
    radius = 1.1
    period = 2 * math.pi * radius * math.sqrt(math.sqrt(3) * radius)
    z = triangle(radius)
    path = ThreeBody().solve(z, torch.tensor([0, period / 3, period], dtype=torch.float64))
    assert torch.allclose(path[0, 1, :2], z[0, 2:4], atol=1e-6)
    assert torch.allclose(path[0, 2], z[0], atol=1e-6)
    assert float(ThreeBody().energy(z)) == pytest.approx(-math.sqrt(3) / (2 * radius))


def test_three_bodies_start_on_a_triangle_with_velocities_near_those_of_the_orbit():
    z = ThreeBody().starts(2000, torch.Generator().manual_seed(0))
    q, p = z.view(-1, 2, 3, 2).unbind(1)
    radius = q.norm(dim=-1)
    assert torch.allclose(q.sum(1), torch.zeros(2000, 2, dtype=torch.float64), atol=1e-12)
    assert 0.9 <= float(radius.min()) < float(radius.max()) <= 1.2
    quarter = torch.stack([-q[..., 1], q[..., 0]], -1)
    factor = p / (quarter / (math.sqrt(math.sqrt(3)) * radius[..., None] ** 1.5))
    assert 0.8 <= float(factor.min()) < 0.81
    assert 1.19 < float(factor.max()) <= 1.2


def test_any_permutation_of_three_bodies_permutes_their_rates():
    z = ThreeBody().starts(20, torch.Generator().manual_seed(0))
    order = torch.tensor([2, 0, 1])
    bodies = torch.cat([order, order + 3])
    places = (2 * bodies[:, None] + torch.arange(2)).flatten()
    rates = ThreeBody().target(z)
    assert torch.allclose(ThreeBody().target(z[:, places]), rates[:, places], atol=1e-13)

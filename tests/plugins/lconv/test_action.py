"""exp(θL) on batches, and the angle recovered from its result."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_images.rotation import rotation_generator
from symbench_lconv.action import nearest_angle, orbit

from symbench.groups import exp_action, steps_needed


def draw(*size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*size, generator=generator, dtype=torch.float64)


def test_the_orbit_runs_through_the_action():
    L, x = draw(6, 6) / 3, draw(4, 6, seed=1)
    angles = torch.linspace(-0.4, 0.8, 5, dtype=torch.float64)
    images = orbit(L, angles, x)
    for j, angle in enumerate(angles):
        assert torch.allclose(images[:, j], x @ torch.linalg.matrix_exp(angle * L).mT)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), low=st.floats(-0.6, 0), width=st.floats(0.05, 0.5))
def test_a_perfect_generator_gives_the_exact_angle(seed, low, width):
    L = rotation_generator(5)
    nodes = torch.linspace(low, low + width, 17, dtype=torch.float64)
    uniform = torch.rand(8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    angles, x = low + width * uniform, draw(8, 25, seed=seed)
    y = exp_action(L, angles, x, 4 * steps_needed(L, 1.2))
    assert torch.allclose(nearest_angle(L, nodes, x, y), angles, atol=1e-6)


def test_the_angle_is_differentiable_forward_with_the_known_derivative():
    L = rotation_generator(4)
    nodes = torch.linspace(-0.5, 0.5, 17, dtype=torch.float64)
    x = draw(3, 16)
    angles = torch.tensor([-0.31, 0.1, 0.22], dtype=torch.float64)
    y = exp_action(L, angles, x, 40)
    _, tangent = torch.func.jvp(
        lambda second: nearest_angle(L, nodes, x, second), (y,), (y @ L.mT,)
    )
    assert torch.allclose(tangent, torch.ones_like(tangent), atol=1e-6)  # dθ along the orbit


def test_a_generator_of_zero_leaves_images_and_gives_finite_angles():
    zero, x = torch.zeros(4, 4), torch.ones(2, 4)
    assert torch.equal(exp_action(zero, torch.tensor([1.0, 2.0]), x, 1), x)
    assert nearest_angle(zero, torch.linspace(0, 1, 17), x, 2 * x).isfinite().all()


def test_half_a_turn_flips_a_smooth_image():
    L = rotation_generator(14)
    axis = torch.arange(14, dtype=torch.float64) - 6.5
    bump = torch.exp(-((axis[:, None] - 1) ** 2 + axis**2) / 4).flatten()[None]
    turned = exp_action(L, torch.tensor([math.pi], dtype=torch.float64), bump, 200)
    assert float((turned - bump.flip(1)).norm() / bump.norm()) < 0.01

"""Rotations of images without matrices, by interpolation and by the true generator."""

from __future__ import annotations

import pytest
import torch
from symbench_images.rotation import (
    PixelRotation,
    SmoothRotation,
    bilinear_rotation,
    pixel_derivatives,
    pixel_grid,
    published_rotation_generator,
    rotate_bilinear,
    rotate_smooth,
    rotation_generator,
)


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("side", [7, 8])
def test_the_published_generator_turns_about_half_the_side(side):
    L = published_rotation_generator(side)
    assert torch.equal(L, -L.mT)
    x, y = pixel_grid(side)
    along_x, along_y = pixel_derivatives(side)
    off_centre = (x - 0.5)[:, None] * along_y - (y - 0.5)[:, None] * along_x
    assert torch.allclose(L, off_centre, atol=1e-14)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_rotate_like_their_matrices(channels):
    images = torch.rand(5, channels, 7, 7, generator=generator(), dtype=torch.float64)
    angles = torch.linspace(-1.5, 1.5, 5, dtype=torch.float64)
    smooth = torch.linalg.matrix_exp(angles[:, None, None] * rotation_generator(7))
    both = ((rotate_bilinear, bilinear_rotation(7, angles)), (rotate_smooth, smooth))
    for rotate, R in both:
        expected = torch.einsum("nij,ncj->nci", R, images.flatten(2)).view_as(images)
        assert torch.allclose(rotate(images, angles), expected, atol=1e-12)


def test_smooth_elements_compose_and_keep_lengths():
    order = torch.randperm(49, generator=generator())
    group = SmoothRotation(7, order)
    angles = torch.tensor([0.3, -1.1, -0.8], dtype=torch.float64)
    g, h, both = group.rotation(angles)
    assert torch.allclose(g @ h, both, atol=1e-12)
    assert torch.allclose(g @ g.mT, torch.eye(49, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(g, torch.linalg.matrix_exp(0.3 * group.algebra[0]), atol=1e-12)
    assert group.is_exact
    assert group != PixelRotation(7, order)

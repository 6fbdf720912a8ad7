"""The rotation of a pixel grid: its generator, its elements and the candidate algebra."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_images.rotation import (
    PixelRotation,
    bilinear_rotation,
    disk,
    pixel_derivatives,
    pixel_grid,
    polynomial_fields,
    rotation_generator,
    sinc_derivative,
)

from symbench import InputError
from symbench.groups import V


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(side: int, x0: float, y0: float, width: float = 1.2) -> torch.Tensor:
    """Return a Gaussian centred at (x0, y0), which is band-limited up to 1e-3 at this width."""
    x, y = pixel_grid(side)
    return torch.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))


def turned_blob(side: int, x0: float, y0: float, angle: float) -> torch.Tensor:
    """Return the blob after a counter-clockwise rotation on the screen, where y points down."""
    cosine, sine = math.cos(angle), math.sin(angle)
    return blob(side, cosine * x0 + sine * y0, cosine * y0 - sine * x0)


def cosine(A: torch.Tensor, B: torch.Tensor) -> float:
    return float((A * B).sum() / (A.norm() * B.norm()))


def off_centre(side: int) -> torch.Tensor:
    """Return the generator about side/2, as published, instead of (side - 1)/2."""
    x, y = pixel_grid(side)
    along_x, along_y = pixel_derivatives(side)
    return (x - 0.5)[:, None] * along_y - (y - 0.5)[:, None] * along_x


def central_differences(side: int) -> torch.Tensor:
    x, y = pixel_grid(side)
    step = torch.diag(torch.ones(side - 1, dtype=torch.float64), 1) / 2
    one, step = torch.eye(side, dtype=torch.float64), step - step.mT
    return x[:, None] * torch.kron(step, one) - y[:, None] * torch.kron(one, step)


@pytest.mark.parametrize("side", [7, 8])
def test_the_sinc_derivative_is_the_sum_over_its_frequencies(side):
    period = 2 * side
    z = torch.arange(side, dtype=torch.float64)
    z = z[:, None] - z
    frequencies = 2 * math.pi / period * torch.arange(-side + 1, side, dtype=torch.float64)
    waves = -frequencies[:, None, None] * torch.sin(frequencies[:, None, None] * z) / period
    assert torch.allclose(sinc_derivative(side), waves.sum(0), atol=1e-14)


def test_the_generator_is_exactly_antisymmetric():
    L = rotation_generator(8)
    assert torch.equal(L, -L.mT)


@pytest.mark.parametrize("centre", [(3.0, 0.0), (0.0, -3.0), (2.0, 2.0), (-3.0, 1.0)])
def test_the_generator_is_the_derivative_of_an_exact_rotation(centre):
    side, step = 16, 1e-4
    forth, back = (turned_blob(side, *centre, s) for s in (step, -step))
    derivative = (forth - back) / (2 * step)
    image = blob(side, *centre)
    error = (rotation_generator(side) @ image - derivative).norm() / derivative.norm()
    assert float(error) < 0.01
    wrong = (off_centre(side) @ image - derivative).norm() / derivative.norm()
    assert float(wrong) > 0.1


def test_the_exponential_of_the_generator_rotates_by_a_finite_angle():
    side, angle = 16, 0.6
    image, expected = blob(side, 3.0, 1.0), turned_blob(side, 3.0, 1.0, angle)
    turned = torch.linalg.matrix_exp(angle * rotation_generator(side)) @ image
    assert float((turned - expected).norm() / expected.norm()) < 0.01


@pytest.mark.parametrize(
    ("side", "published", "differences"), [(7, 0.970, 0.890), (20, 0.996, 0.828)]
)
def test_cosines_to_the_published_and_to_the_difference_generator(side, published, differences):
    L = rotation_generator(side)
    assert cosine(L, off_centre(side)) == pytest.approx(published, abs=5e-4)
    assert cosine(L, central_differences(side)) == pytest.approx(differences, abs=5e-4)


def test_bilinear_elements_near_the_identity_are_central_differences():
    R = bilinear_rotation(7, torch.tensor([1e-6, math.pi / 20], dtype=torch.float64))
    small, larger = (R - R.mT) / 2
    assert cosine(small, central_differences(7)) == pytest.approx(1, abs=1e-5)
    assert cosine(larger, rotation_generator(7)) == pytest.approx(0.861, abs=5e-4)


def test_eighteen_degrees_are_too_far_to_show_the_generator_at_20_pixels():
    """Published: -0.01 by L-conv and 0.00 by linear regression, which both find the matrix."""
    angle = torch.tensor([math.pi / 10], dtype=torch.float64)
    found = [
        cosine(bilinear_rotation(side, angle)[0] - torch.eye(side**2), off_centre(side))
        for side in (7, 20)
    ]
    assert [abs(each) for each in found] == pytest.approx([0.270, 0.012], abs=5e-4)


def test_rotation_by_zero_is_the_identity():
    R = bilinear_rotation(8, torch.zeros(1))[0]
    assert torch.equal(R, torch.eye(64, dtype=torch.float64))


@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_rotation_by_quarters_is_that_of_the_grid(quarters):
    image = torch.rand(8, 8, generator=generator(), dtype=torch.float64)
    R = bilinear_rotation(8, torch.tensor([quarters * math.pi / 2], dtype=torch.float64))[0]
    expected = torch.rot90(image, quarters, (0, 1))
    assert torch.allclose((R @ image.flatten()).view(8, 8), expected, atol=1e-12)


def test_a_rotated_blob_is_where_it_should_be():
    R = bilinear_rotation(16, torch.tensor([0.7], dtype=torch.float64))[0]
    image, expected = blob(16, 3.0, 1.0, 2.0), blob(16, 2.94, -1.17, 2.0)
    assert float((R @ image - expected).norm() / expected.norm()) < 0.1
    assert float((R @ image - image).norm() / image.norm()) > 0.5


@settings(deadline=None, max_examples=30)
@given(st.floats(-math.pi, math.pi))
def test_interpolation_weights_are_a_partition_of_unity_inside_the_image(angle):
    R = bilinear_rotation(8, torch.tensor([angle], dtype=torch.float64))[0]
    x, y = pixel_grid(8)
    inner = x.square() + y.square() <= 3.5**2
    assert bool((R >= 0).all())
    assert torch.allclose(R.sum(1)[inner], torch.ones(int(inner.sum()), dtype=torch.float64))
    linear = math.cos(angle) * x - math.sin(angle) * y  # interpolated exactly
    assert torch.allclose((R @ x)[inner], linear[inner], atol=1e-12)


def test_interpolation_agrees_with_grid_sample():
    image = torch.rand(8, 8, generator=generator(), dtype=torch.float64)
    angle = 0.4
    c, s = math.cos(angle), math.sin(angle)
    theta = torch.tensor([[[c, -s, 0.0], [s, c, 0.0]]], dtype=torch.float64)
    grid = torch.nn.functional.affine_grid(theta, [1, 1, 8, 8], align_corners=False)
    sampled = torch.nn.functional.grid_sample(image[None, None], grid, align_corners=False)
    R = bilinear_rotation(8, torch.tensor([angle], dtype=torch.float64))[0]
    assert torch.allclose((R @ image.flatten()).view(8, 8), sampled[0, 0], atol=1e-12)


def test_the_disk_holds_52_of_the_64_pixels():
    assert int(disk(8).sum()) == 52


@pytest.fixture(params=[False, True], ids=["in order", "scrambled"])
def group(request) -> PixelRotation:
    return PixelRotation(8, torch.randperm(64, generator=generator()) if request.param else None)


def test_the_group_is_one_rotation_of_sixty_four_pixels(group):
    assert group.algebra.shape == (1, 64, 64)
    assert group.dim == V(group).size == 64
    assert group.is_orthogonal
    assert not group.is_exact


def test_elements_stay_inside_the_disk(group):
    outside = ~group.scramble(disk(8))
    g = group.sample(20, generator())
    assert bool((g[:, outside] == 0).all())
    assert bool((g[..., outside] == 0).all())


def test_a_pair_undoes_itself_up_to_interpolation(group):
    g, inverse = group.sample_pairs(30, generator())
    assert torch.equal(g, group.sample(30, generator()))
    image = group.scramble(blob(8, 0.8, -0.5, 1.5) * disk(8))
    error = ((inverse @ g @ image) - image).norm(dim=-1) / image.norm()
    assert float(error.max()) < 0.3
    twice = ((g @ g @ image) - image).norm(dim=-1) / image.norm()
    assert float(error.mean()) < 0.5 * float(twice.mean())


def test_angles_reach_a_right_angle_either_way(group):
    g = group.sample(400, generator())
    x, y = (group.scramble(axis) for axis in pixel_grid(8))
    right = ((x == 0.5) & (y == 0.5)).nonzero()[0, 0]
    angle = torch.atan2((g @ y - g @ x)[:, right], (g @ x + g @ y)[:, right])
    assert -math.pi / 2 <= float(angle.min()) < -1.5
    assert 1.5 < float(angle.max()) <= math.pi / 2


def test_scrambling_conjugates_the_elements_and_the_algebra():
    plain, order = PixelRotation(8), torch.randperm(64, generator=generator())
    scrambled = PixelRotation(8, order)
    image = torch.rand(64, generator=generator(), dtype=torch.float64)
    g, h = plain.sample(1, generator())[0], scrambled.sample(1, generator())[0]
    assert torch.allclose(h @ image[order], (g @ image)[order])
    assert torch.allclose(scrambled.algebra[0] @ image[order], (plain.algebra[0] @ image)[order])
    assert plain != scrambled


def test_a_scramble_that_is_no_permutation_is_refused():
    for wrong in (torch.arange(63), torch.zeros(64, dtype=torch.long)):
        with pytest.raises(InputError, match="permute"):
            PixelRotation(8, wrong)


def test_the_candidates_are_orthonormal_and_hold_the_generator():
    flat = polynomial_fields(8).flatten(1)
    assert torch.allclose(flat @ flat.mT, torch.eye(12, dtype=torch.float64), atol=1e-12)
    L = rotation_generator(8).flatten()
    assert torch.allclose(flat.mT @ (flat @ L), L, atol=1e-12)
    wrong = central_differences(8).flatten()
    assert float((flat.mT @ (flat @ wrong) - wrong).norm() / wrong.norm()) > 0.1


def test_the_candidates_hold_translations_dilation_and_shears():
    side = 8
    x, y = (axis[:, None] for axis in pixel_grid(side))
    along_x, along_y = pixel_derivatives(side)
    flat = polynomial_fields(side).flatten(1)
    fields = (
        along_x,
        along_y,
        x * along_x + y * along_y,
        x * along_y,
        y * along_x,
        x * y * along_y,
    )
    for field in fields:
        inside = flat.mT @ (flat @ field.flatten())
        assert torch.allclose(inside, field.flatten(), atol=1e-12)

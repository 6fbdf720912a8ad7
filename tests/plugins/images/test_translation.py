"""Shifts of periodic signals by fractions of a pixel."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_images.translation import (
    PixelTranslation,
    Translation1D,
    periodic_derivative,
    shifted,
    translation_fields,
)

from symbench import InputError

SIZES = [7, 21]


def cosine(A: torch.Tensor, B: torch.Tensor) -> float:
    return float((A * B).sum() / (A.norm() * B.norm()))


def waves(size: int, frequencies: torch.Tensor) -> torch.Tensor:
    """Return the derivative as the sum -Σ_p (2πp/d²) sin(2πp(i - j)/d)."""
    z = torch.arange(size, dtype=torch.float64)
    phase = 2 * math.pi / size * (z[:, None] - z)
    p = frequencies.double()[:, None, None]
    return -(2 * math.pi / size**2 * p * (p * phase).sin()).sum(0)


@pytest.mark.parametrize("size", SIZES)
def test_the_derivative_is_the_sum_over_integer_frequencies(size):
    half = (size - 1) // 2
    expected = waves(size, torch.arange(-half, half + 1))
    assert torch.allclose(periodic_derivative(size), expected, atol=1e-12)


@pytest.mark.parametrize(("size", "expected"), [(7, 0.615), (21, 0.819)])
def test_half_integer_frequencies_would_be_another_operator(size, expected):
    halves = waves(size, torch.arange(-size / 2 + 1, size / 2))
    assert cosine(periodic_derivative(size), halves) == pytest.approx(expected, abs=5e-4)


def test_the_derivative_is_exact_on_every_wave():
    size = 21
    i = 2 * math.pi / size * torch.arange(size, dtype=torch.float64)
    for p in range(11):
        expected = -2 * math.pi / size * p * (p * i).sin()
        assert torch.allclose(periodic_derivative(size) @ (p * i).cos(), expected, atol=1e-12)


@pytest.mark.parametrize("size", [20, 1, 0])
def test_even_and_tiny_sizes_are_refused(size):
    with pytest.raises(InputError, match="odd"):
        periodic_derivative(size)


@pytest.mark.parametrize("size", SIZES)
def test_shifts_are_the_exponential_of_the_generator(size):
    group = PixelTranslation(size)
    shifts = torch.tensor([0.0, 0.4, -1.3, 2.5], dtype=torch.float64)
    g = group.translation(shifts)
    expected = torch.linalg.matrix_exp(shifts[:, None, None] * group.algebra[0])
    assert torch.allclose(g, expected, atol=1e-11)
    assert torch.allclose(g[0], torch.eye(size, dtype=torch.float64), atol=1e-13)


@pytest.mark.parametrize("steps", [1, 3, -2, 21])
def test_a_shift_by_whole_pixels_is_a_roll(steps):
    x = torch.randn(4, 21, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved = shifted(x, torch.full((4,), float(steps), dtype=torch.float64))
    assert torch.allclose(moved, x.roll(steps, 1), atol=1e-12)


def test_the_group_is_the_circle_acting_exactly():
    group = PixelTranslation(21)
    g = group.sample(50, torch.Generator().manual_seed(1))
    assert group.is_orthogonal
    assert group.is_compact
    assert torch.allclose(g @ g.mT, torch.eye(21, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(g[0] @ g[1], g[1] @ g[0], atol=1e-12)


def test_the_second_signal_is_the_first_shifted():
    task = Translation1D()
    data = task.sample(200, 0, "test", dtype=torch.float64)
    first, second = data.x[:, 0, 0], data.x[:, 1, 0]
    g = PixelTranslation(21).translation(data.y[:, 0])
    assert torch.allclose((g @ first[..., None])[..., 0], second, atol=1e-12)
    assert -1.5 <= float(data.y.min()) < -1.4
    assert 1.4 < float(data.y.max()) <= 1.5


def test_the_law_of_the_pairs_does_not_change_when_both_are_shifted():
    task = Translation1D()
    data = task.sample(5, 0, "test", dtype=torch.float64)
    h = task.symmetry.group.sample(1, torch.Generator().manual_seed(2))[0]
    moved = task.symmetry.input.act(h, data.x.flatten(1)).view(5, 2, 21)
    again = shifted(moved[:, 0], data.y[:, 0])
    assert torch.allclose(again, moved[:, 1], atol=1e-12)


def test_the_candidates_are_orthonormal_and_hold_the_translation():
    flat = translation_fields(21).flatten(1)
    assert torch.allclose(flat @ flat.mT, torch.eye(9, dtype=torch.float64), atol=1e-12)
    L = PixelTranslation(21).algebra[0].flatten()
    assert torch.allclose(flat.mT @ (flat @ L), L, atol=1e-12)
    one = torch.eye(21, dtype=torch.float64).flatten()
    assert float((flat @ one).norm() / one.norm()) < 1e-12


def test_of_the_candidates_the_translation_alone_commutes_with_every_shift():
    g = PixelTranslation(21).translation(torch.tensor([0.7, -1.2], dtype=torch.float64))
    fields = translation_fields(21)
    commutators = (g[:, None] @ fields - fields @ g[:, None]).transpose(0, 1).flatten(1)
    values = torch.linalg.svdvals(commutators)
    assert float(values[-1]) < 1e-12
    assert float(values[-2]) > 0.05


def test_exponentials_attain_the_generator_and_one_linear_step_does_not():
    task = Translation1D()
    L = task.symmetry.group.algebra[0]
    for parametrisation in ("exponential", "exponential-skew"):
        assert cosine(task.attainable(parametrisation)[0], L) == pytest.approx(1, abs=1e-9)
    assert cosine(task.attainable("linear")[0], L) < 0.9

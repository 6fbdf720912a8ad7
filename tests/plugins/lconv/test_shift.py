"""Powers of 1 + εL against the shift that they approximate: known values."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_lconv.shift import shift_approximation, shift_generator, shift_matrix

from symbench import InputError


@pytest.mark.parametrize(
    ("size", "layers", "cosine"),
    [
        (20, 8, 0.7721),
        (20, 16, 0.9314),
        (20, 32, 0.9689),
        (20, 64, 0.9756),
        (40, 8, 0.747),
        (40, 16, 0.929),
        (40, 32, 0.976),
        (40, 64, 0.986),
    ],
)
def test_more_layers_shift_better(size, layers, cosine):
    digits = 5e-5 if size == 20 else 5e-4
    assert shift_approximation(size, 2, layers)[1] == pytest.approx(cosine, abs=digits)


def test_the_generator_is_the_derivative_of_the_shift():
    step = 1e-4
    slope = (shift_matrix(12, step) - shift_matrix(12, -step)) / (2 * step)
    assert torch.allclose(slope, shift_generator(12), atol=1e-6)


@pytest.mark.parametrize("size", [2, 8, 20])
def test_the_generator_has_the_closed_form_of_the_cotangent(size):
    L = shift_generator(size)
    for i in range(size):
        for j in range(size):
            z = i - j
            expected = z and -math.pi / size * (-1) ** z / math.tan(math.pi * z / size)
            assert float(L[i, j]) == pytest.approx(expected, abs=1e-12)


def test_shifts_compose_and_whole_ones_move_samples():
    g = shift_matrix(10, 0)
    assert torch.allclose(shift_matrix(10, 0.7) @ shift_matrix(10, 1.1), shift_matrix(10, 1.8))
    assert torch.allclose(shift_matrix(10, 3), g.roll(3, 0), atol=1e-12)
    assert float((g - torch.eye(10)).norm()) == pytest.approx(1)  # the Nyquist frequency


def test_the_power_is_that_of_one_layer():
    power, _ = shift_approximation(6, 1.5, 3)
    one = torch.eye(6, dtype=torch.float64) + 0.5 * shift_generator(6)
    assert torch.allclose(power, one @ one @ one)


def test_odd_signals_and_no_layers_are_refused():
    with pytest.raises(InputError, match="even"):
        shift_generator(7)
    with pytest.raises(InputError, match="at least 1"):
        shift_approximation(8, 1, 0)

"""Least squares and the matrix logarithm of pairs of images with known angles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rotated_noise import (
    CENTRED,
    PAPER,
    SIDE,
    clean,
    cosine,
    fitted,
    matrix,
    noise,
    pairs,
    skew,
)
from symbench_baselines.closed_form import LeastSquares, MatrixLog
from symbench_baselines.operators import ExponentialAngle, LinearAngle
from torch.func import jvp

from symbench import Data, InputError, Problem, seeded

PAIR = Problem("image", "mse", (2, SIDE, SIDE), (1,))
SIGNAL = Problem("image", "mse", (2, 1, 21), (1,))


def loss(module, data):
    return float((module(data.x) - data.y).square().mean() / data.y.var())


def test_least_squares_of_pairs_is_regression_on_the_angle_times_the_image():
    data = pairs(400, 0, math.pi / 8)
    first, second = data.x.double().flatten(2).unbind(1)
    expected, *_ = np.linalg.lstsq((data.y * first).numpy(), (second - first).numpy(), rcond=None)
    _, L = fitted(LeastSquares, PAIR, data)
    np.testing.assert_allclose(L, expected.T, atol=1e-5)


def white(theta, weights):
    """Return E[θ (R_θ - 1)] / E[θ²] over weighted angles θ."""
    terms = [w * t * (matrix(t) - torch.eye(49)) for w, t in zip(weights, theta, strict=True)]
    return sum(terms) / float((weights * theta**2).sum())


def test_least_squares_of_many_pairs_is_the_closed_form_of_white_images():
    largest = math.pi / 8
    nodes, weights = np.polynomial.legendre.leggauss(40)
    exact = white(largest * (nodes + 1) / 2, weights / 2)
    assert cosine(exact, PAPER) == pytest.approx(0.272, abs=1e-3)
    assert cosine(skew(exact), PAPER) == pytest.approx(0.706, abs=1e-3)
    _, L = fitted(LeastSquares, PAIR, pairs(5000, 0, largest))
    assert cosine(L, exact) > 0.999
    assert float((L - exact).norm() / exact.norm()) < 0.05


def test_twelve_equidistant_angles_give_the_reference_cosines():
    theta = math.pi / 8 * np.arange(1, 13) / 12  # (0, π/8]
    exact = white(theta, np.full(12, 1 / 12))
    assert cosine(exact, PAPER) == pytest.approx(0.264, abs=1e-3)
    assert cosine(skew(exact), PAPER) == pytest.approx(0.686, abs=1e-3)


def test_the_angle_of_least_squares_minimises_the_pair_s_own_residual():
    module, L = fitted(LeastSquares, PAIR, pairs(400, -0.3, 0.3))
    test = pairs(20, -0.3, 0.3, seed=1)
    first, second = test.x.double().flatten(2).unbind(1)
    angle = module.double()(test.x.double())

    def residual(theta):
        return (second - first - theta * (first @ L.mT)).square().sum(1)

    for other in (angle + 1e-3, angle - 1e-3):
        assert bool((residual(angle) < residual(other)).all())


def test_the_logarithm_finds_the_exact_generator_where_nothing_interpolates():
    data, valid = (pairs(n, -math.pi / 8, math.pi / 8, clean, n) for n in (1000, 500))
    module, L = fitted(MatrixLog, PAIR, data, valid)
    assert cosine(L, CENTRED) > 0.999
    assert float((L - CENTRED).norm() / CENTRED.norm()) < 0.05  # in units of the radian
    assert loss(module, pairs(500, -math.pi / 8, math.pi / 8, clean, 7)) < 1e-4


@pytest.mark.statistics
def test_the_logarithm_comes_nearer_than_least_squares_on_interpolated_images():
    for low, high, expected in ((0, math.pi / 8, 0.95), (-math.pi / 16, math.pi / 16, 0.955)):
        data, valid = (pairs(n, low, high, seed=n) for n in (3000, 1000))
        _, linear = fitted(LeastSquares, PAIR, data)
        _, L = fitted(MatrixLog, PAIR, data, valid)
        assert cosine(skew(L), CENTRED) == pytest.approx(expected, abs=0.02)
        assert cosine(skew(L), CENTRED) > cosine(skew(linear), CENTRED) + 0.05


def test_angles_of_one_sign_are_enough_for_either_sign():
    for low, high in ((0.0, 0.3), (-0.3, 0.0), (-0.3, -0.1)):
        data = pairs(1000, low, high, clean)
        module, L = fitted(MatrixLog, PAIR, data, pairs(500, low, high, clean, 1))
        assert cosine(L, CENTRED) > 0.99
        assert float((L * CENTRED).sum()) > 0
        assert loss(module, data) < 0.01


def test_the_best_angle_of_an_exponential_is_that_of_the_data():
    module = ExponentialAngle(CENTRED, -0.4, 0.4)
    x, unit = noise(50, 3)
    angles = 0.8 * unit - 0.4
    pair = torch.stack([x, clean(x, angles)], 1)
    torch.testing.assert_close(module(pair)[:, 0], angles, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("model", "limit"), [(LeastSquares, 0.9), (MatrixLog, 0.01)])
def test_signals_of_one_row_are_read_too(model, limit):
    d, generator = 21, seeded("signals")
    frequency = torch.fft.rfftfreq(d, dtype=torch.float64)
    x = torch.rand(2000, d, generator=generator, dtype=torch.float64) - 0.5
    shift = 3 * torch.rand(2000, 1, generator=generator, dtype=torch.float64) - 1.5
    turned = torch.fft.rfft(x) * torch.exp(-2j * math.pi * frequency * shift)
    data = Data(torch.stack([x, torch.fft.irfft(turned, d)], 1)[:, :, None].float(), shift.float())
    train, test = Data(data.x[:1000], data.y[:1000]), Data(data.x[1000:], data.y[1000:])
    module, L = fitted(model, SIGNAL, train, test)
    assert loss(module, test) < limit
    assert L.shape == (d, d)


def test_pairs_with_only_the_angle_zero_are_refused():
    x = pairs(100, 0, 0.1).x
    with pytest.raises(InputError, match="every training angle is 0"):
        fitted(MatrixLog, PAIR, Data(x, torch.zeros(100, 1)))


@pytest.mark.parametrize(
    "module",
    [LinearAngle(CENTRED), ExponentialAngle(CENTRED, -0.4, 0.4)],
    ids=["linear", "exponential"],
)
def test_the_angle_has_a_forward_derivative(module):
    x = pairs(10, -0.4, 0.4).x.double()
    step = 1e-7 * torch.randn(x.shape, generator=seeded("step"), dtype=torch.float64)
    tangent = jvp(module, (x,), (step / 1e-7,))[1]
    difference = (module(x + step) - module(x - step)) / 2e-7
    torch.testing.assert_close(tangent, difference, atol=1e-6, rtol=1e-5)

"""Least squares and the matrix logarithm: known answers on rotated white noise, and their limits.

The expected values for exact rotation matrices at 7×7 are reference measurements. They are the
|cosine| of the bilinear (R - 1)/θ and of log R with the paper's generator P and the centred
generator C.
"""

from __future__ import annotations

import math

import pytest
import torch
from rotated_noise import (
    CENTRED,
    PAPER,
    SIDE,
    bilinear,
    clean,
    cosine,
    fitted,
    maps,
    matrix,
    pairs,
    skew,
)
from symbench_baselines.closed_form import LeastSquares, MatrixLog
from symbench_baselines.operators import real_log

from symbench import InputError, Problem, seeded

MAP = Problem("image", "mse", (1, SIDE, SIDE), (1, SIDE, SIDE))
PAIR = Problem("image", "mse", (2, SIDE, SIDE), (1,))
SIGNAL = Problem("image", "mse", (2, 1, 21), (1,))
MODELS = [LeastSquares, MatrixLog]


def test_the_two_published_generators_are_half_a_pixel_apart():
    assert torch.equal(PAPER, -PAPER.mT)
    assert cosine(PAPER, CENTRED) == pytest.approx(0.970, abs=5e-4)


def test_least_squares_recovers_the_fixed_rotation_and_the_published_cosine():
    module, L = fitted(LeastSquares, MAP, maps(1000, math.pi / 10))
    exact = matrix(math.pi / 10)
    assert float((module.matrix - exact).abs().max()) < 1e-6
    assert float((L + torch.eye(49) - exact).abs().max()) < 1e-6
    assert cosine(L, PAPER) == pytest.approx(0.270, abs=1e-3)
    assert cosine(L, CENTRED) == pytest.approx(0.278, abs=1e-3)
    assert cosine(skew(L), PAPER) == pytest.approx(0.684, abs=1e-3)
    assert cosine(skew(L), CENTRED) == pytest.approx(0.705, abs=1e-3)


@pytest.mark.parametrize(
    ("angle", "raw", "skewed"),
    [(math.pi / 20, (0.485, 0.500), (0.938, 0.967)), (math.pi / 10, None, (0.627, 0.646))],
)
def test_the_logarithm_of_a_fixed_rotation_has_the_known_cosines(angle, raw, skewed):
    _, L = fitted(MatrixLog, MAP, maps(1000, angle))
    for truth, known in zip((PAPER, CENTRED), skewed, strict=True):
        assert cosine(skew(L), truth) == pytest.approx(known, abs=2e-3)
    for truth, known in zip((PAPER, CENTRED), raw or (), strict=raw is not None):
        assert cosine(L, truth) == pytest.approx(known, abs=2e-3)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rotate", [bilinear, clean])
def test_a_fixed_rotation_is_predicted_exactly_from_more_images_than_pixels(model, rotate):
    module, _ = fitted(model, MAP, maps(200, math.pi / 10, rotate))
    test = maps(50, math.pi / 10, rotate, seed=1)
    assert float((module(test.x) - test.y).abs().max()) < 1e-5
    assert module(test.x).shape == test.y.shape


def test_the_logarithm_of_a_rotation_without_interpolation_is_its_generator():
    angle = math.pi / 20  # the fastest mode turns by less than half a turn
    assert angle * float(torch.linalg.matrix_norm(CENTRED, 2)) < math.pi
    _, L = fitted(MatrixLog, MAP, maps(500, angle, clean))
    assert float((L - angle * CENTRED).abs().max()) < 1e-5


def test_with_fewer_images_than_pixels_what_was_not_seen_stays_as_it_is():
    data = maps(20, math.pi / 20)
    unseen = torch.linalg.svd(data.x.flatten(1).double()).Vh[20:].float().view(-1, 1, SIDE, SIDE)
    for model in MODELS:
        module, L = fitted(model, MAP, data)
        torch.testing.assert_close(module(unseen), unseen, atol=1e-5, rtol=0)
        torch.testing.assert_close(module(data.x), data.y, atol=1e-5, rtol=0)
        assert bool(L.isfinite().all())


@pytest.mark.parametrize("lost", [0, 1, 7])
def test_a_map_that_loses_a_row_has_no_logarithm(lost):
    data = maps(200, math.pi / 20)
    data.y[:, :, :lost] = 0
    if lost:
        with pytest.raises(InputError, match="singular"):
            fitted(MatrixLog, MAP, data)
    else:
        fitted(MatrixLog, MAP, data)
    _, L = fitted(LeastSquares, MAP, data)
    blank = torch.zeros(7 * lost, 49, dtype=torch.float64)
    torch.testing.assert_close((L + torch.eye(49))[: 7 * lost], blank, atol=1e-5, rtol=0)


def test_a_negative_eigenvalue_leaves_only_the_logarithm_of_its_size():
    R = torch.diag(torch.tensor([-2.0, 3.0], dtype=torch.float64))
    expected = torch.tensor([2.0, 3.0], dtype=torch.float64).log().diag()
    torch.testing.assert_close(real_log(R), expected)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("problem", [MAP, PAIR, SIGNAL])
def test_before_the_fit_nothing_moves(model, problem):
    module = model().build(problem)
    x = torch.rand(4, *problem.input_shape, generator=seeded("x"))
    expected = x if problem is MAP else torch.zeros(4, 1)
    assert torch.equal(module(x), expected)
    pixels = math.prod(problem.input_shape[1:])
    assert torch.equal(model().generators(module), torch.zeros(1, pixels, pixels))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "problem",
    [
        Problem("vectors", "mse", (49,), (49,)),
        Problem("image", "cross-entropy", (1, 7, 7), (10,)),
        Problem("image", "cross-entropy", (2, 7, 7), (1,)),
        Problem("image", "mse", (3, 7, 7), (3, 7, 7)),
        Problem("image", "mse", (2, 7, 7), (2,)),
        Problem("trajectory", "mse", (2, 7, 7), (1,)),
    ],
)
def test_what_is_no_map_of_images_and_no_pair_is_declined(model, problem):
    assert "angle between two" in model().accepts(problem)


@pytest.mark.parametrize("model", MODELS)
def test_equal_data_give_equal_generators_in_the_type_of_the_data(model):
    data = pairs(300, 0, 0.3)
    (one, L), (_, again) = fitted(model, PAIR, data), fitted(model, PAIR, data)
    assert torch.equal(L, again)
    assert model().generators(one).is_contiguous()  # as the storage format requires
    assert one(data.x).dtype == model().generators(one).dtype == torch.float32
    assert (model.prior, model.parametrisation) in {
        ("discovers", "linear"),
        ("discovers", "exponential"),
    }

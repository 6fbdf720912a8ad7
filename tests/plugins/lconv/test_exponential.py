"""Discovery by exp(θL): exact on clean pairs, with a cosine of 0.97 on interpolated ones."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from symbench_images.rotation import bilinear_rotation, rotation_generator
from symbench_lconv.exponential import Exponential, SkewExponential

from symbench import Data, Problem
from symbench.contract import Calibrates, Context, Fits
from symbench.groups import exp_action, steps_needed

SIDE = 7
RANGE = math.pi / 8
GENERATOR_ONLY = {"share": 1.0}
PAIRS = Problem("image", "mse", (2, SIDE, SIDE), (1,))
TRUE = rotation_generator(SIDE)


@cache
def pairs(n, seed, *, clean=False, scale=1.0, widen=1):
    """Uniform noise and its rotation: bilinear by (0, π/8], or exact by ±π/8 if clean."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, SIDE**2, generator=generator, dtype=torch.float64) - 0.5
    angles = torch.rand(n, generator=generator, dtype=torch.float64) * RANGE * widen
    if clean:
        angles = 2 * angles - RANGE * widen
        y = exp_action(TRUE, angles, x, 2 * steps_needed(TRUE, RANGE * widen))
    else:
        parts = zip(angles.split(500), x.split(500), strict=True)
        y = torch.cat([(bilinear_rotation(SIDE, a) @ z[:, :, None])[:, :, 0] for a, z in parts])
    images = torch.stack([x, y], 1).view(n, 2, SIDE, SIDE).float()
    return Data(images, scale * angles.float()[:, None])


def context(data, updates, seed, **options):
    valid = pairs(500, 99, **options)
    generator = torch.Generator().manual_seed(seed)
    return Context(len(data), seed, updates, torch.device("cpu"), valid, generator, data)


def fitted(cls, n, updates, seed=0, config=None, **options):
    data = pairs(n, seed, **options)
    model = cls.for_tier("full", **(config or {}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = model.fit(PAIRS, data, context(data, updates, seed, **options)).eval()
    return module, model.generators(module)[0].double()


def cosine(A, B) -> float:
    return float((A * B).sum() / (A.norm() * B.norm()))


def angle_error(module, **options) -> float:
    test = pairs(2000, 1234, **options)
    with torch.no_grad():
        return float((module(test.x) - test.y).square().mean())


@pytest.mark.statistics
def test_clean_pairs_give_the_generator_and_the_angle_exactly():
    module, L = fitted(SkewExponential, 2000, 500, clean=True)
    assert cosine(L, TRUE) > 0.9999
    assert float(L.norm() / TRUE.norm()) == pytest.approx(1, abs=0.01)  # angles are in radians
    assert not module.corrected
    assert angle_error(module, clean=True) < 1e-6


@pytest.mark.slow
@pytest.mark.statistics
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_interpolated_pairs_give_the_generator_to_095(seed):
    module, L = fitted(SkewExponential, 3000, 600, seed)
    assert cosine(L, TRUE) > 0.95  # 0.97 with more data; the published network has 0.70
    assert module.corrected
    assert angle_error(module) < 0.05 * RANGE**2 / 12


@pytest.mark.statistics
def test_the_weights_of_small_angles_make_the_generator_better():
    flat = fitted(SkewExponential, 3000, 200, config={"power": 0.0, "share": 1.0})[1]
    weighted = fitted(SkewExponential, 3000, 200, config=GENERATOR_ONLY)[1]
    assert cosine(weighted, TRUE) > cosine(flat, TRUE) + 0.02  # 0.97 and 0.91 in the limit


@pytest.mark.statistics
def test_without_antisymmetry_the_smoothing_of_interpolation_is_learned_too():
    L = fitted(Exponential, 3000, 240, config=GENERATOR_ONLY)[1]
    skew, smooth = (L - L.mT) / 2, (L + L.mT) / 2
    assert cosine(skew, TRUE) > 0.93
    assert cosine(L, TRUE) < 0.9
    assert float(smooth.trace()) < 0  # a blur


@pytest.mark.statistics
def test_wide_angles_are_learned_from_small_ones_upwards():
    module, L = fitted(SkewExponential, 3000, 250, config=GENERATOR_ONLY, clean=True, widen=4)
    assert cosine(L, TRUE) > 0.99
    assert angle_error(module, clean=True, widen=4) < 5e-4  # the variance is 0.8


@pytest.mark.parametrize("norm", [0.0, 1.0, 100.0])
def test_more_and_more_pairs_are_learned_from_as_far_as_they_turn_once(norm):
    sizes = torch.linspace(0, 1, 1000)
    followed = SkewExponential()._followed
    counts = [followed(sizes, norm, progress) for progress in (0, 0.1, 0.2, 0.5, 0.9)]
    assert counts == sorted(counts)
    assert counts[0] >= 62  # the angles up to 2π / 100, unless a batch needs more
    assert counts[-1] == (1000 if norm < 2 * math.pi else 128)
    assert followed(sizes[:5], norm, 0.0) == 5


@pytest.mark.statistics
def test_clean_pairs_need_no_antisymmetry():
    L = fitted(Exponential, 2000, 300, config=GENERATOR_ONLY, clean=True)[1]
    assert cosine(L, TRUE) > 0.9999


def test_the_skew_generator_is_antisymmetric():
    for updates in (2, 20):
        L = fitted(SkewExponential, 50, updates)[1]
        assert torch.equal(L, -L.mT)


def test_for_a_skew_generator_the_swapped_pair_gives_the_same_loss():
    data = pairs(20, 0)
    x, y = (image.double() for image in data.x.flatten(2).unbind(1))
    M = torch.randn(49, 49, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    L, angles = (M - M.mT) / 7, data.y[:, 0].double()
    there = (exp_action(L, angles, x, 20) - y).square().sum(1)
    back = (exp_action(L, -angles, y, 20) - x).square().sum(1)
    assert torch.allclose(there, back, rtol=1e-6)


def test_the_unit_of_the_angle_does_not_change_what_is_learned():
    radians = fitted(SkewExponential, 100, 40)[1]
    degrees = fitted(SkewExponential, 100, 40, scale=180 / math.pi)[1]
    assert torch.allclose(degrees * 180 / math.pi, radians, rtol=1e-3, atol=1e-4)


def test_training_starts_near_zero_in_no_direction():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        L = SkewExponential().generators(SkewExponential().build(PAIRS))[0].double()
    assert float(L.norm()) < 0.1
    assert abs(cosine(L, TRUE)) < 0.1  # chance has a standard deviation of 0.03


def test_fits_are_reproducible_and_leave_the_global_stream_alone():
    module, L = fitted(SkewExponential, 100, 30)
    before = torch.random.get_rng_state()
    again, same = fitted(SkewExponential, 100, 30)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(L, same)
    assert torch.equal(module(pairs(50, 5).x), again(pairs(50, 5).x))


@pytest.mark.parametrize("updates", [1, 2, 60])
@pytest.mark.parametrize("n", [2, 50])
def test_every_budget_gives_finite_angles(n, updates):
    module, L = fitted(SkewExponential, n, updates)
    assert L.isfinite().all()
    assert module(pairs(50, 5).x).isfinite().all()


def test_to_calibrate_again_on_the_same_data_changes_nothing():
    module, _ = fitted(Exponential, 50, 10)
    assert isinstance(module, Calibrates)
    assert isinstance(Exponential(), Fits)
    before = module(pairs(50, 5).x)
    data = pairs(50, 0)
    module.calibrate(data.x, data.y)
    assert torch.equal(before, module(pairs(50, 5).x))

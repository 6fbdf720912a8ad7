"""Data ratios and sizes of discovery: exact curves, ends of the ladder, plateaus."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.errors import InputError
from symbench.results.statistics import (
    BaselineCurve,
    Ratio,
    headline,
    n_to_hold,
    n_to_threshold,
)

LADDER = [30, 100, 300, 1000, 3000]


def law(
    factor: float, exponent: float = 1.0, spread: float = 0.0, seed: int = 0
) -> list[list[float]]:
    noise = np.random.default_rng(seed).normal(0, spread, (len(LADDER), 5))
    clean = factor * np.array(LADDER, dtype=float) ** -exponent
    return [[float(e) for e in errors] for errors in clean[:, None] * np.exp(noise)]


def data_ratios(
    sizes: list[int], baseline: list[list[float]], model: list[list[float]]
) -> list[Ratio]:
    return BaselineCurve(sizes, baseline).ratios(model)


def test_a_model_with_a_third_of_the_error_needs_a_third_of_the_examples() -> None:
    """Errors 3 / n and 1 / n: the baseline needs 3 n, which the ladder ends at 3000."""
    found = data_ratios(LADDER, law(3), law(1))
    assert [ratio.value for ratio in found[:4]] == pytest.approx([3, 3, 3, 3])
    assert [ratio.censored for ratio in found[:3]] == [None] * 3
    assert (found[-1].value, found[-1].censored) == (1.0, "above")
    for ratio in found[:3]:
        assert (ratio.low, ratio.high) == pytest.approx((3, 3))
    assert headline(found[:3]) == found[2]


def test_a_worse_model_has_a_ratio_below_one_and_a_bound_at_the_smallest_size() -> None:
    found = data_ratios(LADDER, law(1), law(3))
    assert [ratio.value for ratio in found[1:]] == pytest.approx([1 / 3] * 4)
    assert (found[0].value, found[0].censored, found[0].low) == (1.0, "below", None)


def test_the_baseline_is_its_own_equal() -> None:
    falling = law(1, spread=0.02)
    assert [r.value for r in data_ratios(LADDER, falling, falling)] == pytest.approx([1] * 5)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1.4, 1.4), st.integers(0, 1000))
def test_swapping_the_models_inverts_the_ratio_of_parallel_curves(shift: float, seed: int) -> None:
    a, b = law(1, spread=0.0), law(10**shift, spread=0.0, seed=seed)
    there = {r.at: r.value for r in data_ratios(LADDER, a, b) if r.censored is None}
    back = {r.at: r.value for r in data_ratios(LADDER, b, a) if r.censored is None}
    assert all(there[n] * back[n] == pytest.approx(1) for n in set(there) & set(back))


def test_a_baseline_beyond_the_ladder_gives_the_strongest_bound() -> None:
    flat = [[0.9] * 5] * 5
    found = data_ratios(LADDER, flat, law(0.1))
    assert {ratio.censored for ratio in found} == {"above"}
    best = headline(found)
    assert best is not None
    assert (best.value, best.at) == (100, 30)
    worst = headline(data_ratios(LADDER, law(0.1), flat))
    assert worst is not None
    assert (worst.value, worst.at, worst.censored) == (0.01, 3000, "below")
    assert headline([]) is None


def test_a_number_stands_before_a_stronger_bound() -> None:
    bound = Ratio(100.0, 30, "above", None, None, 5)
    number = Ratio(2.0, 100, None, 1.0, 3.0, 5)
    assert headline([bound, number, Ratio(9.0, 300, "above", None, None, 5)]) == number


def test_bounds_on_the_other_side_of_1_at_larger_sizes_stand_before_a_number() -> None:
    """A model that is worse than the baseline at 30 only, and far better from 100 on."""
    number, weak = Ratio(0.8, 30, None, 0.7, 0.9, 5), Ratio(1.0, 1000, "above", None, None, 5)
    bounds = [Ratio(10.0, 100, "above", None, None, 5), Ratio(3.3, 300, "above", None, None, 5)]
    assert headline([number, *bounds, weak]) == bounds[0]
    assert headline([number, weak]) == number
    better = Ratio(1.3, 300, None, 1.2, 1.4, 5)
    assert headline([better, Ratio(0.03, 1000, "below", None, None, 5)]).at == 1000
    assert (
        headline([Ratio(10.0, 30, "above", None, None, 5), Ratio(0.8, 100, None, 0.7, 0.9, 5)]).at
        == 100
    )


def test_an_end_of_the_interval_beyond_the_ladder_is_open() -> None:
    noisy = data_ratios(LADDER, law(3, spread=0.5), law(1, spread=0.5))
    assert all(r.low is None or r.low >= LADDER[0] / r.at for r in noisy)
    assert all(r.high is None or r.high <= LADDER[-1] / r.at for r in noisy)
    (near,) = [r for r in noisy if r.at == 1000]
    assert near.high is None


def test_one_seed_has_a_value_and_no_interval() -> None:
    one = [[errors[0]] for errors in law(3)]
    found = data_ratios(LADDER, one, one)
    assert {(r.low, r.high, r.n) for r in found} == {(None, None, 1)}


def test_a_crossing_on_a_plateau_is_open_at_both_ends() -> None:
    """Levels 0.0025, 0.00193, 0.00199, 0.00193 under a threshold of 0.0020, noise of 15 %."""
    spread = np.array([0.75, 0.9, 1.0, 1.1, 1.35])
    levels = [0.0025, 0.00193, 0.00199, 0.00193]
    found = n_to_threshold([30, 100, 300, 1000], [list(level * spread) for level in levels], 0.002)
    assert found.censored is None
    assert (found.low, found.high) == (None, None)


def test_a_steep_crossing_near_a_size_is_not_open() -> None:
    spread = np.array([0.9, 0.95, 1.0, 1.05, 1.1])
    levels = [0.2, 0.0199, 0.002, 0.0002]
    found = n_to_threshold([10, 100, 1000, 10_000], [list(e * spread) for e in levels], 0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high < 200


def held(*sizes: list[int]) -> list[list[bool]]:
    return [[bool(x) for x in seeds] for seeds in sizes]


@pytest.mark.parametrize(
    ("by_size", "value", "censored", "low", "high"),
    [
        (held([0] * 5, [0, 0, 1, 1, 1], [1] * 5), 100, None, 100, 300),
        (held([0] * 5, [0] * 5, [1] * 5), 300, None, 300, 300),
        (held([0] * 5, [0] * 5, [0, 0, 0, 1, 1]), 300, "above", 300, None),
        (held([1] * 5, [1] * 5, [1] * 5), 30, "below", None, 30),
        (held([1, 1, 1, 0, 0], [1] * 5, [1] * 5), 30, "below", None, 100),
        (held([1] * 5, [0] * 5, [1] * 5), 300, None, 300, 300),
        (held([1] * 5, [1, 1, 0, 0, 0], [1] * 5), 300, None, None, 300),
    ],
)
def test_the_size_from_which_half_of_the_seeds_hold(
    by_size: list[list[bool]], value: float, censored: str | None, low: float, high: float
) -> None:
    found = n_to_hold([30, 100, 300], by_size)
    assert (found.value, found.censored, found.low, found.high) == (value, censored, low, high)


def test_a_property_that_is_lost_again_is_not_yet_held() -> None:
    found = n_to_hold([30, 100, 300], held([1] * 5, [0] * 5, [0] * 5))
    assert found.censored == "above"


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=5))
def test_the_size_is_one_of_the_ladder_within_its_interval(by_size: list[list[bool]]) -> None:
    sizes = LADDER[: len(by_size)]
    found = n_to_hold(sizes, by_size)
    ends = [end for end in (found.low, found.value, found.high) if end is not None]
    assert set(ends) <= set(map(float, sizes))
    assert all(a <= b for a, b in pairwise(ends))


@pytest.mark.parametrize(
    ("sizes", "by_size"), [([30, 30], held([1], [1])), ([30], []), ([30, 100], held([1], [1, 0]))]
)
def test_a_ladder_that_is_none_is_refused(sizes: list[int], by_size: list[list[bool]]) -> None:
    with pytest.raises(InputError):
        n_to_hold(sizes, by_size)

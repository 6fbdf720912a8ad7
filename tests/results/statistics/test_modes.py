"""Seeds that fall into two groups, and counts: what interval each gets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from symbench.results.statistics import interval, rank
from symbench.results.statistics.modes import Modes, modes
from symbench.results.statistics.seeds import order_statistics

SPLIT = [0.021, 0.44, 0.42, 0.056, 0.48]  # of an equivariant network on a short budget


def groups(values: list[float]) -> Modes | None:
    return modes(np.array(values), np.log10(values))


def test_seeds_in_two_groups_are_shown_with_their_least_and_largest_value() -> None:
    found = interval(SPLIT)
    assert (found.spread, found.low, found.value, found.high) == ("bimodal", 0.021, 0.42, 0.48)
    assert groups(SPLIT) == Modes(2, 3)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.010, 0.011, 0.0105, 0.0095, 0.5], Modes(4, 1)),
        ([0.5, 0.51, 0.49, 0.5, 0.01], Modes(1, 4)),
        ([0.1, 0.1, 0.1, 0.1, 0.1], None),
        ([0.1, 0.1, 0.2, 0.2, 0.2], Modes(2, 3)),
        ([0.1, 0.1, 0.199, 0.199, 0.199], None),  # less than a factor of two
        ([0.01, 0.02, 0.04, 0.08, 0.16], None),  # wide, but without a gap
        ([0.01, 0.012, 0.5, 0.52], None),  # too few seeds
    ],
)
def test_a_gap_is_wide_in_itself_and_beside_the_spread_within_the_groups(
    values: list[float], found: Modes | None
) -> None:
    assert groups(values) == found


@given(st.permutations(SPLIT), st.floats(1e-6, 1e6))
def test_neither_order_nor_unit_matter(values: list[float], unit: float) -> None:
    assert groups([value * unit for value in values]) == Modes(2, 3)


def test_an_outlier_of_two_factors_is_not_yet_a_group() -> None:
    assert groups([0.1, 0.1001, 0.1002, 0.1003, 0.25]) is None
    assert groups([0.1, 0.1001, 0.1002, 0.1003, 0.31]) == Modes(4, 1)


@given(st.lists(st.integers(0, 40), min_size=2, max_size=30))
def test_a_count_has_whole_ends_that_are_never_negative(counts: list[int]) -> None:
    found = interval([float(count) for count in counts])
    assert found.low is not None
    assert found.high is not None
    assert found.low in counts
    assert found.high in counts
    assert 0 <= found.low <= found.value <= found.high


@pytest.mark.parametrize("n", range(2, 40))
def test_order_statistics_enclose_the_median_as_often_as_they_say(n: int) -> None:
    low, high = order_statistics(np.arange(1.0, n + 1))
    k = int(low)
    assert high == n + 1 - k
    missed = 2 * stats.binom.cdf(k - 1, n, 0.5)
    assert missed <= 0.05 or k == 1
    assert 2 * stats.binom.cdf(k, n, 0.5) > 0.05  # no narrower interval would do


def test_models_between_which_a_third_is_split_need_more_than_agreement() -> None:
    """Nine models of the same two outcomes: five seeds that agree do not separate two of them."""
    agreeing = {"low": [0.03, 0.035, 0.04, 0.033, 0.036], "high": [0.45, 0.44, 0.46, 0.47, 0.43]}
    others = {f"split{i}": [value * (1 + i / 100) for value in SPLIT] for i in range(7)}
    apart = rank(agreeing)
    assert (apart["low"].group, apart["high"].group) == ("a", "b")
    tied = rank(agreeing | others)
    assert set(tied["low"].group) & set(tied["high"].group)


@pytest.mark.parametrize("better", [0.001, 0.15])
def test_models_that_are_at_neither_group_are_distinguished_as_before(better: float) -> None:
    """One far below the groups, or between them, is none of the outcomes of the third model."""
    spread = np.array([0.98, 0.99, 1.0, 1.01, 1.02])
    far = {"better": list(better * spread), "worse": list(0.45 * spread)}
    others = {f"split{i}": [value * (1 + i / 100) for value in SPLIT] for i in range(7)}
    found = rank(far | others)
    assert not set(found["better"].group) & set(found["worse"].group)

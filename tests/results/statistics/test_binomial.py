"""The interval of a rate agrees with scipy's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from symbench.errors import InputError
from symbench.results.statistics import clopper_pearson


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    found, trials = counts
    expected = binomtest(found, trials).proportion_ci(0.95, "exact")
    assert clopper_pearson(found, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(("found", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_no_trials_or_impossible_counts_are_refused(found: int, trials: int) -> None:
    with pytest.raises(InputError):
        clopper_pearson(found, trials)

"""Axes: decades, gaps, zero."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from symbench.plot.axes import Axis, linear_axis, log_axis

POSITIVE = st.lists(st.floats(1e-12, 1e6), min_size=1, max_size=30)


def test_a_logarithmic_axis_maps_decades_to_equal_lengths():
    axis = Axis(0.01, 100, 0, 400)
    assert [axis(10.0**power) for power in range(-2, 3)] == [0, 100, 200, 300, 400]
    assert axis.ticks() == [(0, "0.01"), (100, "0.1"), (200, "1"), (300, "10"), (400, "100")]
    assert Axis(7, 7, 0, 400)(7) == 200


def test_small_and_large_ticks_are_in_scientific_notation():
    assert [text for _, text in Axis(1e-6, 1e-4, 0, 9).ticks()] == ["1e-6", "1e-5", "0.0001"]
    assert [text for _, text in Axis(1e5, 1e7, 0, 9).ticks()] == ["100000", "1e6", "1e7"]


@given(POSITIVE)
def test_positions_keep_the_order_of_values_and_stay_on_the_page(values):
    axis = log_axis(values, 0, 400)
    places = [axis(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(0 <= place <= 400 for place in places)


@given(POSITIVE)
def test_no_more_than_a_quarter_of_the_values_are_left_off_the_axis(values):
    axis = log_axis(values, 0, 400)
    assert sum(map(axis.misses, values)) <= len(values) / 4


def test_zero_has_a_place_before_the_axis_and_not_on_it():
    axis = log_axis([0.0, 0.1, 0.2, 0.5], 0, 400)
    assert axis.misses(0.0)
    assert axis.aside is not None
    assert axis(0.0) == axis.aside < axis.start
    assert axis.low > 0.05


def test_an_exact_solution_does_not_squeeze_the_others_into_a_corner():
    axis = log_axis([1e-12, 0.1, 0.2, 0.3, 0.5], 0, 400)
    assert axis.misses(1e-12)
    assert axis.low == pytest.approx(0.1 / 1.15)


def test_small_errors_that_are_many_or_near_stay_on_the_axis():
    assert not log_axis([1e-12, 0.1], 0, 400).misses(1e-12)
    assert not log_axis([1e-4, 0.1, 0.2, 0.3, 0.5], 0, 400).misses(1e-4)


def test_only_zeros_have_a_chart_too():
    axis = log_axis([0.0, 0.0], 0, 400)
    assert axis.misses(0.0)
    assert axis.ticks()


@example([5e-324])
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_a_linear_axis_shows_every_value_and_has_ticks(values):
    axis = linear_axis(values, 0, 100)
    assert not any(map(axis.misses, values))
    places = [place for place, _ in axis.ticks()]
    assert 1 <= len(places) <= 8
    assert all(-0.01 <= place <= 100.01 for place in places)

"""Numbers as tables show them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbench.results.leaderboard import Estimate
from symbench.results.report import numbers


def figure(value: float, **parts: Any) -> Estimate:
    return Estimate(value=value, n=5, **parts)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (0.0038, "0.0038"), (0.00384, "0.0038"), (0.1, "0.10"), (0.999, "1.0"),
        (1.0, "1.00"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (1234.0, "1230"),
        (99999.0, "100000"), (123456.0, "1.2e5"), (0.00099, "9.9e-4"), (1.2e-16, "1.2e-16"),
        (-2.5, "-2.50"), (-0.04, "-0.040"),
    ],
)  # fmt: skip
def test_numbers_have_two_digits_below_one_and_three_above(value: float, shown: str) -> None:
    assert numbers.number(value) == shown


@given(st.floats(-1e300, 1e300))
def test_a_number_is_shown_to_within_its_digits(value: float) -> None:
    assert float(numbers.number(value)) == pytest.approx(value, rel=0.051, abs=0)


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (523, "523"), (52_100, "52.1k"), (1_234_567, "1.23M")]
)
def test_counts_take_a_suffix(value: int, shown: str) -> None:
    assert numbers.count(value) == shown


def test_an_interval_stands_in_brackets() -> None:
    shown = numbers.interval(figure(0.0038, low=0.0031, high=0.0047))
    assert shown == "0.0038 [0.0031, 0.0047]"
    assert numbers.interval(figure(0.0038)) == "0.0038"


def test_bounds_are_marked() -> None:
    assert numbers.samples(figure(3000, censored="above")) == "> 3000"
    assert numbers.samples(figure(100, censored="below")) == "≤ 100"
    assert numbers.samples(figure(1234.0, low=900.0, high=2000.0)) == "1230"
    assert numbers.ratio(figure(12, censored="above")) == "≥ 12.0×"
    assert numbers.ratio(figure(0.5, censored="below")) == "≤ 0.50×"


def test_an_open_end_says_so() -> None:
    assert numbers.samples(figure(90.0)) == "90.0 [open]"
    assert numbers.samples(figure(90.0, low=41.0)) == "90.0 [41.0, open]"
    assert numbers.samples(figure(90.0, high=230.0)) == "90.0 [open, 230]"
    assert numbers.samples(Estimate(value=90.0, n=1)) == "90.0"


def test_a_data_ratio_has_its_interval_and_its_size() -> None:
    assert numbers.ratio_at(figure(3.2, low=2.1, high=4.5, at=300)) == "3.20× [2.10, 4.50] at 300"
    assert numbers.ratio_at(figure(3.2, low=2.1)) == "3.20× [2.10, open]"
    assert numbers.ratio_at(figure(33.0, censored="above", at=30)) == "≥ 33.0× at 30"


def test_seeds_that_disagree_are_marked_and_their_range_has_braces() -> None:
    split = figure(0.42, low=0.021, high=0.48, spread="bimodal")
    assert numbers.interval(split) == "0.42 {0.021, 0.48}‡"
    assert numbers.value(split) == "0.42‡"
    assert numbers.anchored(split) == "0.42‡"


def test_a_guess_without_labels_stands_between_chance_and_reference() -> None:
    shown = numbers.anchored(figure(0.97, chance=0.0, guess=0.5, reference=1.0))
    assert shown == "0.97 (0.00, 0.50, 1.00)"
    assert numbers.anchored(figure(0.97, guess=0.5)) == "0.97 (–, 0.50, –)"


def test_generator_scores_stand_beside_chance_and_ceiling() -> None:
    assert numbers.anchored(figure(0.97, chance=0.316, ceiling=1.0)) == "0.97 (0.32, 1.00)"
    assert numbers.anchored(figure(0.97, chance=0.316)) == "0.97 (0.32, –)"
    assert numbers.anchored(figure(0.97)) == "0.97"


def test_found_generators_are_counted_against_the_truth() -> None:
    assert numbers.found(figure(9.0, truth=10.0)) == "9/10"
    assert numbers.found(figure(0.0)) == "0"

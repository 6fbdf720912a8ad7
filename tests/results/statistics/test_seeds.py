import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from symbench.errors import InputError
from symbench.results.statistics import (
    Crossing,
    Gain,
    curve_area,
    data_gain,
    interval,
    n_to_threshold,
    rank,
)

LADDER = [30, 100, 300, 1000]
positive = st.floats(1e-6, 1e3)


def same(errors, seeds=5):
    return [[error] * seeds for error in errors]


def power_law(n, exponent, seeds=5, spread=0.0, seed=0):
    noise = np.random.default_rng(seed).normal(0, spread, (len(n), seeds))
    return (np.asarray(n, float)[:, None] ** -exponent * np.exp(noise)).tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(positive, min_size=2, max_size=8))
def test_the_interval_is_students_on_the_log_scale(values):
    found, logs = interval(values), np.log10(values)
    assume(found.spread is None and any(value % 1 for value in values))
    low, high = stats.t.interval(0.95, len(logs) - 1, logs.mean(), stats.sem(logs) or 1e-300)
    assert found.value == pytest.approx(float(np.median(values)))
    assert found.low == pytest.approx(min(10**low, found.value), rel=1e-6)
    assert found.high == pytest.approx(max(10**high, found.value), rel=1e-6)
    assert found.n == len(values)


@pytest.mark.parametrize(("values", "log"), [([-1.0, 0.5, 2.0], True), ([1.5, 2.0, 4.0], False)])
def test_the_interval_is_linear_where_a_logarithm_is_not_wanted_or_not_defined(values, log):
    found = interval(values, log=log)
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_zero_is_a_value_of_its_own_unless_a_floor_is_given():
    assert interval([0.0, 0.0, 0.0]) == type(interval([1.0]))(0.0, 0.0, 0.0, 3)
    clipped = interval([0.0, 0.01, 0.01], floor=0.005)
    logs = np.log10([0.005, 0.01, 0.01])
    assert clipped.low == pytest.approx(
        10 ** stats.t.interval(0.95, 2, logs.mean(), stats.sem(logs))[0]
    )


def test_one_seed_has_no_interval():
    found = interval([0.3])
    assert (found.value, found.low, found.high, found.n) == (0.3, None, None, 1)
    with pytest.raises(InputError):
        interval([])


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    generator = np.random.default_rng(0)
    draws = np.exp(generator.normal(0, 1, (400, 5)))
    covered = [found.low <= 1 <= found.high for found in map(interval, draws.tolist())]
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 400) ** 0.5)


@pytest.mark.parametrize("threshold", [0.02, 0.0049, 0.002])
def test_a_power_law_crosses_where_its_closed_form_says(threshold):
    found = n_to_threshold(LADDER, power_law(LADDER, 1.0), threshold)
    assert found.value == pytest.approx(1 / threshold)
    assert found.censored is None
    assert found.low == pytest.approx(found.value)
    assert found.high == pytest.approx(found.value)


def test_a_curve_that_stays_above_is_censored_at_the_last_size():
    found = n_to_threshold(LADDER, same([0.9, 0.5, 0.4, 0.3]), 0.1)
    assert (found.value, found.censored) == (1000, "above")
    assert found.high is None
    assert found.low == pytest.approx(1000)


def test_a_curve_that_starts_below_is_censored_at_the_first_size():
    found = n_to_threshold(LADDER, same([0.09, 0.05, 0.04, 0.03]), 0.1)
    assert (found.value, found.censored, found.low) == (30, "below", None)


def test_reaching_the_threshold_at_a_size_is_reaching_it():
    assert n_to_threshold(LADDER, same([0.9, 0.1, 0.05, 0.01]), 0.1).value == pytest.approx(100)


def test_one_lucky_size_is_pooled_with_what_follows():
    found = n_to_threshold([10, 100, 1000], same([1.0, 0.01, 1.0]), 0.05)
    assert found.censored == "above"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-5, 1.0), min_size=2, max_size=7), st.floats(1e-4, 0.5))
def test_the_crossing_agrees_with_sklearns_isotonic_fit(errors, threshold):
    sizes = [10 * 2**i for i in range(len(errors))]
    logs = np.log10(errors)
    fit = IsotonicRegression(increasing=False).fit_transform(np.arange(len(errors)), logs)
    found = n_to_threshold(sizes, same(errors, 1), threshold)
    target = np.log10(threshold)
    if fit[-1] > target + 1e-9:
        assert (found.value, found.censored) == (sizes[-1], "above")
    elif fit[0] <= target:
        assert (found.value, found.censored) == (sizes[0], "below")
    elif found.censored is None:
        at = np.interp(np.log(found.value), np.log(sizes), fit)
        assert at == pytest.approx(target, abs=1e-6)


def test_the_crossings_interval_is_students_over_the_seeds():
    errors = power_law(LADDER, 1.0, seeds=6, spread=0.2)
    found = n_to_threshold(LADDER, errors, 0.005)
    seeds = [n_to_threshold(LADDER, [[at[s]] for at in errors], 0.005).value for s in range(6)]
    logs = np.log(seeds)
    low, high = np.exp(stats.t.interval(0.95, 5, logs.mean(), stats.sem(logs)))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.n == 6


def test_one_censored_seed_opens_one_end():
    errors = [[1.0] * 3, [0.1, 0.1, 0.1], [0.01, 0.01, 0.06]]
    found = n_to_threshold([10, 100, 1000], errors, 0.05)
    assert found.censored is None
    assert found.high is None
    assert found.low < found.value


def test_a_ladder_with_missing_trials_has_a_value_and_no_interval():
    found = n_to_threshold([10, 100], [[1.0, 1.0], [0.01]], 0.1)
    assert found.value == pytest.approx(10**1.5)
    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(
    ("sizes", "errors"), [([10, 10], [[1.0], [1.0]]), ([10], []), ([10, 20], [[1.0], []])]
)
def test_a_ladder_that_is_none_is_refused(sizes, errors):
    with pytest.raises(InputError):
        n_to_threshold(sizes, errors, 0.1)


@pytest.mark.parametrize(
    ("baseline", "model", "gain"),
    [
        ((1000, None), (100, None), Gain(10, None)),
        ((1000, "above"), (100, None), Gain(10, "≥")),
        ((1000, None), (1000, "above"), Gain(1, "≤")),
        ((1000, "above"), (1000, "above"), None),
        ((1000, None), (30, "below"), Gain(1000 / 30, "≥")),
        ((1000, "above"), (30, "below"), Gain(1000 / 30, "≥")),
        ((30, "below"), (300, None), Gain(0.1, "≤")),
        ((30, "below"), (30, "below"), None),
    ],
)
def test_a_gain_over_a_censored_crossing_is_a_bound(baseline, model, gain):
    assert data_gain(Crossing(*baseline), Crossing(*model)) == gain


def test_the_area_of_a_power_law_is_its_middle():
    area = curve_area(LADDER, power_law(LADDER, 1.5))
    assert area == pytest.approx(-1.5 * np.log10(np.sqrt(30 * 1000)))


def test_the_area_does_not_depend_on_sizes_added_to_a_straight_line():
    assert curve_area([30, 1000], power_law([30, 1000], 0.7)) == pytest.approx(
        curve_area([30, 500, 1000], power_law([30, 500, 1000], 0.7))
    )


def test_the_area_of_one_size_is_its_log_and_zero_errors_are_clipped():
    assert curve_area([30], [[0.01, 0.1, 1.0]]) == pytest.approx(-1)
    assert curve_area([30, 100], same([0.0, 0.0])) == pytest.approx(-12)
    assert curve_area([30, 100], same([0.0, 0.0]), floor=0.01) == pytest.approx(-2)


def draws(centre, seed, seeds=5, spread=0.1):
    return (centre * np.exp(np.random.default_rng(seed).normal(0, spread, seeds))).tolist()


def test_models_far_apart_have_places_of_their_own():
    found = rank({"mlp": draws(0.5, 0), "emlp": draws(0.05, 1), "scalars": draws(0.001, 2)})
    places = {name: (r.low, r.high, r.group) for name, r in found.items()}
    assert places == {"scalars": (1, 1, "a"), "emlp": (2, 2, "b"), "mlp": (3, 3, "c")}
    assert list(found) == ["scalars", "emlp", "mlp"]


def test_models_that_the_seeds_cannot_tell_apart_share_place_and_letter():
    found = rank({name: draws(0.1, seed) for seed, name in enumerate("xyz")})
    assert {(r.low, r.high, r.group) for r in found.values()} == {(1, 3, "a")}


def test_a_model_between_two_others_may_tie_with_both():
    found = rank({
        "best": [1.0, 1.1, 0.9, 1.05, 0.95],
        "noisy": [0.5, 8.0, 2.0, 1.0, 30.0],
        "worst": [9.0, 10.0, 11.0, 9.5, 10.5],
    })  # fmt: skip
    assert {name: r.group for name, r in found.items()} == {
        "best": "a", "noisy": "ab", "worst": "b",
    }  # fmt: skip
    assert (found["noisy"].low, found["noisy"].high) == (1, 3)


def test_holm_keeps_chance_findings_rare():
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        logs = generator.normal(0, 1, (6, 5))
        wrong += any(
            r.group != "a" for r in rank(dict(zip("abcdef", np.exp(logs), strict=True))).values()
        )
    assert wrong / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_pairs_are_compared_by_welchs_test():
    a, b = draws(0.1, 0, spread=0.3), draws(0.18, 1, seeds=7)
    p = stats.ttest_ind(np.log10(a), np.log10(b), equal_var=False).pvalue
    tied = rank({"a": a, "b": b})["b"].group == "a"
    assert tied == (p > 0.05)
    close = rank({"a": a, "b": [x * 0.6 for x in b]})
    p = stats.ttest_ind(np.log10(a), np.log10(b) + np.log10(0.6), equal_var=False).pvalue
    assert (close["a"].group == close["b"].group) == (p > 0.05)


def test_models_without_randomness_are_told_apart():
    found = rank({"one": [0.1] * 5, "two": [0.2] * 5, "same": [0.1] * 5})
    assert found["one"].group == found["same"].group == "a"
    assert found["two"].group == "b"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(positive, min_size=2, max_size=4), min_size=1, max_size=6))
def test_ranks_are_consistent(errors):
    found = rank({f"m{i}": values for i, values in enumerate(errors)})
    assert all(1 <= r.low <= r.high <= len(errors) for r in found.values())
    assert all(r.group for r in found.values())
    assert "a" in next(iter(found.values())).group


def test_a_model_of_one_seed_is_not_ranked():
    with pytest.raises(InputError, match="'one'"):
        rank({"one": [0.1], "two": [0.1, 0.2]})


def test_loading_the_statistics_does_not_load_scipy():
    code = (
        "import sys, symbench.results.statistics; "
        "sys.exit(bool({'scipy', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

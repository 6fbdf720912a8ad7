"""Interquartile mean, profile, probability of improvement, places: known answers and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from symbench.errors import InputError
from symbench.results.statistics import (
    Interval,
    Panel,
    improvement,
    interquartile_mean,
    mean_error,
    mean_of,
    normalised,
    places,
    profile,
)

# Three tasks of four seeds. Origin of the figures below: rliable 1.2.0 with scipy 1.17.1,
# metrics.aggregate_iqm(a.T), metrics.probability_of_improvement(1 - a.T, 1 - b.T) and
# metrics.aggregate_optimality_gap(1 - a.T); rliable's scores are better when larger.
A = [[0.63, 0.23, 0.01, 0.47], [0.9, 0.3, 0.82, 0.3], [0.78, 0.87, 0.8, 0.28]]
B = [[0.18, 0.39, 0.44, 0.11], [0.31, 0.7, 0.69, 0.43], [0.35, 0.55, 0.15, 0.03]]

error = st.floats(1e-6, 1.0)
whole = st.lists(st.lists(error, min_size=4, max_size=4), min_size=1, max_size=4)
ragged = st.lists(st.lists(error, min_size=1, max_size=6), min_size=1, max_size=5)


def noisy(centres, seeds=5, spread=0.3, seed=0):
    generator = np.random.default_rng(seed)
    draws = [np.exp(generator.normal(np.log(c), spread, seeds)) for c in centres]
    return [np.minimum(task, 1).tolist() for task in draws]


def test_the_known_answers_of_rliable():
    assert interquartile_mean(A).value == pytest.approx(0.5466666666666665, rel=1e-12)
    assert interquartile_mean(B).value == pytest.approx(0.35, rel=1e-12)
    assert improvement(A, B).value == pytest.approx(1 / 3, rel=1e-12)
    assert mean_error(A).value == pytest.approx(0.5325, rel=1e-12)


def test_rliable_itself_agrees():
    metrics = pytest.importorskip("rliable.metrics")
    for seed in range(20):
        a, b = np.random.default_rng(seed).uniform(0, 1, (2, 5, 8)).round(1)
        ours = interquartile_mean(a).value, improvement(a, b).value, mean_error(a).value
        assert ours[0] == pytest.approx(metrics.aggregate_iqm(a.T))
        assert ours[1] == pytest.approx(metrics.probability_of_improvement(-a.T, -b.T))
        assert ours[2] == pytest.approx(metrics.aggregate_optimality_gap(1 - a.T))


@settings(max_examples=30, deadline=None)
@given(whole)
def test_where_four_divides_the_errors_it_is_the_trimmed_mean(errors):
    expected = stats.trim_mean(np.ravel(errors), 0.25)
    assert interquartile_mean(errors).value == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(ragged, st.randoms(use_true_random=False))
def test_neither_the_order_of_tasks_nor_that_of_seeds_matters(errors, random):
    mixed = [random.sample(task, len(task)) for task in random.sample(errors, len(errors))]
    for figure in (interquartile_mean, mean_error):
        assert figure(mixed).value == pytest.approx(figure(errors).value)


@settings(max_examples=30, deadline=None)
@given(ragged)
def test_a_task_has_the_same_weight_however_many_seeds_it_has(errors):
    repeated = [errors[0] * 3, *errors[1:]]
    assert interquartile_mean(repeated).value == pytest.approx(interquartile_mean(errors).value)
    assert mean_error(repeated).value == pytest.approx(mean_error(errors).value)


@settings(max_examples=20, deadline=None)
@given(ragged, st.floats(1e-3, 1e3))
def test_the_averages_scale_with_the_errors(errors, factor):
    scaled = [[factor * x for x in task] for task in errors]
    for figure in (interquartile_mean, mean_error):
        one, other = figure(errors), figure(scaled)
        assert other.value == pytest.approx(factor * one.value)
        if one.low is not None:
            assert (other.low, other.high) == pytest.approx((factor * one.low, factor * one.high))


@settings(max_examples=20, deadline=None)
@given(ragged)
def test_an_interval_holds_its_value_and_stays_within_the_errors(errors):
    found = interquartile_mean(errors)
    assert found.n == min(map(len, errors))
    if found.n == 1:
        assert (found.low, found.high) == (None, None)
    else:
        smallest, largest = min(map(min, errors)), max(map(max, errors))
        assert smallest * (1 - 1e-9) <= found.low <= found.value <= found.high
        assert found.high <= largest * (1 + 1e-9)


def test_equal_seeds_leave_no_interval_open():
    found = interquartile_mean([[0.2] * 5, [0.4] * 5])
    assert (found.low, found.value, found.high) == pytest.approx((0.3, 0.3, 0.3))


@pytest.mark.parametrize(("tasks", "least"), [(1, 0.88), (4, 0.88), (6, 0.90), (9, 0.90)])
def test_the_interval_covers_the_interquartile_mean_of_endless_seeds(tasks, least):
    """Measured with 1000 panels of five seeds: 0.92 to 0.94; the margin is two sigma of 200."""
    centres = np.geomspace(0.02, 0.3, tasks)
    endless = np.sort(np.ravel(noisy(centres, 40_000, seed=1)))
    truth = endless[len(endless) // 4 : 3 * len(endless) // 4].mean()
    found = [interquartile_mean(noisy(centres, seed=seed)) for seed in range(2, 202)]
    assert np.mean([one.low <= truth <= one.high for one in found]) >= least


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    truth = 0.1 * np.exp(0.3**2 / 2)
    found = [mean_error(noisy([0.1] * 4, seed=seed)) for seed in range(300)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert covered == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 300) ** 0.5)


def test_the_profile_counts_the_errors_up_to_each_threshold():
    found = profile([[0.1, 0.2, 0.3, 0.4], [0.5] * 4], [0.05, 0.1, 0.2, 0.45, 0.5, 1.0])
    assert [one.value for one in found] == [0, 0.125, 0.25, 0.5, 1, 1]
    assert all(one.low <= one.value <= one.high for one in found)
    assert (found[-1].low, found[-1].high) == (1, 1)


@settings(max_examples=20, deadline=None)
@given(ragged)
def test_a_profile_never_falls_and_ends_at_one(errors):
    shares = [one.value for one in profile(errors, np.geomspace(1e-7, 1, 9))]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(whole, st.integers(0, 9))
def test_the_probabilities_of_improvement_of_two_models_sum_to_one(errors, seed):
    other = np.random.default_rng(seed).permuted(np.array(errors) ** 1.1, axis=1).tolist()
    there, back = improvement(errors, other), improvement(other, errors)
    assert there.value + back.value == pytest.approx(1)
    assert there.low + back.high == pytest.approx(1)
    assert improvement(errors, errors).value == 0.5


@settings(max_examples=20, deadline=None)
@given(whole, whole, st.floats(0.2, 5))
def test_improvement_and_places_ask_for_the_order_only(a, b, power):
    tasks = min(len(a), len(b))
    a, b = np.array(a[:tasks]).round(6), np.array(b[:tasks]).round(6)
    assert improvement(a**power, b**power).value == improvement(a, b).value
    one = places(Panel.of({"a": a, "b": b}))
    other = places(Panel.of({"a": 0.5 * a, "b": 0.5 * b}))
    assert [p.mean.value for p in one.values()] == [p.mean.value for p in other.values()]


def test_a_model_that_always_wins_has_the_first_place():
    found = places(Panel.of({"bad": noisy([0.5] * 3), "good": noisy([0.01] * 3, seed=1)}))
    assert (found["good"].low, found["good"].high, found["good"].mean.value) == (1, 1, 1)
    assert (found["bad"].low, found["bad"].high, found["bad"].mean.value) == (2, 2, 2)


def test_equal_models_share_rank_and_have_every_place():
    errors = noisy([0.1, 0.2])
    found = places(Panel.of({"a": errors, "b": errors, "c": errors}))
    assert {(p.low, p.high, p.mean.value, p.mean.low) for p in found.values()} == {(1, 3, 2, 2)}


def test_places_do_not_depend_on_the_order_of_models():
    errors = {name: noisy([0.1] * 4, seed=i) for i, name in enumerate("abcd")}
    assert places(Panel.of(errors)) == places(Panel.of(dict(reversed(errors.items()))))


def test_an_interval_of_places_holds_the_true_place():
    """Four models, three of them within the noise of five seeds, on six tasks."""
    centres = np.exp(np.random.default_rng(0).normal(0, 0.3, (4, 6))) * 0.05
    centres[3] *= 2
    true = stats.rankdata(stats.rankdata(centres, axis=0).mean(axis=1))
    held = []
    for seed in range(100):
        errors = {str(i): noisy(centres[i], seed=4 * seed + i) for i in range(4)}
        found = places(Panel.of(errors))
        held += [found[str(i)].low <= true[i] <= found[str(i)].high for i in range(4)]
    assert np.mean(held) >= 0.95


def test_errors_are_clipped_between_the_floor_and_a_guess():
    assert normalised([0.0, 0.045, 0.45, 2.0], 0.9, 0.009) == pytest.approx([0.01, 0.05, 0.5, 1])
    assert normalised([0.0], 2.0) == pytest.approx([5e-13])
    with pytest.raises(InputError, match="chance"):
        normalised([0.1], 0.0)


@pytest.mark.parametrize("errors", [{}, {"a": []}, {"a": [[]]}])
def test_a_panel_of_nothing_is_refused(errors):
    with pytest.raises(InputError, match="nothing to compare"):
        Panel.of(errors)


def test_a_panel_of_models_with_other_seeds_is_refused():
    with pytest.raises(InputError, match="'b' has other tasks or seeds than 'a'"):
        Panel.of({"a": [[1.0, 0.5]], "b": [[1.0]]})


@pytest.mark.parametrize("errors", [[], [[0.1], []]])
def test_an_average_of_nothing_is_refused(errors):
    with pytest.raises(InputError, match="nothing to average"):
        interquartile_mean(errors)


def test_the_mean_of_equally_sure_estimates_is_surer_by_the_root_of_their_number():
    parts = [Interval(value, value - 0.3, value + 0.6, 5) for value in (0.1, 0.4, 0.7, 0.8)]
    mean = mean_of(parts)
    assert mean.value == pytest.approx(0.5)
    assert (mean.low, mean.high) == (pytest.approx(0.5 - 0.15), pytest.approx(0.5 + 0.3))


def test_a_mean_without_the_interval_of_a_part_has_none():
    assert mean_of([Interval(0.1, 0.0, 0.2, 5), Interval(0.3, None, None, 1)]) == Interval(
        0.2, None, None, 1
    )
    with pytest.raises(InputError):
        mean_of([])


def test_the_interval_of_a_mean_covers_it_as_often_as_stated():
    drawn = np.random.default_rng(0).normal(size=(400, 3, 6)) * np.array([1.0, 3.0, 0.2])[:, None]
    covered = 0
    for kinds in drawn:  # Student's interval of each kind
        half = 2.571 * kinds.std(axis=1, ddof=1) / 6**0.5
        parts = [Interval(m, m - h, m + h, 6) for m, h in zip(kinds.mean(1), half, strict=True)]
        mean = mean_of(parts)
        covered += mean.low <= 0 <= mean.high
    assert 0.93 <= covered / 400 <= 0.98

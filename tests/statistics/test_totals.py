"""Means over tasks and the places that seeds leave open."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.errors import InputError
from symbench.results.statistics import TaskMean, mean_places

VALUES = st.lists(st.floats(-3, 0), min_size=5, max_size=5)


def means(by_model):
    return {name: TaskMean.of(values, [5] * len(values)) for name, values in by_model.items()}


@settings(max_examples=30)
@given(st.lists(VALUES, min_size=1, max_size=4))
def test_a_task_without_values_counts_as_zero(tasks):
    own = TaskMean.of(tasks, [5] * len(tasks))
    charged = TaskMean.of([*tasks, ()], [5] * (len(tasks) + 1))
    share = len(tasks) / (len(tasks) + 1)
    assert charged.value == pytest.approx(own.value * share)
    for interval in (own.interval(), charged.interval()):
        assert interval.low <= interval.value <= interval.high


@settings(max_examples=30)
@given(st.lists(VALUES, min_size=3, max_size=5), st.integers(1, 5))
def test_copies_of_a_model_share_its_places_and_move_no_other_model_past_another(models, copies):
    alone = means({f"m{i}": [values] for i, values in enumerate(models)})
    with_copies = alone | {f"copy{i}": alone["m0"] for i in range(copies)}
    before, after = (mean_places(one, least_first=True) for one in (alone, with_copies))
    assert {after[f"copy{i}"] for i in range(copies)} == {after["m0"]}
    for name, (low, high) in before.items():
        better = (after[name][0] - low) // copies  # whether the copied model is better
        worse = (high + copies - after[name][1]) // copies
        assert (better, worse) in {(0, 0), (0, 1), (1, 0)}
        assert after[name] == (low + copies * better, high + copies * (1 - worse))


def test_places_follow_differences_that_the_seeds_show():
    near = [[-2.0, -2.1, -1.9, -2.0, -2.05]]
    found = means({"far": [[-1.0, -1.1, -0.9, -1.0, -1.05]], "near": near, "same": near})
    assert mean_places(found, least_first=True) == {"near": (1, 2), "same": (1, 2), "far": (3, 3)}
    assert mean_places(found, least_first=False) == {"far": (1, 1), "near": (2, 3), "same": (2, 3)}
    noisy = means({"a": [[-2.0, -1.0, -3.0, -1.5, -2.5]], "b": [[-2.2, -1.9, -1.2, -3.1, -2.0]]})
    assert set(mean_places(noisy, least_first=True).values()) == {(1, 2)}


def test_no_value_at_all_is_an_error():
    with pytest.raises(InputError, match="nothing to average"):
        TaskMean.of([(), ()], [5, 5])

"""Two models over the tasks that they share: what is paired, what is found, what is left out."""

from __future__ import annotations

from statistics import geometric_mean
from typing import Any

import numpy as np
import pytest
from made_records import SIZES, broken, cell
from scipy.stats import wilcoxon

from symbench.errors import InputError
from symbench.records.record import Record, TrialRecord
from symbench.results.leaderboard.pair import Paired, compare_pair


def task(name: str, model: str, error: float, **parts: Any) -> Record:
    return cell(model, (1.0, 1.0, error), identity={"task": name}, **parts)


def noisy(name: str, model: str, errors: list[float]) -> Record:
    """A record with these errors by seed at the largest size, and 1 at the others."""
    trials = [
        TrialRecord(n_train=n, seed=s, status="ok", scores={"error": e if n == SIZES[-1] else 1.0})
        for n in SIZES for s, e in enumerate(errors)
    ]  # fmt: skip
    identity = {"task": name, "seeds": list(range(len(errors)))}
    return cell(model, identity=identity, trials=trials)


def compared(records: list[Record], **options: Any) -> Paired:
    return compare_pair(records, "quick", ("a", "b"), **options)


def test_a_constant_ratio_is_the_ratio_of_every_task_and_of_all() -> None:
    records = [task(f"t{i}", m, e) for i in range(4) for m, e in (("a", 0.01), ("b", 0.03))]
    paired = compared(records)
    assert paired.ratio.value == pytest.approx(3.0)
    assert [one.ratio.value for one in paired.tasks] == pytest.approx([3.0] * 4)
    assert paired.improvement.value == 1.0
    assert paired.differ
    assert paired.p == paired.smallest_p == 2.0**-19


def test_swapping_the_models_inverts_the_ratio_and_keeps_p() -> None:
    draws = np.random.default_rng(4).lognormal(-3, 0.5, (3, 2, 5))
    records = [noisy(f"t{i}", "ab"[j], list(draws[i, j])) for i in range(3) for j in range(2)]
    there = compared(records)
    back = compare_pair(records, "quick", ("b", "a"))
    assert back.ratio.value == pytest.approx(1 / there.ratio.value)
    assert back.p == pytest.approx(there.p)
    assert back.improvement.value == pytest.approx(1 - there.improvement.value)
    assert [one.task for one in back.tasks] == [one.task for one in there.tasks]
    by_task = [geometric_mean(draws[i, 1] / draws[i, 0]) for i in range(3)]
    assert there.ratio.value == pytest.approx(geometric_mean(by_task))


def test_on_one_task_the_test_is_that_of_wilcoxon() -> None:
    first, second = np.random.default_rng(7).lognormal(-3, 0.5, (2, 9))
    paired = compared([noisy("t", "a", list(first)), noisy("t", "b", list(second))])
    expected = wilcoxon(np.log(first) - np.log(second), mode="exact").pvalue
    assert paired.p == pytest.approx(expected)


def test_the_task_on_which_they_differ_most_comes_first_in_either_direction() -> None:
    ratios = {"like": 1.1, "worse": 0.05, "better": 8.0}
    records = [task(t, "a", 0.01) for t in ratios]
    records += [task(t, "b", 0.01 * ratio) for t, ratio in ratios.items()]
    assert [one.task for one in compared(records).tasks] == ["worse", "better", "like"]


def test_only_seeds_of_both_are_paired() -> None:
    paired = compared([noisy("t", "a", [0.1, 0.2, 0.4, 0.1]), noisy("t", "b", [0.2, 0.4, 0.8])])
    (one,) = paired.tasks
    assert one.seeds == 3
    assert one.first.value == 0.2
    assert paired.ratio.value == pytest.approx(2.0)
    assert not paired.differ  # three seeds allow no p below 0.25
    assert paired.smallest_p == 0.25
    assert paired.detectable_ratio is None


def test_two_models_with_the_same_errors_tie() -> None:
    records = [noisy("t", m, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) for m in "ab"]
    paired = compared(records)
    assert paired.p == 1
    assert paired.ratio.value == 1
    assert paired.improvement.value == 0.5


def test_every_task_that_is_not_compared_has_its_reason() -> None:
    records = [
        *(task("both", m, 0.1) for m in "ab"),
        task("alone", "a", 0.1),
        task("declined", "a", 0.1),
        broken("b", "declined", "reads graphs"),
        task("terms", "a", 0.1),
        task("terms", "b", 0.1, protocol={"updates": 7}),
        *(task("no-chance", m, 0.1, protocol={"chance_error": None}) for m in "ab"),
        *(task("stale", m, 0.1) for m in "ab"),
    ]
    moved = records[4].identity.model_copy(update={"task": "declined"})
    records[4] = records[4].model_copy(update={"identity": moved})
    paired = compared(records, stale=lambda record: record.identity.task == "stale")
    assert [one.task for one in paired.tasks] == ["both"]
    assert paired.left_out == {
        "alone": "no record of b",
        "declined": "b: declined",
        "no-chance": "no error that can be divided by that of chance",
        "stale": "stale: the task, the model or the protocol has changed since",
        "terms": "their data, sizes or budgets differ",
    }


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("a", "a"), "'a' is given twice"),
        (("a", "bb"), "did you mean b"),
        (("a", "c"), "a and c share no task with errors to compare"),
    ],
)
def test_a_pair_that_cannot_be_compared_is_refused(models: Any, words: str) -> None:
    records = [task("t", "a", 0.1), task("t", "b", 0.1), task("u", "c", 0.1)]
    with pytest.raises(InputError, match=words):
        compare_pair(records, "quick", models)


def test_only_the_selected_tasks_are_compared() -> None:
    records = [task(t, m, e) for t in ("t", "u") for m, e in (("a", 0.1), ("b", 0.2))]
    paired = compared(records, selects=lambda cell: cell.task == "u")
    assert [one.task for one in paired.tasks] == ["u"]
    assert not paired.left_out

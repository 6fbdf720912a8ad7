"""Records -> one board over tasks for all models, and one for each prior class."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from symbench.records.record import Identity, Record
from symbench.results import statistics
from symbench.results.leaderboard.equal_size import Size, at_equal_size
from symbench.results.leaderboard.normalised import Runs, task_runs
from symbench.results.leaderboard.per_task import RANKED_SEEDS
from symbench.results.leaderboard.rows import EqualSize
from symbench.results.leaderboard.selection import by_task, newest
from symbench.results.statistics import Interval, Nemenyi, Panel, Place

CLASSES = ("none", "told", "discovers")
THRESHOLDS = tuple(float(f"{10 ** (step / 4 - 6):.4g}") for step in range(25))  # of the profile
FEW_TASKS = 4  # below it the interval of an interquartile mean falls short of 95 %


@dataclass(frozen=True)
class Standing:
    """One model over the tasks of its board; ``place`` and ``group`` only if it is ranked.

    ``covered``: on how many tasks it has errors, inside the board and out. ``seeds``: the fewest
    on a task. ``at_floor``: the tasks with errors too small to be told from 0. ``tuning``: the
    tuning budgets on the tasks, in trials, each once.
    """

    model: str
    prior: str | None
    covered: int
    seeds: int
    diverged: int
    at_floor: list[str]
    tuning: list[int]
    iqm: Interval
    mean: Interval
    profile: list[Interval]
    place: Place | None = None
    group: str | None = None


@dataclass(frozen=True)
class Versus:
    """P(error of ``model`` < error of ``other``), and Holm's p value of the paired test."""

    model: str
    other: str
    improvement: Interval
    p: float


@dataclass(frozen=True)
class Comparisons:
    """What the ranked models say together; ``seeds`` are paired on each task.

    ``smallest_p`` is the least that the paired test has with them, before Holm's correction.
    """

    seeds: list[int]
    smallest_p: float
    pairs: list[Versus]
    detectable_ratio: float | None
    nemenyi: Nemenyi | None


@dataclass(frozen=True)
class Board:
    """Models that share tasks: ranked ones by mean rank, then the others by their IQM.

    ``available`` counts the tasks of any model; ``outside`` names the tasks that a model lacks.
    """

    name: str
    tasks: list[str]
    available: int
    standings: list[Standing]
    comparisons: Comparisons | None
    outside: dict[str, list[str]]


@dataclass(frozen=True)
class Summary:
    """The boards of one tier."""

    tier: str
    boards: list[Board]
    equal_size: EqualSize | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        boards = [asdict(board) for board in self.boards]
        for board in boards:
            if board["comparisons"] and board["comparisons"]["nemenyi"]:
                del board["comparisons"]["nemenyi"]["tasks"]  # those of the board
        whole = {"schema": 1, "tier": self.tier, "thresholds": list(THRESHOLDS), "boards": boards}
        if self.equal_size is not None:
            whole["equal_size"] = self.equal_size.model_dump(mode="json")
        return whole


_Models = Mapping[str, Mapping[str, Runs]]  # model -> task -> runs


def summarise(
    records: Iterable[Record],
    tier: str,
    stale: Callable[[Identity], bool] = lambda _: False,
    chosen: Callable[[Identity], bool] = lambda _: True,
    size: Size | None = None,
) -> Summary:
    """Return the boards of one tier, from each pair's newest current record.

    Errors are those at the largest n_train ÷ the task's chance error, clipped to [floor, 1]. Of
    the sets of tasks that two or more models share, a board takes that for which models × tasks
    is largest, and every model that has all of them.

    Args:
        records: of any tier, from any number of stores.
        stale: whether a record's task, model or protocol has changed since it was made.
        chosen: which cells the boards are made from.
        size: compare only models of this size; the others are named in ``equal_size``.
    """
    current, _ = newest(records, tier, stale)
    current, told = [record for record in current if chosen(record.identity)], None
    if size is not None:
        current, told = at_equal_size(by_task(current).values(), size)
    models: dict[str, dict[str, Runs]] = defaultdict(dict)
    for task, of_task in sorted(by_task(current).items()):
        for model, runs in task_runs(of_task).items():
            models[model][task] = runs
    boards = [_board("overall", models)] if models else []
    for prior in CLASSES:
        mine = {m: t for m, t in models.items() if next(iter(t.values())).prior == prior}
        if mine and len(mine) < len(models):
            boards.append(_board(prior, mine))
    return Summary(tier, boards, told)


def _board(name: str, models: _Models) -> Board:
    tasks = _shared_tasks([frozenset(runs) for runs in models.values()])
    inside = {model: runs for model, runs in models.items() if set(tasks) <= set(runs)}
    seeds = {task: _common_seeds([runs[task] for runs in inside.values()]) for task in tasks}
    paired = {
        model: [[runs[task].errors[seed] for seed in seeds[task]] for task in tasks]
        for model, runs in inside.items()
        if all(seeds[task] and set(seeds[task]) <= set(runs[task].errors) for task in tasks)
    }
    ranked = Panel.of(paired) if len(paired) > 1 else None
    compared = None if ranked is None else statistics.compare(ranked)
    places = {} if ranked is None else statistics.places(ranked)
    groups = {} if compared is None else compared.groups
    standings = [
        _standing(model, runs, tasks, places.get(model), groups.get(model))
        for model, runs in inside.items()
    ]
    return Board(
        name=name,
        tasks=tasks,
        available=len({task for runs in models.values() for task in runs}),
        standings=sorted(standings, key=_order),
        comparisons=None if ranked is None or compared is None else _comparisons(ranked, compared),
        outside={m: [t for t in tasks if t not in r] for m, r in models.items() if m not in inside},
    )


def _shared_tasks(sets: Sequence[frozenset[str]]) -> list[str]:
    """Return the tasks for which tasks × models that have them all is largest; then most tasks."""
    distinct = set(sets)
    candidates = distinct | {a & b for a, b in combinations(distinct, 2)}

    worth = []
    for tasks in candidates:
        models = sum(tasks <= one for one in sets)
        worth.append((models > 1 and bool(tasks), models * len(tasks), len(tasks), sorted(tasks)))
    return max(worth)[-1]


def _common_seeds(runs: Sequence[Runs]) -> list[int]:
    """Return the seeds, at least five, that most models share; none if no model has as many."""
    sets = [frozenset(one.errors) for one in runs if len(one.errors) >= RANKED_SEEDS]
    worth = [(sum(seeds <= other for other in sets), len(seeds), sorted(seeds)) for seeds in sets]
    return max(worth, default=(0, 0, []))[-1]


def _standing(
    model: str,
    runs: Mapping[str, Runs],
    tasks: Sequence[str],
    place: Place | None,
    group: str | None,
) -> Standing:
    errors = [list(runs[task].errors.values()) for task in tasks]
    return Standing(
        model=model,
        prior=runs[tasks[0]].prior,
        covered=len(runs),
        seeds=min(len(task) for task in errors),
        diverged=sum(runs[task].diverged for task in tasks),
        at_floor=[task for task in tasks if runs[task].at_floor],
        tuning=sorted({runs[task].tuning for task in tasks}),
        iqm=statistics.interquartile_mean(errors),
        mean=statistics.mean_error(errors),
        profile=statistics.profile(errors, THRESHOLDS),
        place=place,
        group=group,
    )


def _comparisons(ranked: Panel, compared: statistics.Comparison) -> Comparisons:
    errors = {m: [task[i] for task in ranked.errors] for i, m in enumerate(ranked.models)}
    seeds = [task.shape[1] for task in ranked.errors]
    pairs = [
        Versus(a, b, statistics.improvement(errors[a], errors[b]), p)
        for (a, b), p in compared.p_values.items()
    ]
    smallest, ratio = statistics.smallest_p(seeds), statistics.detectable_ratio(ranked)
    return Comparisons(seeds, smallest, pairs, ratio, statistics.nemenyi(ranked))


def _order(standing: Standing) -> tuple[float, float, str]:
    rank = standing.place.mean.value if standing.place else math.inf
    return rank, standing.iqm.value, standing.model

"""Records -> boards: models ranked over a fixed list of tasks, a declined task counting as a guess.

The figure of a model depends on its own results alone, so that other models move no figure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

from symbench.contract.board import Board
from symbench.errors import InputError
from symbench.records.record import Record
from symbench.results import statistics
from symbench.results.leaderboard.discovery import discovery_board
from symbench.results.leaderboard.normalised import normalised_errors
from symbench.results.leaderboard.over_tasks import MOST_MODELS
from symbench.results.leaderboard.per_task import RANKED_SEEDS
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import UNRANKED, Leaderboard, Row
from symbench.results.leaderboard.selection import by_task, newest
from symbench.results.statistics import Interval, Nemenyi, Panel, TaskMean

LEAST = 1e-6  # error ÷ chance: a smaller one counts as this, so that one exact task decides little
NOT_RUN = "not run"
_CHARGED = frozenset({"declined", "failed", "timeout", "oom", "crashed"})


@dataclass(frozen=True)
class Entry:
    """One model on a board.

    Attributes:
        model: its name.
        prior: what it knows beforehand.
        own: its figure over the tasks on which it has a result.
        charged: its figure over all tasks, of which one without a result counts as a guess.
        own_most: the largest figure that it could have on its own tasks.
        answered: the number of its own tasks.
        without: why it has no result on the others, by task: declined, failed, not run.
        place: the first and the last place, by ``charged``, that the seeds leave open. None with
            fewer than five seeds on a task, or with one that was not run or not compared.
    """

    model: str
    prior: str | None
    own: Interval
    charged: Interval
    own_most: float
    answered: int
    without: dict[str, str]
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class Standings:
    """The models of a board, best first.

    Attributes:
        board: the question and the list of tasks.
        tier: of every result.
        tasks: those on which any model has a result.
        not_run: the other tasks of the board.
        entries: the ranked models by ``charged``, then the others.
        most: the largest figure there can be: 1, or the number of things to find.
        nemenyi: mean ranks of the ranked models that have a result on every task.
    """

    board: Board
    tier: str
    tasks: list[str]
    not_run: list[str]
    entries: list[Entry] = field(default_factory=list)
    most: float = 1.0
    nemenyi: Nemenyi | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {"schema": 1, **asdict(self)}


def standings(
    board: Board,
    records: Sequence[Record],
    table: Leaderboard,
    stale: Callable[[Record], bool] = lambda _: False,
) -> Standings:
    """Return the standings of one board.

    The figure of a board that ranks by ``error`` is the geometric mean, over tasks and seeds, of
    error ÷ chance error at the largest n_train, clipped to [1e-6, 1]. With ``headline`` it is the
    number of things found on all tasks, with ``discovery`` the mean figure of merit.

    Args:
        board: the question and its tasks.
        records: of any tier, from any number of stores.
        table: the leaderboard of the same records; it holds the tier and the declined pairs.
        stale: whether the task, model, protocol or metrics of a record have changed.

    Raises:
        InputError: more models than can be compared in bounded time.
    """
    current, _ = newest(records, table.tier, stale)
    mine = [record for record in current if record.identity.task in board.tasks]
    if (count := len({record.identity.model for record in mine if record.trials})) > MOST_MODELS:
        raise InputError(f"{count} models: rank at most {MOST_MODELS} together; choose with -m")
    without = {(row.task, row.model): _why_not(row) for row in table.rows}
    if board.ranks == "discovery":
        return _of_discovery(board, mine, table.tier, without)
    found = _errors(mine) if board.ranks == "error" else _counts(mine)
    tasks = [task for task in board.tasks if task in found]
    empty = _empty(board, table.tier, tasks)
    return _filled(empty, found, without) if tasks else empty


@dataclass(frozen=True)
class _Values:
    """One model on one task: a value per seed in which 0 is a guess, and the largest value."""

    prior: str | None
    seeds: list[float]
    most: float = 1.0


_Found = Mapping[str, Mapping[str, _Values]]  # by task, then by model


def _empty(board: Board, tier: str, tasks: Sequence[str]) -> Standings:
    return Standings(board, tier, list(tasks), [task for task in board.tasks if task not in tasks])


def _errors(records: Sequence[Record]) -> _Found:
    """Return log10(error ÷ chance error)."""
    return {
        task: {
            model: _Values(one.prior, [math.log10(max(e, LEAST)) for e in one.errors.values()])
            for model, one in errors.items()
        }
        for task, of_task in by_task(records).items()
        if (errors := normalised_errors(of_task))
    }


def _counts(records: Sequence[Record]) -> _Found:
    """Return how many things were found, by the score that orders the rows of the task."""
    found: dict[str, dict[str, _Values]] = {}
    for summary in map(RecordSummary, records):
        identity = summary.record.identity
        if summary.headline is None or not identity.sizes:
            continue
        counts = summary.values(summary.headline, max(identity.sizes))
        there = summary.values(f"{summary.headline}.truth", max(identity.sizes))
        if counts and there:
            values = _Values(summary.prior, counts, median(there))
            found.setdefault(identity.task, {})[identity.model] = values
    return found


def _filled(empty: Standings, found: _Found, without: Mapping[tuple[str, str], str]) -> Standings:
    counts, tasks = empty.board.ranks == "headline", empty.tasks
    seeds = [_usual(found[task]) for task in tasks]
    entries: list[Entry] = []
    means: dict[str, TaskMean] = {}
    for name in sorted({model for task in tasks for model in found[task]}):
        own = {task: found[task][name] for task in tasks if name in found[task]}
        mean = TaskMean.of([own[t].seeds if t in own else () for t in tasks], seeds)
        lacking = _lacking(tasks, own, name, without)
        if min(mean.sizes) >= RANKED_SEEDS and set(lacking.values()) <= _CHARGED:
            means[name] = mean
        entries.append(Entry(
            model=name,
            prior=next(iter(own.values())).prior,
            own=_figure(mean, len(tasks) if counts else len(tasks) / len(own), counts=counts),
            charged=_figure(mean, len(tasks) if counts else 1, counts=counts),
            own_most=sum(one.most for one in own.values()) if counts else 1.0,
            answered=len(own),
            without=lacking,
        ))  # fmt: skip
    places = statistics.mean_places(means, least_first=not counts)
    entries = [replace(entry, place=places.get(entry.model)) for entry in entries]
    most = [next(iter(found[task].values())).most for task in tasks]
    return replace(
        empty,
        entries=sorted(entries, key=lambda one: _order(one, -1 if counts else 1)),
        most=sum(most) if counts else 1.0,
        nemenyi=_nemenyi(found, tasks, seeds, places, counts=counts),
    )


def _usual(of_task: Mapping[str, _Values]) -> int:
    """Return the number of seeds that most models have."""
    return Counter(len(one.seeds) for one in of_task.values()).most_common(1)[0][0]


def _why_not(row: Row) -> str:
    """Return why a row has no result that a board can use, if it has none."""
    if row.status in _CHARGED:
        return row.status
    return next((flag for flag in row.flags if flag in UNRANKED), NOT_RUN)


def _lacking(
    tasks: Sequence[str], own: Mapping[str, Any], model: str, why: Mapping[tuple[str, str], str]
) -> dict[str, str]:
    """Return why the model has no result, by task."""
    return {task: why.get((task, model), NOT_RUN) for task in tasks if task not in own}


def _figure(mean: TaskMean, factor: float, *, counts: bool) -> Interval:
    one = mean.interval(factor)
    if counts:
        return one
    low, high = (None if end is None else float(10**end) for end in (one.low, one.high))
    return Interval(float(10**one.value), low, high, one.n)


def _order(entry: Entry, sign: int) -> tuple[bool, float, str]:
    return entry.place is None, sign * entry.charged.value, entry.model


def _nemenyi(
    found: _Found,
    tasks: Sequence[str],
    seeds: Sequence[int],
    ranked: Mapping[str, Any],
    *,
    counts: bool,
) -> Nemenyi | None:
    panel = {}
    for name in ranked:
        own = [found[task].get(name) for task in tasks]
        whole = [one for one, n in zip(own, seeds, strict=True) if one and len(one.seeds) == n]
        if len(whole) == len(tasks):
            panel[name] = [
                [1 - value / one.most if counts else 10**value for value in one.seeds]
                for one in whole
            ]
    return statistics.nemenyi(Panel.of(panel)) if len(panel) > 1 else None


def _ends(one: Interval) -> tuple[float, float]:
    return (
        one.value if one.low is None else one.low,
        one.value if one.high is None else one.high,
    )


def _of_discovery(
    board: Board, records: Sequence[Record], tier: str, without: Mapping[tuple[str, str], str]
) -> Standings:
    """Return the methods by their mean figure of merit.

    The places of a method are those that its interval and the others' leave open. Its own figure is
    that of a board of its own tasks, with the guesses that all records of them hold.
    """
    whole = discovery_board(records, tier)
    tasks = [task for task in board.tasks if any(task in one.found for one in whole.methods)]
    entries = []
    ends = [_ends(method.overall) for method in whole.methods]
    own = {
        (chosen, method.model): method.overall
        for chosen in {frozenset(method.found) for method in whole.methods}
        for method in discovery_board(
            [record for record in records if record.identity.task in chosen], tier
        ).methods
    }
    for method, (low, high) in zip(whole.methods, ends, strict=True):
        best = 1 + sum(other > high for other, _ in ends)
        worst = len(ends) - sum(other < low for _, other in ends)
        lacking = _lacking(tasks, method.found, method.model, without)
        ranked = set(lacking.values()) <= _CHARGED
        entries.append(Entry(
            model=method.model,
            prior=method.prior,
            own=own[frozenset(method.found), method.model],
            charged=method.overall,
            own_most=1.0,
            answered=len(method.found),
            without=lacking,
            place=(best, worst) if ranked else None,
        ))  # fmt: skip
    entries = sorted(entries, key=lambda one: _order(one, -1))
    return replace(_empty(board, tier, tasks), entries=entries)

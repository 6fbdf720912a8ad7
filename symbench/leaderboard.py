"""Records -> rows: what every table, file and site of results is made from."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from symbench import statistics
from symbench.record import FINISHED, Identity, Record, TrialRecord
from symbench.store import started

RANKED_SEEDS = 5  # fewer seeds are shown and never ranked
_SYMMETRY_SCORES = ("equivariance_error", "lie_derivative", "generator")
_ANNOTATIONS = ("chance", "ceiling", "floor", "truth", "explicit")
_SHARED_PROTOCOL = ("version", "updates", "test_size", "threshold", "baseline")
_STALE = "the task, the model or the protocol has changed since; run it again"

Pair = tuple[str, str]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", protected_namespaces=())


class Figure(_Part):
    """A median over ``n`` seeds with its 95 % interval (None: not known for so few).

    ``censored`` says that the value is a bound: ``above`` (the truth is larger) or ``below``.
    ``greyed`` marks a symmetry score of a model that has not learned the task. Annotations of the
    score stand beside it (``truth``: the number to be found; ``explicit``: 1 for generators that
    the model holds, 0 for extracted ones).
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int
    chance: float | None = None
    ceiling: float | None = None
    floor: float | None = None
    truth: float | None = None
    explicit: float | None = None
    censored: Literal["above", "below"] | None = None
    greyed: bool = False


class Point(_Part):
    """The learning curve at one size."""

    n_train: int
    error: Figure


class Rank(_Part):
    """The places that the seeds leave open; 1 is the smallest error."""

    low: int
    high: int


class Row(_Part):
    """One (task, model): its newest current record, summarised."""

    task: str
    model: str
    prior: str | None
    status: str
    reason: str | None = None
    params: int | None = None
    threshold: float | None = None
    diverged: int = 0
    scores: dict[str, Figure] = {}
    cost: dict[str, Figure] = {}
    curve: list[Point] = []
    rank: Rank | None = None
    group: str | None = None


class Coverage(_Part):
    """Cells of the plan (or, without one, cells seen): finished includes declined ones."""

    planned: int
    finished: int
    failed: int
    stale: int


class Leaderboard(_Part):
    """All rows of one tier, by task and then by error."""

    schema_: Literal[1] = 1
    tier: str
    coverage: Coverage
    rows: list[Row]

    def document(self) -> dict[str, Any]:
        """Return the JSON document; a field that does not apply is absent, not null."""
        body = self.model_dump(mode="json", exclude_unset=True, exclude={"schema_"})
        return {"schema": self.schema_, **body}

    def only(self, task: Callable[[str], bool], model: Callable[[str], bool]) -> Leaderboard:
        """Return the rows of some tasks and models; what they were compared with stays the same."""
        rows = [row for row in self.rows if task(row.task) and model(row.model)]
        return Leaderboard(tier=self.tier, coverage=self.coverage, rows=rows)


@dataclass(frozen=True)
class Sheet:
    """One current record, its successful trials laid out for the statistics."""

    record: Record

    @cached_property
    def trials(self) -> list[TrialRecord]:
        """Successful trials."""
        return [trial for trial in self.record.trials if trial.status == "ok"]

    @property
    def sizes(self) -> list[int]:
        """The ladder of n_train."""
        return sorted(self.record.identity.sizes)

    @property
    def terms(self) -> str:
        """What two records must share to be compared: the same data, ladder and budget."""
        identity = self.record.identity
        shared = {name: identity.protocol.get(name) for name in _SHARED_PROTOCOL}
        whole = [identity.task_version, identity.task_fingerprint, self.sizes, shared]
        return json.dumps(whole, sort_keys=True)

    def setting(self, name: str) -> float | None:
        """Return a number of the protocol, if it has one by that name."""
        value = self.record.identity.protocol.get(name)
        return float(value) if isinstance(value, int | float) else None

    @property
    def smallest_error(self) -> float:
        """Where logarithms clip an error: half a test example for a classification."""
        chance, examples = self.setting("chance_error"), self.setting("test_size")
        return 0.5 / examples if chance is not None and chance < 1 and examples else 1e-12

    @property
    def learned_error(self) -> float:
        """Half the error of chance: above it a model counts as not having learned the task."""
        chance = self.setting("chance_error")
        return (1.0 if chance is None else chance) / 2

    def errors(self, n_train: int) -> list[float]:
        """Return the errors at a size, one a seed."""
        return self.values("error", n_train)

    def values(self, name: str, n_train: int) -> list[float]:
        """Return a score at a size, one a seed."""
        at_size = [trial.scores for trial in self.trials if trial.n_train == n_train]
        return [scores[name] for scores in at_size if name in scores]


def make(
    records: Iterable[Record],
    tier: str,
    stale: Callable[[Identity], bool] = lambda identity: False,
    planned: int | None = None,
) -> Leaderboard:
    """Return the rows of one tier.

    Args:
        records: of any tier, from any number of stores.
        stale: whether a record's task, model or protocol has changed since it was made.
        planned: the number of cells in the plan; without it, of those that have a record.
    """
    current, outdated = _newest(records, tier, stale)
    rows = [row for records in _by_task(current).values() for row in _task_rows(records)]
    rows += [_stale_row(record) for record in outdated]
    rows.sort(key=_order)
    return Leaderboard(tier=tier, coverage=_coverage(rows, planned), rows=rows)


def newest_tier(records: Iterable[Record]) -> str | None:
    """Return the tier of the record that was started last."""
    latest = max(records, key=started, default=None)
    return None if latest is None else latest.identity.tier


def _newest(
    records: Iterable[Record], tier: str, stale: Callable[[Identity], bool]
) -> tuple[list[Record], list[Record]]:
    """Return each pair's newest current record, and the newest stale one of pairs without."""
    newest: dict[bool, dict[Pair, Record]] = {False: {}, True: {}}
    for record in sorted(records, key=lambda r: (started(r), r.key)):
        if record.identity.tier == tier:
            pair = record.identity.task, record.identity.model
            newest[stale(record.identity)][pair] = record
    outdated = [record for pair, record in newest[True].items() if pair not in newest[False]]
    return list(newest[False].values()), outdated


def _by_task(records: Iterable[Record]) -> dict[str, list[Record]]:
    tasks: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        tasks[record.identity.task].append(record)
    return tasks


def _coverage(rows: Sequence[Row], planned: int | None) -> Coverage:
    finished = sum(row.status in FINISHED for row in rows)
    stale = sum(row.status == "stale" for row in rows)
    return Coverage(
        planned=len(rows) if planned is None else planned,
        finished=finished,
        failed=len(rows) - finished - stale,
        stale=stale,
    )


def _order(row: Row) -> tuple[str, float, str]:
    error = row.scores.get("error")
    place = math.inf if error is None or row.status == "stale" else error.value
    return row.task, place, row.model


def _task_rows(records: Sequence[Record]) -> list[Row]:
    """Return the rows of one task: each on its own first, then what compares them."""
    sheets = [Sheet(record) for record in records]
    rows = {sheet.record.key: _row(sheet) for sheet in sheets}
    trained = [sheet for sheet in sheets if sheet.trials]
    terms = Counter(sheet.terms for sheet in trained).most_common(1)
    for sheet in trained:
        if sheet.terms != terms[0][0]:
            rows[sheet.record.key].reason = _OTHER_TERMS
    comparable = [sheet for sheet in trained if sheet.terms == terms[0][0]]
    _add_gains(comparable, rows)
    _add_ranks(comparable, rows)
    return list(rows.values())


def _row(sheet: Sheet) -> Row:
    record, trials = sheet.record, sheet.record.trials
    prior = record.identity.protocol.get("prior")
    parameters = [trial.cost["parameters"] for trial in trials if "parameters" in trial.cost]
    return Row(
        task=record.identity.task,
        model=record.identity.model,
        prior=prior if isinstance(prior, str) else None,
        status=record.status,
        reason=None if record.error is None else record.error.message,
        params=int(max(parameters)) if parameters else None,
        threshold=sheet.setting("threshold"),
        diverged=sum(trial.status == "diverged" for trial in trials),
        scores=_scores(sheet),
        cost=_cost(sheet),
        curve=_curve(sheet),
        rank=None,
        group=None,
    )


def _stale_row(record: Record) -> Row:
    row = _row(Sheet(record))
    row.status, row.reason = "stale", _STALE
    return row


def _scores(sheet: Sheet) -> dict[str, Figure]:
    """Return the scores at the largest n_train, and those of the whole curve."""
    largest = sheet.sizes[-1] if sheet.sizes else 0
    names = {name for trial in sheet.trials if trial.n_train == largest for name in trial.scores}
    scores: dict[str, Figure] = {}
    for name in sorted(names):  # a score stands before its annotations
        figure = _figure(sheet.values(name, largest))
        score, _, annotation = name.rpartition(".")
        if score in scores and annotation in _ANNOTATIONS:
            setattr(scores[score], annotation, figure.value)
        else:
            scores[name] = figure
    if "error" not in scores or scores["error"].value > sheet.learned_error:
        for name in scores:
            if name.startswith(_SYMMETRY_SCORES):
                scores[name].greyed = True
    return scores | _curve_scores(sheet)


def _figure(values: Sequence[float], *, log: bool = True) -> Figure:
    """Return the median; ``log`` takes the interval on the log scale where values are positive."""
    found = statistics.interval(values, log=log)
    return Figure(value=found.value, low=found.low, high=found.high, n=found.n)


def _cost(sheet: Sheet) -> dict[str, Figure]:
    """Return the medians of the costs at the largest n_train, diverged trials included."""
    largest = sheet.sizes[-1] if sheet.sizes else 0
    costs = [trial.cost for trial in sheet.record.trials if trial.n_train == largest]
    names = sorted({name for cost in costs for name in cost})
    return {name: _figure([cost[name] for cost in costs if name in cost]) for name in names}


def _curve(sheet: Sheet) -> list[Point]:
    return [
        Point(n_train=size, error=_figure(errors))
        for size in sheet.sizes
        if (errors := sheet.values("error", size))
    ]

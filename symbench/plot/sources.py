"""Results in any form -> what a chart shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from symbench.errors import InputError
from symbench.plot.curves import Curve, Point, Score
from symbench.records.record import Record
from symbench.records.store import merged
from symbench.results import statistics
from symbench.results.leaderboard import Row, newest_tier
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.selection import newest
from symbench.results.sources import open_source

_NAMED = 12  # names in a message


class HasRecords(Protocol):
    """What holds records: the result of a run, or a loaded store."""

    @property
    def records(self) -> Sequence[Record]:
        """The records."""
        ...


class ReadsRecords(Protocol):
    """What records are read from: a store, or a publication."""

    def records(self) -> Sequence[Record]:
        """Return every usable record."""
        ...


Source = HasRecords | ReadsRecords | str | Path | Iterable[Record]


def records_from(source: Source) -> list[Record]:
    """Return the records of a result, a store, a publication, a directory of these, or a list.

    Raises:
        InputError: neither a store nor a publication, or something that holds no records.
    """
    if isinstance(source, str | Path):
        source = open_source(source)
    found: object = getattr(source, "records", source)
    if callable(found):
        found = found()
    parts = list(found) if isinstance(found, Iterable) else [None]
    records = [one for one in parts if isinstance(one, Record)]
    if len(records) < len(parts):
        raise InputError(f"no records in a {type(source).__name__}: give a result or a store")
    return merged([records])


def current(records: Iterable[Record], tier: str | None = None) -> list[Record]:
    """Return the newest record of each pair at one tier, by default that of the newest record."""
    every = list(records)
    return newest(every, tier or newest_tier(every) or "quick", lambda _: False)[0]


def of_task(records: Sequence[Record], task: str) -> list[Record]:
    """Return the records of one task that have trials.

    Raises:
        InputError: there is none.
    """
    found = [one for one in records if one.identity.task == task and one.trials]
    if not found:
        known = {one.identity.task for one in records if one.trials}
        raise _unknown("task", task, known)
    return found


def chosen(records: Sequence[Record], models: Sequence[str] | None) -> list[Record]:
    """Return the records of the models that match a name or glob, and that of the baseline.

    Raises:
        InputError: a pattern matches no record.
    """
    if models is None:
        return list(records)
    names = {one.identity.model for one in records}
    patterns = [models] if isinstance(models, str) else models
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise _unknown("model", pattern, names)
    return [
        one
        for one in records
        if any(fnmatchcase(one.identity.model, pattern) for pattern in patterns)
        or one.identity.model == one.identity.protocol.get("baseline")
    ]


def curves_of_records(records: Iterable[Record], score: str) -> list[Curve]:
    """Return the medians over seeds with their intervals, the smallest or largest last one first.

    Errors are sorted upwards, other scores downwards.
    """
    curves = []
    for summary in map(RecordSummary, records):
        floor = summary.smallest_error if score == "error" else None
        points = [
            Point(size, one.value, one.low, one.high)
            for size in summary.sizes
            if (values := summary.values(score, size))
            for one in [statistics.interval(values, floor=floor)]
        ]
        if points:
            curves.append(Curve(summary.record.identity.model, summary.prior, points))
    sign = 1 if score == "error" else -1
    return sorted(curves, key=lambda curve: (sign * curve.points[-1].value, curve.model))


def curves_of_rows(rows: Iterable[Row]) -> list[Curve]:
    """Return the learning curves of a leaderboard's rows, in their order."""
    return [
        Curve(
            row.model,
            row.prior,
            [Point(p.n_train, p.error.value, p.error.low, p.error.high) for p in row.curve],
        )
        for row in rows
        if row.curve
    ]


def score_of(records: Sequence[Record], name: str = "error") -> Score:
    """Return the score of a task's chart, with the threshold and baseline that records state."""
    summaries = [RecordSummary(record) for record in records]
    thresholds = [one.setting("threshold") for one in summaries] if name == "error" else []
    baselines = [record.identity.protocol.get("baseline") for record in records]
    return Score(
        name,
        next((value for value in thresholds if value), None),
        next((value for value in baselines if isinstance(value, str)), None),
    )


def no_score(records: Iterable[Record], score: str) -> InputError:
    """Return the error for a score that no record has."""
    known = {name for one in records for trial in one.trials for name in trial.scores}
    return _unknown("score", score, known)


def _unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    names = sorted(known)
    near = get_close_matches(name, names) or names[:_NAMED]
    more = "" if len(near) < _NAMED else ", …"
    choice = f"choose one of {', '.join(near)}{more}" if near else "there are no results"
    return InputError(f"no results of {kind} {name!r}: {choice}")

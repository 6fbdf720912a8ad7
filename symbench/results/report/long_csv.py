"""Records as one long table: one line a task, model, n_train, seed and score."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from symbench.records.record import Record
from symbench.results.report.escape import spreadsheet

HEADINGS = ("task", "model", "tier", "n_train", "seed", "status", "score", "value")

Line = tuple[str, str, str, int, int, str, str, float | None]


def lines(records: Iterable[Record]) -> Iterator[Line]:
    """Yield a line for each score of each trial, in the order of ``HEADINGS``.

    A trial without scores, such as one that diverged, has one line with its status, without a
    score and a value. A record without trials, such as a declined one, has none.
    """
    for record in records:
        identity = record.identity
        cell = identity.task, identity.model, identity.tier
        for trial in record.trials:
            place = (*cell, trial.n_train, trial.seed, trial.status)
            for score, value in trial.scores.items():
                yield (*place, score, value)
            if not trial.scores:
                yield (*place, "", None)


def render_long(records: Iterable[Record]) -> str:
    """Return the lines as CSV, in full precision."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADINGS)
    for line in lines(records):
        writer.writerow(
            spreadsheet(field) if isinstance(field, str) else "" if field is None else field
            for field in line
        )
    return out.getvalue()

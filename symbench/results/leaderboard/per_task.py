"""The leaderboard of each task: one row per model, with data gains and ranks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from symbench.records.record import FINISHED, Identity, Record
from symbench.results import statistics
from symbench.results.leaderboard.equal_size import Size, at_equal_size
from symbench.results.leaderboard.record_summary import Sheet, summary
from symbench.results.leaderboard.rows import (
    Coverage,
    Figure,
    Leaderboard,
    Rank,
    Row,
)
from symbench.results.leaderboard.selection import by_task, newest

RANKED_SEEDS = 5  # fewer seeds are shown and never ranked
_OTHER_TERMS = "not compared: its data, sizes or budget differ from those of the other models"
_STALE = "the task, the model or the protocol has changed since; run it again"


def make(
    records: Iterable[Record],
    tier: str,
    stale: Callable[[Identity], bool] = lambda _: False,
    planned: int | None = None,
    size: Size | None = None,
) -> Leaderboard:
    """Return the rows of one tier.

    Args:
        records: of any tier, from any number of stores.
        stale: whether a record's task, model or protocol has changed since it was made.
        planned: the number of cells in the plan; without it, of those that have a record.
        size: compare only models of this size; the others are named in ``equal_size``.
    """
    current, outdated = newest(records, tier, stale)
    told = None
    if size is not None:
        current, told = at_equal_size(by_task(current).values(), size)
    rows = [row for records in by_task(current).values() for row in _task_rows(records)]
    rows += [_stale_row(record) for record in outdated]
    rows.sort(key=_order)
    board = Leaderboard(tier=tier, coverage=_coverage(rows, planned), rows=rows)
    if told is not None:
        board.equal_size = told
    return board


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
    figure = row.scores.get(row.headline or "error")
    if figure is None or row.status == "stale":
        return row.task, math.inf, row.model
    return row.task, -figure.value if row.headline else figure.value, row.model


def _task_rows(records: Sequence[Record]) -> list[Row]:
    """Return the rows of one task: each on its own first, then what compares them."""
    sheets = [Sheet(record) for record in records]
    rows = {sheet.record.key: summary(sheet) for sheet in sheets}
    trained = [sheet for sheet in sheets if (sheet.trials or sheet.errors) and sheet.sizes]
    terms = Counter(sheet.terms for sheet in trained).most_common(1)
    for sheet in trained:
        if sheet.terms != terms[0][0]:
            rows[sheet.record.key].reason = _OTHER_TERMS
    comparable = [sheet for sheet in trained if sheet.terms == terms[0][0]]
    _add_gains(comparable, rows)
    _add_ranks(comparable, rows)
    return list(rows.values())


def _stale_row(record: Record) -> Row:
    row = summary(Sheet(record))
    row.status, row.reason = "stale", _STALE
    return row


def _add_gains(sheets: Sequence[Sheet], rows: dict[str, Row]) -> None:
    """Add every model's data gain over the task's baseline, where that has a curve too."""
    crossings = {sheet.record.key: sheet.crossing for sheet in sheets}
    baselines = [crossings[s.record.key] for s in sheets if s.is_baseline]
    if not baselines or (baseline := baselines[0]) is None:
        return
    for key, crossing in crossings.items():
        gain = None if crossing is None else statistics.data_gain(baseline, crossing)
        if crossing is not None and gain is not None:
            figure = Figure(value=gain.value, low=None, high=None, n=min(baseline.n, crossing.n))
            if gain.bound is not None:
                figure.censored = "above" if gain.bound == "≥" else "below"
            rows[key].scores["data_gain"] = figure


def _add_ranks(sheets: Sequence[Sheet], rows: dict[str, Row]) -> None:
    """Rank the models with enough seeds by their errors at the largest n_train."""
    errors = {sheet.record.key: sheet.values("error", sheet.sizes[-1]) for sheet in sheets}
    enough = {key: values for key, values in errors.items() if len(values) >= RANKED_SEEDS}
    if not enough:
        return
    for key, rank in statistics.rank(enough, sheets[0].smallest_error).items():
        rows[key].rank = Rank(low=rank.low, high=rank.high)
        rows[key].group = rank.group

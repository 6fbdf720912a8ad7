"""Results as pandas data frames: one row a cell, or one row a trial and score."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from symbench.records.record import Record
from symbench.results.leaderboard import Leaderboard, Row
from symbench.results.report.long_csv import HEADINGS, lines

if TYPE_CHECKING:
    from pandas import DataFrame


def cells(leaderboard: Leaderboard) -> DataFrame:
    """Return one row per cell, in the order of the leaderboard.

    A score has a column with its name, which holds the median over seeds, and ``score.low`` and
    ``score.high`` with the ends of its 95 % interval. What a cell does not have is missing.
    """
    from pandas import DataFrame

    return DataFrame([_cell(row, leaderboard.tier) for row in leaderboard.rows])


def trials(records: Iterable[Record]) -> DataFrame:
    """Return one row per score of a trial: task, model, tier, n_train, seed, status, score, value.

    A trial without scores, such as one that diverged, has one row without a score and a value.
    """
    from pandas import DataFrame

    return DataFrame(list(lines(records)), columns=list(HEADINGS))


def _cell(row: Row, tier: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "task": row.task,
        "model": row.model,
        "tier": tier,
        "prior": row.prior,
        "status": row.status,
        "flags": ", ".join(row.flags),
        "n_train": row.curve[-1].n_train if row.curve else None,
        "parameters": row.params,
        "rank_low": row.rank.low if row.rank else None,
        "rank_high": row.rank.high if row.rank else None,
        "group": row.group,
    }
    for name, estimate in (row.cost | row.scores).items():
        entry |= {
            name: estimate.value,
            f"{name}.low": estimate.low,
            f"{name}.high": estimate.high,
        }
    return entry

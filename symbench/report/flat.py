"""Rows for other programs: CSV (one line a row, full precision) and JSON."""

from __future__ import annotations

import csv
import json
from io import StringIO

from symbench.leaderboard import Figure, Leaderboard, Row
from symbench.report.clean import spreadsheet

_ALWAYS = ("value", "low", "high", "n")
_FIGURE = (*_ALWAYS, "chance", "ceiling", "floor", "truth", "explicit", "censored", "greyed")


def render_json(board: Leaderboard) -> str:
    """Return the leaderboard's JSON document."""
    return json.dumps(board.document(), indent=1, allow_nan=False) + "\n"


def render_csv(board: Leaderboard) -> str:
    """Return one line a row; a score takes a column for each of its parts that occurs."""
    fields = _fields(board.rows)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = ("task", "model", "tier", "prior", "status", "reason", "params", "diverged", "tuning")
    ranks = ("rank_low", "rank_high", "group")
    writer.writerow([*fixed, *ranks, *(spreadsheet(f"{name}.{part}") for name, part in fields)])
    for row in board.rows:
        rank = (row.rank.low, row.rank.high) if row.rank else ("", "")
        own = (row.task, row.model, board.tier, row.prior, row.status, row.reason)
        writer.writerow(
            [
                _field(value)
                for value in (*own, row.params, row.diverged, row.tuning, *rank, row.group)
            ]
            + [_field(_part(row, name, part)) for name, part in fields]
        )
    return out.getvalue()


def _fields(rows: list[Row]) -> list[tuple[str, str]]:
    used: dict[str, set[str]] = {}
    for row in rows:
        for name, figure in (*row.scores.items(), *row.cost.items()):
            filled = {part for part in _FIGURE if not _is_empty(getattr(figure, part))}
            used.setdefault(name, set(_ALWAYS)).update(filled)
    return [(name, part) for name in sorted(used) for part in _FIGURE if part in used[name]]


def _part(row: Row, name: str, part: str) -> object:
    figure: Figure | None = row.scores.get(name) or row.cost.get(name)
    return None if figure is None else getattr(figure, part)


def _is_empty(value: object) -> bool:
    return value is None or value is False


def _field(value: object) -> object:
    if value is None:
        return ""
    return spreadsheet(value) if isinstance(value, str) else value

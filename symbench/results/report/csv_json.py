"""Rows for other programs, one per line and in full precision: CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from symbench.results.leaderboard import Leaderboard, Row
from symbench.results.report.columns import chosen
from symbench.results.report.escape import spreadsheet

_ALWAYS = ("value", "low", "high", "n")
_PARTS = (
    *_ALWAYS, "chance", "guess", "reference", "ceiling", "floor", "truth", "bound", "untrained",
    "sampling", "inputs", "inputs_limit", "explicit", "at", "censored", "spread", "greyed",
)  # fmt: skip


def render_json(leaderboard: Leaderboard) -> str:
    """Return the leaderboard's JSON document, one row per line."""
    return line_by_line(leaderboard.document())


def line_by_line(document: Mapping[str, Any]) -> str:
    """Return a JSON object as text: one field per line, and one entry per line of a list.

    Raises:
        ValueError: there is a NaN or an infinity.
    """
    fields = [f"{json.dumps(name)}: {_lines(value)}" for name, value in document.items()]
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _lines(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(value, allow_nan=False)
    return "[\n" + ",\n".join(json.dumps(entry, allow_nan=False) for entry in value) + "\n]"


def render_csv(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> str:
    """Return one line per row; a score has one column for each of its parts that occurs.

    Args:
        leaderboard: the rows.
        columns: the scores to write, by name or heading; all if there are none.

    Raises:
        InputError: an unknown name.
    """
    fields = _fields(leaderboard.rows)
    if columns:
        wanted = [column.name for column in chosen(leaderboard.rows, columns)]
        fields = [field for name in wanted for field in fields if field[0] == name]
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = ("task", "model", "tier", "prior", "status", "reason", "params", "diverged", "tuning",
             "flags")  # fmt: skip
    ranks = ("rank_low", "rank_high", "group")
    writer.writerow([*fixed, *ranks, *(spreadsheet(f"{name}.{part}") for name, part in fields)])
    place = {field: column for column, field in enumerate(fields)}
    for row in leaderboard.rows:
        rank = (row.rank.low, row.rank.high) if row.rank else ("", "")
        labels = (row.task, row.model, leaderboard.tier, row.prior, row.status, row.reason)
        facts = (row.params, row.diverged, row.tuning, "; ".join(row.flags))
        named = [_field(value) for value in (*labels, *facts, *rank, row.group)]
        writer.writerow(named + _estimates(row, place))
    return out.getvalue()


def _fields(rows: list[Row]) -> list[tuple[str, str]]:
    used: dict[str, set[str]] = {}
    for row in rows:
        for name, estimate in (*row.scores.items(), *row.cost.items()):
            filled = {part for part in _PARTS if not _is_empty(getattr(estimate, part))}
            used.setdefault(name, set(_ALWAYS)).update(filled)
    return [(name, part) for name in sorted(used) for part in _PARTS if part in used[name]]


def _estimates(row: Row, place: dict[tuple[str, str], int]) -> list[object]:
    """Return the fields of the scores and costs of a row; most are empty."""
    fields: list[object] = [""] * len(place)
    for name, estimate in (row.cost | row.scores).items():
        for part in _PARTS:
            if (column := place.get((name, part))) is not None:
                fields[column] = _field(getattr(estimate, part))
    return fields


def _is_empty(value: object) -> bool:
    return value is None or value is False


def _field(value: object) -> object:
    if value is None:
        return ""
    return spreadsheet(value) if isinstance(value, str) else value

"""Rows for other programs: CSV (one line a row, full precision) and JSON."""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from io import StringIO
from typing import Any

from symbench.results.leaderboard import Leaderboard, Row
from symbench.results.report.escape import spreadsheet

_ALWAYS = ("value", "low", "high", "n")
_FIGURE = (*_ALWAYS, "chance", "ceiling", "floor", "truth", "explicit", "censored", "greyed")


def render_json(board: Leaderboard) -> str:
    """Return the leaderboard's JSON document."""
    return indented(board.document()) + "\n"


def indented(value: Any, margin: str = "\n") -> str:
    """Return what ``json.dumps`` returns for ``indent=1``, a third as slow.

    The library leaves its compiled encoder where it indents; here that writes what holds no more
    lists or dictionaries, which is nearly everything.

    Raises:
        ValueError: there is a NaN or an infinity.
    """
    inner = margin + " "
    if not isinstance(value, dict | list) or not value:
        return _encoder(inner).encode(value)
    parts = value.values() if isinstance(value, dict) else value
    if not any(isinstance(part, dict | list) for part in parts):
        flat = _encoder(inner).encode(value)
        return f"{flat[0]}{inner}{flat[1:-1]}{margin}{flat[-1]}"
    texts = [indented(part, inner) for part in parts]
    if isinstance(value, dict):
        names = map(_encoder(inner).encode, value)
        texts = [f"{name}: {text}" for name, text in zip(names, texts, strict=True)]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}{inner}{f',{inner}'.join(texts)}{margin}{last}"


@lru_cache
def _encoder(margin: str) -> json.JSONEncoder:
    return json.JSONEncoder(separators=(f",{margin}", ": "), allow_nan=False, check_circular=False)


def render_csv(board: Leaderboard) -> str:
    """Return one line a row; a score takes a column for each of its parts that occurs."""
    fields = _fields(board.rows)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fixed = ("task", "model", "tier", "prior", "status", "reason", "params", "diverged", "tuning")
    ranks = ("rank_low", "rank_high", "group")
    writer.writerow([*fixed, *ranks, *(spreadsheet(f"{name}.{part}") for name, part in fields)])
    place = {field: column for column, field in enumerate(fields)}
    for row in board.rows:
        rank = (row.rank.low, row.rank.high) if row.rank else ("", "")
        own = (row.task, row.model, board.tier, row.prior, row.status, row.reason)
        writer.writerow(
            [
                _field(value)
                for value in (*own, row.params, row.diverged, row.tuning, *rank, row.group)
            ]
            + _figures(row, place)
        )
    return out.getvalue()


def _fields(rows: list[Row]) -> list[tuple[str, str]]:
    used: dict[str, set[str]] = {}
    for row in rows:
        for name, figure in (*row.scores.items(), *row.cost.items()):
            filled = {part for part in _FIGURE if not _is_empty(getattr(figure, part))}
            used.setdefault(name, set(_ALWAYS)).update(filled)
    return [(name, part) for name in sorted(used) for part in _FIGURE if part in used[name]]


def _figures(row: Row, place: dict[tuple[str, str], int]) -> list[object]:
    """Return the fields of the row's figures; most rows have few of the columns."""
    fields: list[object] = [""] * len(place)
    for name, figure in (row.cost | row.scores).items():
        for part in _FIGURE:
            if (column := place.get((name, part))) is not None:
                fields[column] = _field(getattr(figure, part))
    return fields


def _is_empty(value: object) -> bool:
    return value is None or value is False


def _field(value: object) -> object:
    if value is None:
        return ""
    return spreadsheet(value) if isinstance(value, str) else value

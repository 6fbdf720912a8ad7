"""Rows -> the matrix of tasks and classes of models: the best of each class beside the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from symbench.records.record import Record
from symbench.results.leaderboard.rows import UNRANKED, Estimate, Leaderboard, Row

CLASSES = ("told", "soft", "discovers", "none")  # in the order of a line
_EXACT = 1e-3  # largest equivariance error of a symmetry that is kept exactly


@dataclass(frozen=True)
class Best:
    """The best model of a class on a task.

    Attributes:
        model: its name.
        score: its error, or the score that orders the rows of a task without an error.
        ratio: error of the baseline ÷ that of the model; None for the baseline itself, without one,
            and where the error is 0.
        certain: whether the two share no tie group; None where they are not compared.
        is_baseline: whether it is the baseline of the task.
    """

    model: str
    score: Estimate
    ratio: float | None = None
    certain: bool | None = None
    is_baseline: bool = False


@dataclass(frozen=True)
class Line:
    """One task of the matrix.

    Attributes:
        task: its name.
        headline: the name of the score of a task without an error, where the largest is best.
        best: the best model of each class that has one.
        first: the class of the best of all.
    """

    task: str
    headline: str | None
    best: dict[str, Best]
    first: str


def matrix(table: Leaderboard, records: Iterable[Record]) -> list[Line]:
    """Return a line for each task with results.

    Args:
        table: the rows, by task.
        records: those that the rows are made from, for baselines and recipes.
    """
    known = {(one.identity.task, one.identity.model): one for one in records}
    lines = []
    for task, group in groupby(table.rows, key=lambda row: row.task):
        rows = [row for row in group if row.status in ("ok", "diverged") and _score(row) is not None
                and not UNRANKED & set(row.flags) and "published" not in row.flags]  # fmt: skip
        if rows:
            lines.append(_line(task, rows, known))
    return lines


def class_of(row: Row, record: Record | None) -> str:
    """Return the class of a model on a task.

    ``soft`` is a model that was told the symmetry and does not keep it exactly: it trains with
    augmentation or a penalty, or its equivariance error exceeds 0.001.
    """
    if row.prior != "told":
        return row.prior or "none"
    recipe = {} if record is None else record.identity.protocol.get("recipe") or {}
    if isinstance(recipe, Mapping) and (recipe.get("augment") or recipe.get("penalty")):
        return "soft"
    kept = row.scores.get("equivariance_error")
    return "soft" if kept is not None and kept.value > _EXACT else "told"


def _score(row: Row) -> Estimate | None:
    return row.scores.get(row.headline or "error")


def _line(task: str, rows: list[Row], known: Mapping[tuple[str, str], Record]) -> Line:
    headline = rows[0].headline
    sign = -1 if headline else 1
    ordered = sorted(rows, key=lambda row: (sign * _value(row), row.model))
    protocols = (one.identity.protocol for (of, _), one in known.items() if of == task)
    named = next((name for one in protocols if (name := one.get("baseline"))), None)
    baseline = next((row for row in rows if row.model == named), None)
    best: dict[str, Best] = {}
    for row in ordered:
        best.setdefault(class_of(row, known.get((task, row.model))), _best(row, baseline))
    first = min(best, key=lambda one: (sign * best[one].score.value, CLASSES.index(one)))
    return Line(task, headline, best, first)


def _value(row: Row) -> float:
    score = _score(row)
    return 0.0 if score is None else score.value


def _best(row: Row, baseline: Row | None) -> Best:
    score = row.scores[row.headline or "error"]
    if baseline is None or row.headline or row.model == baseline.model:
        return Best(row.model, score, is_baseline=row is baseline)
    ratio = _value(baseline) / score.value if score.value else None
    if not (row.group and baseline.group):
        return Best(row.model, score, ratio)
    return Best(row.model, score, ratio, certain=not set(row.group) & set(baseline.group))

"""The columns of a table of one task: conclusions first, then symmetry, then cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from symbench.errors import InputError
from symbench.results.leaderboard import RANKED_SEEDS, Estimate, Row
from symbench.results.report import numbers

Style = Literal["plain", "best", "dim", "bad"]
Block = Literal["row", "learning", "symmetry", "extracted", "announced", "defects", "cost", "extra"]

_TOLERANCES = ("generators_found.at_02", "generators_found", "generators_found.at_10")
_ROLLOUT = "rollout_error"  # beside the conservation errors, which say nothing without it
_NOTED = frozenset({"extrapolates", "separate validation"})  # flags with a place of their own
# Scores that only csv and json show: the tables show their summary.
_DETAIL = (
    "flops",
    "paper_error",
    "data_gain",
    "equivariance_error_",
    "generator_cosine_",
    "generator_worst",
    "generator_precision",
    "generator_recall",
    "announced_cosine",
    "announced_unconnected",
    "announced_unmoved",
    "rollout_motion",
)


@dataclass(frozen=True)
class Cell:
    """One cell: text of unknown origin, and its style."""

    text: str = ""
    style: Style = "plain"


@dataclass(frozen=True)
class Column:
    """One column: its heading, its block, its text for a row, and the name of its score.

    The name is that in records, CSV and JSON. It is empty where the heading is the name.
    """

    title: str
    block: Block
    cell: Callable[[Row], Cell]
    numeric: bool = True
    score: str = ""

    @property
    def name(self) -> str:
        """What the column is called besides its heading."""
        return self.score or self.title


def columns(rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a task: the fixed ones, and one for each other score of its rows."""
    shown = [name for name in _others(rows) if not name.startswith(_DETAIL)]
    return [*_COLUMNS, *(_other(name) for name in shown)]


def chosen(rows: Sequence[Row], names: Sequence[str]) -> list[Column]:
    """Return the column of the model, and those with these names or headings, in their order.

    Args:
        rows: those of all tasks, whose scores have columns of their own.
        names: of scores, or headings.

    Raises:
        InputError: an unknown name; the message suggests similar ones.
    """
    every = [*_COLUMNS, *(_other(name) for name in _others(rows))]
    by_name: dict[str, Column] = {}
    for column in every:
        for name in (column.name, column.title):
            by_name.setdefault(_plain_name(name), column)
    model = by_name["model"]
    found = [model]
    for name in names:
        if (chosen := by_name.get(_plain_name(name))) is None:
            raise InputError(_unknown(name, [known for one in every for known in _names(one)]))
        if chosen not in found:
            found.append(chosen)
    return found


def _names(column: Column) -> list[str]:
    return [column.name, column.title]


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(_plain_name(name), sorted(set(known)))
    some = "take the name of a score, as in the CSV, or a heading of the table"
    hint = f"did you mean {', '.join(near)}?" if near else some
    return f"unknown column {name!r}: {hint}"


def _plain_name(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _others(rows: Sequence[Row]) -> list[str]:
    """Return the scores without a fixed column, those of one family together."""
    return sorted({name for row in rows for name in row.scores} - _SHOWN, key=_extra_order)


def _other(name: str) -> Column:
    return Column(name, "extra", _score(name, _annotated))


def spread(low: int, high: int) -> str:
    """Return ``3`` or ``3–5``."""
    return str(low) if low == high else f"{low}–{high}"


def _extra_order(name: str) -> tuple[str, bool, str]:
    """Sort by family, the rollout error first of the conservation errors."""
    family = name.partition(".")[0]
    return ("conservation_error" if family == _ROLLOUT else family), family != _ROLLOUT, name


def _rank(row: Row) -> Cell:
    if row.rank is not None:
        best = "a" in (row.group or "")
        text = f"{spread(row.rank.low, row.rank.high)} {row.group or ''}".strip()
        return Cell(text, "best" if best else "plain")
    if row.status == "stale":
        return Cell("stale", "dim")
    error = row.scores.get("error")
    return Cell("*" if error is not None and error.n < RANKED_SEEDS else "", "dim")


def _flags(row: Row) -> Cell:
    return Cell(", ".join(flag for flag in row.flags if flag not in _NOTED), "bad")


def _error(row: Row) -> Cell:
    if row.status not in ("ok", "stale"):
        return Cell(row.status, "bad")
    if "error" not in row.scores:
        return Cell("diverged", "bad") if row.diverged else Cell()
    text = numbers.interval(row.scores["error"])
    if row.status == "stale":
        return Cell(f"({text})", "dim")
    return Cell(text, "best" if "a" in (row.group or "") else "plain")


def _score(name: str, show: Callable[[Estimate], str]) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        estimate = row.scores.get(name)
        return Cell() if estimate is None else _pale(row, estimate, show(estimate))

    return cell


def _pale(row: Row, estimate: Estimate, text: str) -> Cell:
    """Return a cell, in parentheses if its score is not compared."""
    if estimate.greyed or row.status == "stale":
        return Cell(f"({text})", "dim")
    return Cell(text)


def _ratio(row: Row) -> Cell:
    """Return the data ratio, with its size unless that is the largest of the ladder."""
    if (estimate := row.scores.get("data_ratio")) is None:
        return Cell()
    largest = row.curve[-1].n_train if row.curve else None
    shown = estimate.model_copy(update={"at": None}) if estimate.at == largest else estimate
    return _pale(row, estimate, numbers.ratio_at(shown))


def _equivariance(row: Row) -> Cell:
    if (estimate := row.scores.get("equivariance_error")) is None:
        return Cell()
    mark = " extrapolates" if "extrapolates" in row.flags else ""
    return _pale(row, estimate, _floored(estimate) + mark)


def _untrained(row: Row) -> Cell:
    estimate = row.scores.get("equivariance_error")
    if estimate is None or estimate.untrained is None:
        return Cell()
    return Cell(numbers.number(estimate.untrained))


def _cosine(estimate: Estimate) -> str:
    """Return the score beside its anchors; ``e`` marks announced ones of earlier releases."""
    return numbers.anchored(estimate) + (" e" if estimate.explicit else "")


def _found(row: Row) -> Cell:
    """Return the numbers at the tolerances 0.02, 0.05 and 0.1 of the true number."""
    known = [row.scores[name] for name in _TOLERANCES if name in row.scores]
    if not known:
        return Cell()
    of = next((one.truth for one in known if one.truth is not None), None)
    counts = ", ".join(numbers.found(one.model_copy(update={"truth": None})) for one in known)
    if of is not None:
        counts = f"{counts} of {of:.0f}" if len(known) > 1 else f"{counts}/{of:.0f}"
    return _pale(row, known[0], counts)


def _defect_floor(row: Row) -> Cell:
    estimate = row.scores.get("generators_found")
    if estimate is None or estimate.floor is None:
        return Cell()
    return _pale(row, estimate, numbers.number(estimate.floor))


def _announced(row: Row) -> Cell:
    if (estimate := row.scores.get("announced_count")) is None:
        return Cell()
    lost = row.scores.get("announced_unconnected")
    mark = f" ({lost.value:.0f} unconnected)" if lost is not None and lost.value > 0 else ""
    return _pale(row, estimate, numbers.found(estimate) + mark)


def _bounded(estimate: Estimate) -> str:
    bound = "" if estimate.bound is None else f" (≤ {numbers.number(estimate.bound)})"
    return numbers.value(estimate) + bound


def _floored(estimate: Estimate) -> str:
    text = numbers.value(estimate)
    return text if estimate.floor is None else f"{text} (floor {numbers.number(estimate.floor)})"


def _annotated(estimate: Estimate) -> str:
    if estimate.truth is not None:
        return numbers.found(estimate)
    anchors = (estimate.chance, estimate.ceiling, estimate.reference)
    anchored = any(anchor is not None for anchor in anchors)
    return numbers.anchored(estimate) if anchored else _floored(estimate)


def _parameters(row: Row) -> Cell:
    return Cell("" if row.params is None else numbers.count(row.params))


def _seconds(row: Row) -> Cell:
    if (estimate := row.cost.get("train_seconds")) is None:
        return Cell()
    text = numbers.number(estimate.value)
    return Cell(f"({text})", "dim") if "other machine" in row.flags else Cell(text)


def _of(name: str, title: str, block: Block, show: Callable[[Estimate], str]) -> Column:
    return Column(title, block, _score(name, show), score=name)


_COLUMNS = (
    Column("#", "row", _rank, numeric=False, score="rank"),
    Column("model", "row", lambda row: Cell(row.model), numeric=False),
    Column("prior", "row", lambda row: Cell(row.prior or ""), numeric=False),
    Column("flags", "row", _flags, numeric=False),
    Column("error", "learning", _error),
    _of("symmetric_share", "symmetric share", "learning", numbers.decades),
    Column("data ratio", "learning", _ratio, score="data_ratio"),
    _of("n_to_threshold", "n to solve", "learning", numbers.samples),
    Column("equivariance", "symmetry", _equivariance, score="equivariance_error"),
    Column("untrained", "symmetry", _untrained, score="equivariance_error.untrained"),
    _of("decision_change", "decisions", "symmetry", numbers.value),
    _of("lie_derivative", "Lie derivative", "symmetry", numbers.value),
    _of("generator_overlap", "overlap", "extracted", numbers.anchored),
    _of("generator_cosine", "generator cosine", "extracted", _cosine),
    Column("found", "extracted", _found, score="generators_found"),
    Column("defect floor", "extracted", _defect_floor, score="generators_found.floor"),
    _of("generator_closure", "closure", "extracted", numbers.value),
    _of("n_to_discover", "n to discover", "extracted", numbers.samples),
    _of("announced_overlap", "announced overlap", "announced", numbers.anchored),
    Column("announced", "announced", _announced, score="announced_count"),
    _of("announced_worst_cosine", "worst cosine", "announced", numbers.decades),
    _of("announced_precision", "precision", "announced", numbers.decades),
    _of("announced_recall", "recall", "announced", numbers.decades),
    _of("announced_defect", "announced defect", "defects", _bounded),
    _of("announced_own_defect", "own defect", "defects", _bounded),
    _of("announced_closure", "announced closure", "defects", numbers.value),
    _of("n_to_discover.announced", "n to announce", "defects", numbers.samples),
    Column("params", "cost", _parameters, score="parameters"),
    Column("tuning", "cost", lambda row: Cell(str(row.tuning or ""))),
    _of("curve_area", "curve area", "cost", numbers.decades),
    Column("s/trial", "cost", _seconds, score="train_seconds"),
)
_SHOWN = {
    "error", "symmetric_share", "data_ratio", "n_to_threshold", "curve_area", "equivariance_error",
    "decision_change", "lie_derivative", "n_to_discover", "generator_cosine", "generator_overlap",
    *_TOLERANCES, "announced_overlap", "announced_count", "announced_worst_cosine",
    "announced_precision", "announced_recall", "announced_defect", "announced_own_defect",
    "generator_closure", "announced_closure", "n_to_discover.announced",
}  # fmt: skip

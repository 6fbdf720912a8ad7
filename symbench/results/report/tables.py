"""Rows -> one table per task, in plain text; the formats differ only in how they draw it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from symbench.results.leaderboard import RANKED_SEEDS, EqualSize, Estimate, Leaderboard, Row
from symbench.results.report import numbers

Style = Literal["plain", "best", "dim", "bad"]
Block = Literal["row", "learning", "symmetry", "extra"]

LEGEND = (
    "Median over seeds at the largest n_train, with its 95 % interval. #: the range of ranks that "
    "is consistent with the variation across seeds, and the tie group; *: fewer than 5 seeds, "
    "never ranked.",
    "n to solve: n_train at which the error reaches the task's threshold (> n: not reached on the "
    "ladder). data gain: n to solve of the baseline ÷ that of the model (≥, ≤: bounds). "
    "curve area: mean log10 error over the ladder.",
    "Generator scores are followed by (chance, ceiling); e: explicit generators, x: extracted from "
    "the trained function. In parentheses: stale results, and symmetry scores of a model that has "
    "not learned the task.",
    "prior: what the model knew of the symmetry beforehand. Compare across priors with care. "
    "tuning: configurations tried on the valid split; empty: as its author configured it.",
)
_REASONS = 10  # for declining one task; with more, a note lists only the models
# Scores that only csv and json show: the tables show their summary.
_DETAIL = (
    "flops",
    "paper_error",
    "equivariance_error_",
    "generator_cosine_",
    "generator_worst",
    "generator_precision",
    "generator_recall",
)


@dataclass(frozen=True)
class Cell:
    """One cell: text of unknown origin, and its style."""

    text: str = ""
    style: Style = "plain"


@dataclass(frozen=True)
class Column:
    """One column: its heading, its block, and its text for a row."""

    title: str
    block: Block
    cell: Callable[[Row], Cell]
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """One task: headings, cells, and the sentences below them."""

    title: str
    columns: tuple[Column, ...]
    rows: list[list[Cell]]
    notes: list[str]


def tables(leaderboard: Leaderboard) -> list[Table]:
    """Return one table per task, without the columns that are empty in all of its rows."""
    by_task = {
        task: list(rows) for task, rows in groupby(leaderboard.rows, key=lambda row: row.task)
    }
    size = leaderboard.equal_size
    whole = by_task if size is None else sorted({*by_task, *size.references})
    all_tables = []
    for task in whole:
        table = _table(task, leaderboard.tier, by_task.get(task, []))
        if size is not None and task in size.references:
            table.notes.insert(0, equal_size(size, task))
        all_tables.append(table)
    return all_tables


def equal_size(size: EqualSize, task: str) -> str:
    """Return the sentence on the size to compare at, and on the models that are left out."""
    left = size.left_out.get(task, {})
    named = ", ".join(f"{m} {'unknown' if n is None else f'{n:,}'}" for m, n in left.items())
    within = f"within a factor of {size.factor:g} of {size.references[task]:,} parameters"
    return f"compared at equal size, {within}; left out: {named or 'none'}"


def coverage(leaderboard: Leaderboard) -> str:
    """Return one sentence on how many cells of the plan are finished, failed and stale."""
    counts = leaderboard.coverage
    declined = sum(row.status == "declined" for row in leaderboard.rows)
    finished = f"{counts.finished} of {counts.planned} cells finished"
    of_these = f" ({declined} of them declined)" if declined else ""
    return f"{finished}{of_these}, {counts.failed} failed, {counts.stale} stale."


def _table(task: str, tier: str, rows: Sequence[Row]) -> Table:
    shown = [row for row in rows if row.scores or row.status not in ("declined", "stale")]
    columns = (*_COLUMNS, *_extra_columns(shown))
    grid = [[column.cell(row) for column in columns] for row in shown]
    filled = [
        index
        for index, column in enumerate(columns)
        if column.block == "row" or any(cells[index].text for cells in grid)
    ]
    return Table(
        _title(task, tier, shown),
        tuple(columns[index] for index in filled),
        [[cells[index] for index in filled] for cells in grid],
        list(_notes(task, rows)),
    )


def _title(task: str, tier: str, rows: Sequence[Row]) -> str:
    parts = [task, tier]
    if sizes := sorted({point.n_train for row in rows for point in row.curve}):
        parts.append(f"n_train {sizes[-1]}")
    if seeds := sorted({row.scores["error"].n for row in rows if "error" in row.scores}):
        parts.append(f"{_range(seeds[0], seeds[-1])} seeds")
    if thresholds := sorted({row.threshold for row in rows if row.threshold is not None}):
        parts.append(f"solved at error {numbers.number(thresholds[0])}")
    return " · ".join(parts)


def _notes(task: str, rows: Sequence[Row]) -> Iterator[str]:
    reasons = sorted((row.status, row.reason, row.model) for row in rows if row.reason)
    declined = [entry for entry in reasons if entry[0] == "declined"]
    if len({reason for _, reason, _ in declined}) > _REASONS:
        names = ", ".join(sorted(model for *_, model in declined))
        yield f"declined: {names} (`symbench show {task}` tells why)"
        reasons = [entry for entry in reasons if entry[0] != "declined"]
    for (status, reason), models in groupby(reasons, key=lambda entry: entry[:2]):
        yield f"{status}: {', '.join(model for *_, model in models)} ({reason})"
    diverged = [f"{row.model} {row.diverged}" for row in rows if row.diverged]
    if diverged:
        yield f"diverged trials, counted as a guess: {', '.join(diverged)}"
    timed = sorted((row.machine, row.model) for row in rows if row.machine and row.cost)
    for machine, group in groupby(timed, key=lambda entry: entry[0]):
        timed_here = [model for _, model in group]
        of = "" if len(timed_here) == len(timed) else f" of {', '.join(timed_here)}"
        yield f"s/trial{of}: {machine}"


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"


def _rank(row: Row) -> Cell:
    if row.rank is not None:
        best = "a" in (row.group or "")
        text = f"{_range(row.rank.low, row.rank.high)} {row.group or ''}".strip()
        return Cell(text, "best" if best else "plain")
    if row.status == "stale":
        return Cell("stale", "dim")
    error = row.scores.get("error")
    return Cell("*" if error is not None and error.n < RANKED_SEEDS else "", "dim")


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
        if (estimate := row.scores.get(name)) is None:
            return Cell()
        pale = estimate.greyed or row.status == "stale"
        return Cell(f"({show(estimate)})", "dim") if pale else Cell(show(estimate))

    return cell


def _cosine(estimate: Estimate) -> str:
    source = "" if estimate.explicit is None else " e" if estimate.explicit else " x"
    return numbers.anchored(estimate) + source


def _floored(estimate: Estimate) -> str:
    text = numbers.value(estimate)
    return text if estimate.floor is None else f"{text} (floor {numbers.number(estimate.floor)})"


def _annotated(estimate: Estimate) -> str:
    if estimate.truth is not None:
        return numbers.found(estimate)
    anchored = estimate.chance is not None or estimate.ceiling is not None
    return numbers.anchored(estimate) if anchored else _floored(estimate)


def _extra_columns(rows: Sequence[Row]) -> list[Column]:
    """Conservation errors and the scores of plugins, under their own names."""
    names = {name for row in rows for name in row.scores} - _SHOWN
    shown = sorted(name for name in names if not name.startswith(_DETAIL))
    return [Column(name, "extra", _score(name, _annotated)) for name in shown]


def _parameters(row: Row) -> Cell:
    return Cell("" if row.params is None else numbers.count(row.params))


def _seconds(row: Row) -> Cell:
    estimate = row.cost.get("train_seconds")
    return Cell("" if estimate is None else numbers.value(estimate))


_COLUMNS = (
    Column("#", "row", _rank, numeric=False),
    Column("model", "row", lambda row: Cell(row.model), numeric=False),
    Column("prior", "row", lambda row: Cell(row.prior or ""), numeric=False),
    Column("params", "learning", _parameters),
    Column("tuning", "learning", lambda row: Cell(str(row.tuning or ""))),
    Column("error", "learning", _error),
    Column("n to solve", "learning", _score("n_to_threshold", numbers.samples)),
    Column("data gain", "learning", _score("data_gain", numbers.ratio)),
    Column("curve area", "learning", _score("curve_area", numbers.decades)),
    Column("s/trial", "learning", _seconds),
    Column("equivariance", "symmetry", _score("equivariance_error", _floored)),
    Column("Lie derivative", "symmetry", _score("lie_derivative", numbers.value)),
    Column("generator cosine", "symmetry", _score("generator_cosine", _cosine)),
    Column("overlap", "symmetry", _score("generator_overlap", numbers.anchored)),
    Column("found", "symmetry", _score("generators_found", numbers.found)),
)
_SHOWN = {
    "error",
    "n_to_threshold",
    "data_gain",
    "curve_area",
    "equivariance_error",
    "lie_derivative",
    "generator_cosine",
    "generator_overlap",
    "generators_found",
}

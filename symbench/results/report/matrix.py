"""The matrix of tasks and classes of models for the terminal, and what it shows in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tabulate import tabulate

from symbench.results.leaderboard.matrix import CLASSES, Best, Line
from symbench.results.report.escape import markdown, plain
from symbench.results.report.numbers import found, number

NAMES = {
    "told": "told the symmetry", "soft": "told, kept softly", "discovers": "discovering it",
    "none": "told nothing",
}  # fmt: skip
LEGEND = (
    "×: error of the baseline ÷ that of the best model of the class; ~: not distinguished from the "
    "baseline; =: the baseline. Other numbers are errors, or what was found. told: keeps the "
    "symmetry exactly; soft: was told it and does not (augmentation, a penalty)."
)
_CELLS = {"told": 8, "soft": 8, "discovers": 10, "none": 8}  # columns of the terminal
_TASK, _MODEL = 24, 12
_FACTOR = 100.0  # from which on a ratio is shown like any number


def ratio(best: Best) -> str:
    """Return ``29×``, error of the baseline ÷ that of the model."""
    if best.ratio is None:
        return ""
    return f"{number(best.ratio) if best.ratio >= _FACTOR else f'{best.ratio:.2g}'}×"


def certainty(best: Best) -> str:
    """Return whether the difference from the baseline is certain, in words."""
    if best.is_baseline:
        return "baseline"
    if best.certain is None:
        return ""
    return "certain" if best.certain else "not separated"


def score(line: Line, best: Best) -> str:
    """Return the error, or ``28/35`` of a task that counts what was found."""
    return found(best.score) if line.headline else number(best.score.value)


def sentence(lines: Sequence[Line]) -> str | None:
    """Return on how many tasks each class has the smallest error.

    Certain is a difference from the baseline of the task that the seeds show. None if no difference
    is certain, or if no model was told a symmetry: such records are of discovery, not of errors.
    """
    if not any("told" in line.best for line in lines):
        return None
    errors = [line for line in lines if not line.headline]
    best = Counter(line.first for line in errors)
    sure = Counter(line.first for line in errors if line.best[line.first].certain)
    if not sure:
        return None
    parts = [f"{best[one]} by a model {NAMES[one]} ({sure[one]} certain)"
             for one in CLASSES if best[one]]  # fmt: skip
    return f"Of {len(errors)} tasks the smallest error is reached on {', on '.join(parts)}."


def text(lines: Sequence[Line], width: int) -> str:
    """Return the matrix in lines of at most ``width`` columns, but at least 70."""
    names = [plain(line.best[line.first].model) for line in lines]
    longest = max((len(name) for name in names), default=0)
    rest = width - sum(_CELLS.values()) - 2
    model = min(max(longest, _MODEL), max(_MODEL, rest - _TASK))
    room = max(_TASK, rest - model)
    room = min(room, max((len(plain(line.task)) for line in lines), default=_TASK))
    rows = [["task", *CLASSES, "best model"]]
    rows += [[shortened(plain(line.task), room), *_cells(line), shortened(name, model)]
             for line, name in zip(lines, names, strict=True)]  # fmt: skip
    return "".join(_joined(row, room) + "\n" for row in rows)


def table(lines: Sequence[Line]) -> str:
    """Return the matrix as a table in Markdown."""
    rows = [[markdown(line.task), *map(markdown, _cells(line)), markdown(first.model),
             markdown(score(line, first))]
            for line in lines for first in [line.best[line.first]]]  # fmt: skip
    headings = ["task", *CLASSES, "best model", "its error"]
    return str(tabulate(rows, headings, tablefmt="github", disable_numparse=True))


def _cells(line: Line) -> Iterator[str]:
    for one in CLASSES:
        best = line.best.get(one)
        if best is None:
            yield ""
        elif best.is_baseline:
            yield "="
        else:
            shown = ratio(best)
            yield f"~{shown}" if shown and not best.certain else shown or score(line, best)


def _joined(row: Sequence[str], room: int) -> str:
    task, *classes, best = row
    middle = "".join(f"{cell:>{size}}" for cell, size in zip(classes, _CELLS.values(), strict=True))
    return f"{task:<{room}}{middle}  {best}".rstrip()


def shortened(name: str, room: int) -> str:
    """Return a name with an ellipsis in its middle if it is longer than the room."""
    if len(name) <= room:
        return name
    end = (room - 1) // 2
    return f"{name[: room - 1 - end]}…{name[-end:]}"

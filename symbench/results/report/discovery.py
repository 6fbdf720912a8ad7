"""The discovery board: tables for the terminal, markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from tabulate import tabulate

from symbench.results.leaderboard.discovery import DiscoveryBoard, Found, Method
from symbench.results.report import DISCOVERY_FORMATS, check_format
from symbench.results.report.columns import Cell
from symbench.results.report.drawing import GAP, Grid, Line, drawn, fitting
from symbench.results.report.escape import markdown, plain
from symbench.results.report.numbers import interval, number, samples

_COMPARED = 2  # methods, the fewest for a sentence
_FOUND = 0.05  # a figure of merit below which a method has found nothing
TASK_HEADINGS = ("method", "overlap", "found", "n to discover", "error", "seconds")
LEGEND = (
    "figure: how far the overlap of what a method found exceeds that of the best guess that looks "
    "at no label, from 0 (nothing, everything or the guess) to 1 (exactly the truth). It is the "
    "mean over the tasks of a kind, where a task that the method declines counts 0, and over the "
    "kinds. Intervals: 95 %, seeds resampled within each task, and combined over the kinds.",
    "control: the share of trials on the other tasks with a figure of at least 0.5, less the share "
    "of trials on controls with a false finding. false: those findings, of all trials on controls.",
    "* generators extracted from the trained function; the others announce generators or elements. "
    "found: their number, of the true number. n to discover: from which n_train on the right ones "
    "are found.",
)


def render(board: DiscoveryBoard, form: str, width: int = 120, *, colour: bool = False) -> str:
    """Return the board in one of ``DISCOVERY_FORMATS``; width and colour are the terminal's.

    Raises:
        InputError: another format.
    """
    check_format(form, DISCOVERY_FORMATS)
    if form == "table":
        return drawn(_parts(board, width), width, colour=colour)
    if form == "md":
        return _markdown(board)
    return json.dumps(board.document(), indent=1, allow_nan=False) + "\n"


def headings(board: DiscoveryBoard) -> list[str]:
    """Return the headings of the table of figures."""
    return ["method", "figure", *_kinds(board), "false"]


def figures(board: DiscoveryBoard) -> Iterator[list[str]]:
    """Yield the row of each method in the table of figures."""
    for method in board.methods:
        by_kind = [number(method.figures[kind].value) for kind in _kinds(board)]
        false = "" if method.false is None else f"{method.false.found} of {method.false.trials}"
        name = f"{method.model} *" if method.source == "extracted" else method.model
        yield [name, interval(method.overall), *by_kind, false]


def of_task(board: DiscoveryBoard, task: str) -> Iterator[list[str]]:
    """Yield the row of each method that has results on a task, the largest overlap first."""
    shown = [(method, found) for method in board.methods if (found := method.found.get(task))]
    truth = _truth(board, task)
    for method, found in sorted(shown, key=_order):
        yield [method.model, *_cells(found, truth)]


def titles(board: DiscoveryBoard) -> Iterator[tuple[str, str]]:
    """Yield each task with its kind, number of generators, and guess."""
    for kind, tasks in board.tasks.items():
        for task in tasks:
            truth = _truth(board, task)
            parts = [task, kind, *([] if truth is None else [f"{truth:.0f} to find"])]
            if (guess := board.guesses.get(task)) is not None and kind != "control":
                parts.append(
                    "a guess without labels is right: the task does not count"
                    if task in board.certain
                    else f"a guess without labels has overlap {number(guess)}"
                )
            yield task, " · ".join(parts)


def sentence(board: DiscoveryBoard) -> str | None:
    """Return which method finds most, and how sure that is; None if no method announces any.

    Only methods that ran on most tasks of the board are compared. Where no interval reaches
    ``_FOUND``, none of them finds anything, whichever is first.
    """
    tasks = sum(map(len, board.tasks.values()))
    methods = [one for one in board.methods if 2 * len(one.found) > tasks]
    if len(methods) < _COMPARED or all(one.source == "extracted" for one in methods):
        return None
    first, second = methods[:2]
    if all((one.overall.high or one.overall.value) < _FOUND for one in methods):
        return (
            f"None of {len(methods)} methods finds a symmetry: every figure of merit is below "
            f"{_FOUND}, where 1 is exactly the truth."
        )
    low, high = first.overall.low, second.overall.high
    apart = low is not None and high is not None and low > high
    return (
        f"Of {len(methods)} methods {first.model} finds symmetries best: figure of merit "
        f"{interval(first.overall)}, where 1 is exactly the truth. {second.model} is next with "
        f"{interval(second.overall)}{'' if apart else '; the intervals overlap'}."
    )


def _nothing(board: DiscoveryBoard) -> str:
    stale = f"; stale records left out: {board.stale}; run them again" if board.stale else ""
    return f"nothing to show: no record of tier {board.tier} has scores of discovery{stale}"


def _kinds(board: DiscoveryBoard) -> list[str]:
    return list(board.methods[0].figures) if board.methods else []


def _order(shown: tuple[Method, Found]) -> tuple[float, str]:
    method, found = shown
    return -(found.overlap.value if found.overlap else 0.0), method.model


def _truth(board: DiscoveryBoard, task: str) -> float | None:
    """Return how many generators or elements there are; a constant function does not tell."""
    found = [method.found[task].truth for method in board.methods if task in method.found]
    return max((truth for truth in found if truth is not None), default=None)


def _cells(found: Found, truth: float | None) -> list[str]:
    of = "" if truth is None else f"/{truth:.0f}"
    return [
        interval(found.overlap) if found.overlap else "",
        f"{found.count.value:.0f}{of}" if found.count else "",
        samples(found.n_to_discover) if found.n_to_discover else "",
        number(found.error.value) if found.error else "",
        number(found.seconds.value) if found.seconds else "",
    ]


def _parts(board: DiscoveryBoard, width: int) -> Iterator[Line | Grid]:
    yield Line(plain(f"discovery · {board.tier}"), "bold")
    if not board.methods:
        yield Line(_nothing(board))
        return
    yield from _grids(headings(board), list(figures(board)), width)
    for task, title in titles(board):
        yield Line(plain(title, 300), "bold")
        yield from _grids(TASK_HEADINGS, list(of_task(board, task)), width)
    for line in _foot(board):
        yield Line(line, "dim")


def _foot(board: DiscoveryBoard) -> Iterator[str]:
    yield from LEGEND
    if board.stale:
        yield f"stale records left out: {board.stale}; run them again."


def _grids(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Iterator[Line | Grid]:
    """Yield the rows as one table, or as several where they are wider, each with the methods."""
    cells = [[plain(cell) for cell in row] for row in rows]
    name, *widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    for group in fitting(widths, width - name - GAP):
        shown = [0, *(position + 1 for position in group)]
        yield Grid(
            [columns[index] for index in shown],
            [False] * len(shown),
            [[Cell(row[index]) for index in shown] for row in cells],
        )
        yield Line("")


def _markdown(board: DiscoveryBoard) -> str:
    if not board.methods:
        return _nothing(board) + "\n"
    parts = [_drawn(headings(board), figures(board))]
    for task, title in titles(board):
        parts += [f"### {markdown(title, 300)}", _drawn(TASK_HEADINGS, of_task(board, task))]
    return "\n\n".join([*parts, *_foot(board)]) + "\n"


def _drawn(columns: Sequence[str], rows: Iterator[list[str]]) -> str:
    cells = [[markdown(cell) for cell in row] for row in rows]
    return str(tabulate(cells, headers=columns, tablefmt="github", disable_numparse=True))

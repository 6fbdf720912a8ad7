"""What a run shows on stderr while it works: a line a finished cell, and bars on a terminal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

from symbench.hooks import hookimpl
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.records.record import Record
    from symbench.runs.plan import Cell
    from symbench.runs.run import CellOutcome, Run
    from symbench.training.setup import Progress


class Watch:
    """A reporter of a run; ``bars`` is the context in which it shows its bars.

    Declined cells are only counted, unless ``verbose`` asks for a line of each.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.bars = Bars(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.fields[note]}"),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._print = self.bars.console.print
        self._run: Run | None = None
        self._total: TaskID | None = None
        self._running: dict[str, TaskID] = {}
        self._since: dict[str, float] = {}
        self._concurrent = 1

    def show(self, text: str) -> None:
        """Print text above the bars."""
        self._print(escape(text), end="")

    @hookimpl
    def symbench_run_started(self, run: Run) -> None:
        """Open the bar of the whole run, and say how many pairs do not apply."""
        self._run = run
        applicable = _applicable(run)
        if declined := len(run.cells) - applicable:
            hint = "" if self._verbose else " (--verbose lists them)"
            self._print(f"task-model pairs that do not apply: {declined:,}{hint}")
        self._total = self.bars.add_task("cells", total=applicable, note=time_left(None))

    @hookimpl
    def symbench_cell_started(self, cell: Cell) -> None:
        """Open a cell's bar."""
        label = escape(plain(f"{cell.task} {cell.model}"))
        self._running[cell.key] = self.bars.add_task(label, total=100, note="")
        self._since[cell.key] = time.monotonic()
        self._concurrent = max(self._concurrent, len(self._running))

    @hookimpl
    def symbench_cell_progressed(self, cell: Cell, progress: Progress) -> None:
        """Move a cell's bar; show the update and the loss."""
        if cell.key in self._running:
            note = f"update {progress.update}/{progress.updates}, loss {progress.loss:.3g}"
            done = round(100 * progress.done)
            self.bars.update(self._running[cell.key], completed=done, note=note)

    @hookimpl
    def symbench_cell_finished(self, cell: Cell, record: Record) -> None:
        """Print the cell's line and close its bar."""
        if (bar := self._running.pop(cell.key, None)) is not None:
            self.bars.remove_task(bar)
        self._since.pop(cell.key, None)
        if self._run is None or (record.status == "declined" and not self._verbose):
            return
        elapsed = {key: time.monotonic() - since for key, since in self._since.items()}
        note = time_left(seconds_left(self._run, elapsed, self._concurrent))
        if self._total is not None:
            self.bars.update(self._total, completed=_done(self._run), note=note)
        self._print(escape(plain(_line(self._run, self._run.outcomes[-1], record, note))))


def seconds_left(run: Run, elapsed: Mapping[str, float], slots: int) -> float | None:
    """Return the wall seconds that a run still needs, from the cells that it has computed.

    A cell takes the median of the finished ones of its model, or else of its task, or else of all;
    None as long as no cell has been computed and some are left. ``elapsed`` are the seconds of the
    running cells by key; ``slots`` cells run at a time, and no cell is split over two slots.
    """
    computed = [outcome for outcome in run.outcomes if not outcome.reused and _ran(outcome)]
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for outcome in computed:
        seconds["model", outcome.model].append(outcome.seconds)
        seconds["task", outcome.task].append(outcome.seconds)
    finished = {outcome.key for outcome in run.outcomes}
    needs: list[float] = []
    for cell in run.cells:
        if cell.reason is not None or cell.key in finished:
            continue
        alike = (
            seconds.get(("model", cell.model))
            or seconds.get(("task", cell.task))
            or [outcome.seconds for outcome in computed]
        )
        if not alike:
            return None
        needs.append(max(0.0, median(alike) - elapsed.get(cell.key, 0.0)))
    return _makespan(needs, slots)


def _ran(outcome: CellOutcome) -> bool:
    return outcome.status not in ("declined", "interrupted")


def _applicable(run: Run) -> int:
    return sum(cell.reason is None or cell.error is not None for cell in run.cells)


def _done(run: Run) -> int:
    return sum(outcome.status != "declined" for outcome in run.outcomes)


def _makespan(needs: Sequence[float], slots: int) -> float:
    return max(sum(needs) / max(1, slots), max(needs, default=0.0))


def time_left(seconds: float | None) -> str:
    """Return the estimate in words."""
    if seconds is None:
        return "time left unknown"
    from symbench.results.report.numbers import duration  # its package imports numpy

    return f"about {duration(seconds)} left"


def _line(run: Run, outcome: CellOutcome, record: Record, note: str) -> str:
    done = f"[{_done(run)}/{_applicable(run)}]"
    how = "reused" if outcome.reused else f"{outcome.seconds:.1f} s"
    why = f": {record.error.message}" if record.error is not None else ""
    last = "" if _done(run) == _applicable(run) else f", {note}"
    said = f"{done} {outcome.task} {outcome.model} {outcome.status} ({how}{last}){why}"
    return " ".join(said.split())

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
    """A reporter of a run; ``bars`` is the context in which it shows its bars."""

    def __init__(self) -> None:
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

    @hookimpl
    def symbench_run_started(self, run: Run) -> None:
        """Open the bar of the whole run."""
        self._run = run
        self._total = self.bars.add_task("cells", total=len(run.cells), note=time_left(None))

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
        if self._run is None:
            return
        elapsed = {key: time.monotonic() - since for key, since in self._since.items()}
        note = time_left(seconds_left(self._run, elapsed, self._concurrent))
        if self._total is not None:
            self.bars.update(self._total, completed=len(self._run.outcomes), note=note)
        self._print(escape(plain(_line(self._run, self._run.outcomes[-1], record, note))))


def seconds_left(run: Run, elapsed: Mapping[str, float], slots: int) -> float | None:
    """Return the wall seconds that a run still needs, from the cells that it has computed.

    A cell takes the median of the finished ones of its model, or else of its task; None as long as
    some cell left has neither. ``elapsed`` are the seconds of the running cells by key; ``slots``
    cells run at a time, and no cell is split over two slots.
    """
    computed = [outcome for outcome in run.outcomes if not outcome.reused and _ran(outcome)]
    if not computed:
        return None
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for outcome in computed:
        seconds["model", outcome.model].append(outcome.seconds)
        seconds["task", outcome.task].append(outcome.seconds)
    finished = {outcome.key for outcome in run.outcomes}
    needs: list[float] = []
    for cell in run.cells:
        if cell.reason is not None or cell.key in finished:
            continue
        alike = seconds.get(("model", cell.model)) or seconds.get(("task", cell.task))
        if not alike:
            return None
        needs.append(max(0.0, median(alike) - elapsed.get(cell.key, 0.0)))
    return _makespan(needs, slots)


def _ran(outcome: CellOutcome) -> bool:
    return outcome.status not in ("declined", "interrupted")


def _makespan(needs: Sequence[float], slots: int) -> float:
    return max(sum(needs) / max(1, slots), max(needs, default=0.0))


def time_left(seconds: float | None) -> str:
    """Return the estimate in words."""
    if seconds is None:
        return "time left unknown"
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    minutes = seconds / 60
    return f"about {minutes:.0f} min left" if minutes < 90 else f"about {minutes / 60:.1f} h left"


def _line(run: Run, outcome: CellOutcome, record: Record, note: str) -> str:
    done = f"[{len(run.outcomes)}/{len(run.cells)}]"
    how = "reused" if outcome.reused else f"{outcome.seconds:.1f} s"
    why = f": {record.error.message}" if record.error is not None else ""
    last = "" if len(run.outcomes) == len(run.cells) else f", {note}"
    said = f"{done} {outcome.task} {outcome.model} {outcome.status} ({how}{last}){why}"
    return " ".join(said.split())

"""What a run shows on stderr while it works: a line a finished cell, and bars on a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from symbench.report.clean import plain

if TYPE_CHECKING:
    from symbench.api import CellOutcome, Run
    from symbench.plan import Cell
    from symbench.record import Record


class Watch:
    """The callbacks of a run, as a context: the bars leave the terminal when it ends."""

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._print = self._bars.console.print
        self._total: TaskID | None = None
        self._running: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def planned(self, run: Run) -> None:
        """Open the bar of the whole run."""
        self._total = self._bars.add_task("cells", total=len(run.cells))

    def started(self, cell: Cell) -> None:
        """Open a cell's bar."""
        label = escape(plain(f"{cell.task} {cell.model}"))
        self._running[cell.key] = self._bars.add_task(label, total=100)

    def progressed(self, cell: Cell, share: float) -> None:
        """Move a cell's bar."""
        if cell.key in self._running:
            self._bars.update(self._running[cell.key], completed=round(100 * share))

    def finished(self, run: Run, outcome: CellOutcome, record: Record) -> None:
        """Print the cell's line and close its bar."""
        if (bar := self._running.pop(outcome.key, None)) is not None:
            self._bars.remove_task(bar)
        if self._total is not None:
            self._bars.update(self._total, completed=len(run.outcomes))
        self._print(escape(plain(_line(run, outcome, record))))


def _line(run: Run, outcome: CellOutcome, record: Record) -> str:
    done = f"[{len(run.outcomes)}/{len(run.cells)}]"
    how = "reused" if outcome.reused else f"{outcome.seconds:.1f} s"
    why = f": {record.error.message}" if record.error is not None else ""
    return " ".join(f"{done} {outcome.task} {outcome.model} {outcome.status} ({how}){why}".split())

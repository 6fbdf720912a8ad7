"""The tables that a long run shows before it ends: that of the first task of every family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from symbench.hooks import hookimpl
from symbench.results.leaderboard import make
from symbench.results.report.terminal import render_tables

if TYPE_CHECKING:
    from symbench.records.record import Record
    from symbench.runs.plan import Cell
    from symbench.runs.run import Run


class FirstTables:
    """A reporter that writes the table of errors of the first tasks as soon as they are done.

    Args:
        families: the family of each task.
        write: called with the text of each table.
        width: of the text, in columns.
    """

    def __init__(
        self, families: Mapping[str, str], write: Callable[[str], object], width: int
    ) -> None:
        self._families, self._write, self._width = families, write, width
        self._run: Run | None = None
        self._left: dict[str, int] = {}

    @hookimpl
    def symbench_run_started(self, run: Run) -> None:
        """Find the first tasks, and how many cells each has."""
        from symbench.runs.order import first_tasks

        self._run = run
        first = first_tasks(self._families, run.cells)
        tasks = [cell.task for cell in run.cells]
        several = len(set(tasks)) > 1
        self._left = {task: tasks.count(task) for task in first} if several else {}

    @hookimpl
    def symbench_cell_finished(self, cell: Cell, record: Record) -> None:  # noqa: ARG002 - a hook
        """Write the table of a task whose last cell this was."""
        if self._run is None or cell.task not in self._left:
            return
        self._left[cell.task] -= 1
        unfinished = len(self._run.outcomes) < len(self._run.cells)
        if self._left[cell.task] == 0 and unfinished and not self._run.interrupted:
            records = [one for one in self._run.records if one.identity.task == cell.task]
            table = make(records, cell.identity.tier)
            headline = next((row.headline for row in table.rows if row.headline), "error")
            known = any(headline in row.scores for row in table.rows)
            columns = ("#", "model", "prior", headline if known else "error")
            self._write(render_tables(table, self._width, columns))

"""The hooks that a plugin may implement (pluggy specifications)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from symbench.records.record import Record

hookspec = pluggy.HookspecMarker("symbench")
hookimpl = pluggy.HookimplMarker("symbench")


class Hooks:
    """Hook specifications; an exception in an event hook is logged and does not stop the run."""

    @hookspec
    def symbench_register(self, registry: Any) -> None:
        """Register models, tasks, metrics, suites, reporters and executors."""

    @hookspec
    def symbench_run_started(self, run: Any) -> None:
        """Called once, in the parent process, before the first cell of a run."""

    @hookspec
    def symbench_cell_started(self, cell: Any) -> None:
        """Called in the parent process when a cell is handed to the executor."""

    @hookspec
    def symbench_cell_progressed(self, cell: Any, progress: Any) -> None:
        """Called in the parent process, several times while a cell trains.

        ``progress`` has ``done`` in [0, 1], ``update``, ``updates`` and the mean ``loss``.
        """

    @hookspec
    def symbench_cell_finished(self, cell: Any, record: Record) -> None:
        """Called in the parent process when a cell's record has been stored."""

    @hookspec
    def symbench_run_finished(self, run: Any) -> None:
        """Called once, in the parent process, after the last cell of a run."""

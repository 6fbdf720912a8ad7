"""Run a selection: plan its cells, let an executor compute them, and store the records."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from symbench.errors import InputError, PluginError
from symbench.records.record import FINISHED, Record, Status
from symbench.registry import Registry
from symbench.runs.desk import Desk
from symbench.runs.executors import BUILT_IN
from symbench.runs.options import Options
from symbench.runs.order import in_order
from symbench.runs.plan import Cell, Selection, make_plan

_log = logging.getLogger(__name__)
_WAIT_SECONDS = 1.0  # between checks of cells that another run has claimed

Executor = Callable[[Sequence[Cell], Desk, Options], Iterator[Record]]


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of one planned cell in this run."""

    task: str
    model: str
    key: str
    status: Status
    seconds: float
    reused: bool


@dataclass
class Run:
    """One run: its plan, and its outcomes and records so far. Event hooks get this object."""

    name: str
    store: Path
    cells: list[Cell]
    outcomes: list[CellOutcome] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 if all cells finished or were declined, 1 if not, 130 if interrupted."""
        if self.interrupted:
            return 130
        return 0 if all(outcome.status in FINISHED for outcome in self.outcomes) else 1

    def add(self, record: Record, *, reused: bool) -> None:
        """Add the record of a cell, and its outcome."""
        identity = record.identity
        self.records.append(record)
        seconds = record.provenance.seconds or 0.0
        outcome = CellOutcome(
            identity.task, identity.model, record.key, record.status, seconds, reused
        )
        self.outcomes.append(outcome)


def execute(registry: Registry, selection: Selection, options: Options) -> Run:
    """Run a selection, and report it to the event hooks.

    Finished cells of the store are reused. The run waits for cells that another run on the same
    store computes. After an interruption (Ctrl-C), the finished records are in the store.

    Raises:
        InputError: an unknown name or option value, or an empty selection.
        StoreError: the store cannot be written.
    """
    cells = make_plan(registry, selection)
    executor, options = _executor(registry, options)
    desk = Desk.of(registry, options, in_order(registry, cells))
    run = Run(uuid.uuid4().hex[:12], options.store, cells)
    planned = {cell.key: cell for cell in cells}
    registry.emit("symbench_run_started", run=run)
    for record, reused in _records(desk, run, executor):
        run.add(record, reused=reused)
        registry.emit("symbench_cell_finished", cell=planned[record.key], record=record)
    registry.emit("symbench_run_finished", run=run)
    return run


def _records(desk: Desk, run: Run, executor: Executor) -> Iterator[tuple[Record, bool]]:
    """Yield each cell's record, and whether it was reused from the store."""
    try:
        yield from desk.declined()
        while desk.unfinished:
            for record in desk.blocked():
                yield record, False
            for record in desk.reused():
                yield record, True
            for record in _computed(desk, executor):
                yield record, False
            if desk.unfinished:
                _log.info("waiting for %d cells of another run", len(desk.unfinished))
                time.sleep(_WAIT_SECONDS)
    except KeyboardInterrupt:
        run.interrupted = True
        for cell in desk.unfinished.values():
            yield Record(identity=cell.identity, status="interrupted"), False
    finally:
        desk.store.release_all()


def _computed(desk: Desk, executor: Executor) -> Iterator[Record]:
    """Yield the records of an executor, stored.

    Raises:
        PluginError: it yields anything other than one record for each cell, or part of a cell, that
            it has claimed.
    """
    name, owed = desk.options.executor, len(desk.unfinished)
    desk.claims.clear()
    for record in executor(list(desk.unfinished.values()), desk, desk.options):
        if not isinstance(record, Record) or not desk.expects(record):
            got = record.key if isinstance(record, Record) else repr(record)[:200]
            raise PluginError(
                f"executor {name!r} returned {got}: yield one record for each cell that it claims"
            )
        if (whole := desk.put(record)) is not None:
            yield whole
    lost = [key for key, got in desk.claims.items() if got and key in desk.unfinished]
    idle = len(desk.unfinished) == owed and all(desk.claims.values())
    if desk.unfinished and (lost or idle):
        raise PluginError(
            f"executor {name!r} ended without records of {len(desk.unfinished)} cells: "
            "claim every cell, and yield a record of each"
        )


def _executor(registry: Registry, options: Options) -> tuple[Executor, Options]:
    """Return the executor and its options, resolved for this machine unless it is ``remote``.

    A remote executor computes on other machines, which resolve the options for themselves.
    """
    name = "inline" if options.debug else options.executor
    cards = {**registry.executors, **BUILT_IN}
    if name not in cards:
        raise InputError(f"unknown executor {name!r}: choose one of {', '.join(sorted(cards))}")
    card = cards[name]
    executor = cast(Executor, card.load())
    return executor, options if card.details.get("remote") else options.on_this_machine()

"""The command line's verbs for notebooks and scripts."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from symbench import registry
from symbench.contract import Metric, Model, Problem, Task
from symbench.errors import InputError, UnknownNameError
from symbench.records.record import FINISHED, Record, Status
from symbench.records.store import Store
from symbench.registry import Registry
from symbench.registry.view import make_problem
from symbench.results import leaderboard as boards
from symbench.runs import plan
from symbench.runs.executors import Executor, Settings, cluster, inline, local
from symbench.runs.executors.capacity import usable_cores
from symbench.runs.plan import Cell, Selection
from symbench.training.setup import quiet

if TYPE_CHECKING:
    from symbench.results.leaderboard import Leaderboard

_log = logging.getLogger(__name__)

DEFAULT_STORE = Path("symbench-results")
_ELSEWHERE_SECONDS = 1.0  # between two looks at cells that another run has claimed


@dataclass(frozen=True)
class Options:
    """How a run goes about its cells; what it runs is a ``Selection``."""

    store: Path = DEFAULT_STORE
    device: str = "auto"
    executor: str = "local"
    ray_address: str | None = None
    jobs: int | None = None
    timeout: float | None = None
    memory: float | None = None
    fleet: Literal["auto", "on", "off"] = "auto"
    fresh: bool = False
    retry_failed: bool = False
    debug: bool = False
    plugin_files: tuple[Path, ...] = ()
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellOutcome:
    """What became of one planned cell in this run."""

    task: str
    model: str
    key: str
    status: Status
    seconds: float
    reused: bool


@dataclass
class Run:
    """One run: its plan and, as they come, its outcomes. Event hooks get this object."""

    name: str
    store: Path
    cells: list[Cell]
    outcomes: list[CellOutcome] = field(default_factory=list)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 all finished or declined, 1 some cell did not, 130 interrupted."""
        if self.interrupted:
            return 130
        return 0 if all(outcome.status in FINISHED for outcome in self.outcomes) else 1


@dataclass(frozen=True)
class Result:
    """The outcomes of a run, its records, and the leaderboard made of them."""

    run: Run
    records: list[Record]
    leaderboard: Leaderboard

    @property
    def exit_code(self) -> int:
        """The exit code of the command line for this run."""
        return self.run.exit_code


def run(  # noqa: PLR0913 - the notebook's front door mirrors the command line
    tasks: Sequence[str] = (),
    models: Sequence[str] = (),
    tier: str | None = None,
    store: str | Path = DEFAULT_STORE,
    *,
    sizes: Sequence[int] = (),
    seeds: int | None = None,
    executor: str = "inline",
    **options: Any,
) -> Result:
    """Train, score and store the chosen cells (names or globs; none stands for all).

    ``options`` are the other fields of ``Options``. Finished cells of the store are reused.

    Raises:
        InputError: an unknown name or option value, or an empty selection.
        StoreError: the store cannot be written.
    """
    chosen = Selection(tuple(tasks), tuple(models), tier or default_tier(), tuple(sizes), seeds)
    return execute(chosen, Options(store=Path(store), executor=executor, **options))


def execute(
    selection: Selection,
    options: Options,
    on_start: Callable[[Cell], None] = quiet,
    on_progress: Callable[[Cell, float], None] = quiet,
    on_outcome: Callable[[Run, CellOutcome, Record], None] = quiet,
    on_plan: Callable[[Run], None] = quiet,
) -> Result:
    """Carry out a selection; the callbacks report to whoever watches."""
    found = registry.load(options.plugin_files, options.blocked)
    store = Store(options.store)
    store.check_writable()
    this = Run(uuid.uuid4().hex[:12], options.store, plan.make_plan(found, selection))
    on_plan(this)

    def started(cell: Cell) -> None:
        found.emit("symbench_cell_started", cell=cell)
        on_start(cell)

    device = options.device
    if options.executor != "ray":  # what a cluster has, only the cluster knows
        device = resolve_device(device)
    settings = Settings(
        device=device, fleet=options.fleet,
        jobs=options.jobs or usable_cores(), timeout=options.timeout, memory=_memory(options),
        plugin_files=options.plugin_files, blocked=options.blocked, debug=options.debug,
        started=started, progress=on_progress,
    )  # fmt: skip
    found.emit("symbench_run_started", run=this)
    records: list[Record] = []
    for cell, record, reused in _records(found, store, this, settings, options):
        records.append(record)
        seconds = float(record.provenance.get("seconds", 0.0))
        outcome = CellOutcome(cell.task, cell.model, cell.key, record.status, seconds, reused)
        this.outcomes.append(outcome)
        found.emit("symbench_cell_finished", cell=cell, record=record)
        on_outcome(this, outcome, record)
    found.emit("symbench_run_finished", run=this)
    board = boards.make(records, tier=selection.tier, planned=len(this.cells))
    return Result(this, records, board)


@dataclass(frozen=True)
class _Desk:
    """The cells that a run still owes, and what it finds of them in the store."""

    store: Store
    options: Options
    unfinished: dict[str, Cell]

    def stored(self, cell: Cell) -> Record | None:
        """Return the cell's record if it may be used as it is."""
        record = None if self.options.fresh else self.store.read(cell.key)
        usable = record is not None and _reusable(record, retry_failed=self.options.retry_failed)
        return record if usable else None

    def claim(self, cell: Cell) -> bool:
        """Whether the cell is ours to compute: no other run does, or has since we looked."""
        if not self.store.claim(cell.key):
            return False
        if self.stored(cell) is None:
            return True
        self.store.release(cell.key)
        return False

    def reused(self) -> Iterator[tuple[Cell, Record, bool]]:
        """Take the cells off that are in the store."""
        for cell in list(self.unfinished.values()):
            if (record := self.stored(cell)) is not None:
                yield self.done(cell), record, True

    def put(self, cell: Cell, record: Record) -> tuple[Cell, Record, bool]:
        """Store a new record and take its cell off."""
        self.store.write(record)
        self.store.release(cell.key)
        return self.done(cell), record, False

    def done(self, cell: Cell) -> Cell:
        return self.unfinished.pop(cell.key)


def _records(
    found: Registry, store: Store, this: Run, settings: Settings, options: Options
) -> Iterator[tuple[Cell, Record, bool]]:
    """Yield what the store has, then what the executor makes of the rest, stored.

    Cells that another run on the same store has claimed are waited for.
    """
    desk = _Desk(store, options, {cell.key: cell for cell in this.cells})
    carry_out = _executor(found, store, options)
    settings = replace(settings, claim=desk.claim)
    try:
        while desk.unfinished:
            yield from desk.reused()
            for cell, record in carry_out(list(desk.unfinished.values()), settings, found):
                yield desk.put(cell, record)
            if desk.unfinished:
                _log.info("waiting for %d cells of another run", len(desk.unfinished))
                time.sleep(_ELSEWHERE_SECONDS)
    except KeyboardInterrupt:
        this.interrupted = True
        for cell in desk.unfinished.values():
            yield cell, Record(identity=cell.identity, status="interrupted"), False
    finally:
        store.release_all()


def _memory(options: Options) -> float:
    """Return the bytes that a cell may use: as told (GiB), or its share of nine tenths of all."""
    import psutil

    if options.memory is not None:
        return options.memory * 2**30
    return 0.9 * float(psutil.virtual_memory().total) / (options.jobs or usable_cores())


def _reusable(record: Record, *, retry_failed: bool) -> bool:
    if record.status in FINISHED:
        return True
    return record.status != "interrupted" and not retry_failed


def _executor(found: Registry, store: Store, options: Options) -> Executor:
    name = options.executor
    asked = None if options.memory is None else _memory(options)
    site = cluster.Site(options.ray_address, options.jobs, asked, store.records)
    own: dict[str, Executor] = {
        "inline": inline.execute,
        "local": local.execute,
        "ray": partial(cluster.execute, site=site),
    }
    if name in own:
        return own[name]
    if name in found.executors:
        return cast(Executor, found.card("executor", name).load())
    raise UnknownNameError("executor", name, [*own, *found.executors])


def resolve_device(name: str) -> str:
    """Return the torch device for auto, cpu or cuda.

    Raises:
        InputError: an unknown device, or cuda where there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if available else "cpu"
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}: take auto, cpu or cuda")
    if name == "cuda" and not available:
        raise InputError("device 'cuda' is not available here: take --device cpu or auto")
    return name


def default_tier() -> str:
    """Return ``full`` where there is a GPU, ``quick`` elsewhere."""
    return "full" if resolve_device("auto") == "cuda" else "quick"


@cache
def _registry() -> Registry:
    return registry.load()


def task(name: str) -> Task:
    """Return a registered task.

    Raises:
        UnknownNameError: nothing is registered under the name.
    """
    return _registry().task(name)


def model(name: str) -> type[Model]:
    """Return a registered model class; raises like ``task``."""
    return _registry().model(name)


def problem(task: Task, model: Model | type[Model]) -> Problem:
    """Return what the model may see of the task."""
    return make_problem(_registry(), task, model)


def tasks() -> list[str]:
    """Return the names of the registered tasks."""
    return list(_registry().tasks)


def models() -> list[str]:
    """Return the names of the registered models."""
    return list(_registry().models)


def metrics() -> list[type[Metric]]:
    """Return the core's metric classes and those of plugins."""
    from symbench.metrics import CORE

    return [*CORE, *(card.load() for card in _registry().metrics.values())]

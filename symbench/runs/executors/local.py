"""Run every cell in a child process, several at a time.

The processes are forked from a server that has loaded torch, so that starting one takes a tenth of
a second. A cell that crashes, hangs or exhausts its memory does not affect the others. A child
sends back only JSON text, and tensors as safetensors.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import torch

from symbench.records.record import Provenance, Record
from symbench.registry import Registry
from symbench.runs.cell import run_cell
from symbench.runs.executors.capacity import (
    GPU_VARIABLE,
    Gpus,
    Place,
    costs,
    threads_per_job,
    usable_cores,
    usable_gpus,
)
from symbench.runs.executors.family import sessions
from symbench.runs.executors.messages import Inbox
from symbench.runs.executors.process import Worker
from symbench.runs.executors.server import Server, worker_variables
from symbench.runs.executors.worker import Job, work
from symbench.runs.options import Options
from symbench.runs.plan import Cell
from symbench.training.setup import Progress

if TYPE_CHECKING:
    from symbench.runs.desk import Desk

_POLL_SECONDS = 0.2
_ATTEMPTS = 2  # of a cell that crashed or ran out of memory; the second runs one trial at a time
_SERVERS = 3  # that may be killed under a cell before it counts as crashed


def execute(cells: Sequence[Cell], desk: Desk, options: Options) -> Iterator[Record]:
    """Yield the record of each cell, or of each part of a long cell, as it finishes."""
    jobs, on_gpu = options.jobs or 1, options.device == "cuda"
    known = costs(desk.earlier() if on_gpu or jobs > 1 else ())
    yield from supervised(
        desk.in_parts(cells, jobs, known), desk.registry, options,
        claim=desk.claim, progressed=desk.progressed,
        gpus=Gpus(usable_gpus(), known) if on_gpu else None,
    )  # fmt: skip


def supervised(
    cells: Sequence[Cell],
    registry: Registry,
    options: Options,
    *,
    claim: Callable[[Cell], bool],
    progressed: Callable[[Cell, Progress], None],
    gpus: Gpus | None = None,
) -> Iterator[Record]:
    """Run cells in child processes of this machine, and yield each record as it finishes.

    A cell whose process crashed or ran out of memory is retried once, its trials one by one. A
    record is yielded before its process has ended. All children, and all that they have started,
    are killed when the iterator is closed.

    Args:
        cells: from a plan.
        registry: the children load plugins from its sources.
        options: as ``Options.on_this_machine`` returns them.
        claim: called before a cell starts; a cell for which it returns False is left out.
        progressed: called with the progress of a cell's training.
        gpus: the GPUs that the cells share; without them a cell uses the device of the options.

    Raises:
        SymbenchError: no process can be started.
    """
    yield from _unplanned(cells, registry, claim)
    waiting = [cell for cell in reversed(cells) if cell.reason is None]
    pool = _Pool(registry, options, {cell.model for cell in waiting}, gpus)
    try:
        while waiting or pool.running:
            while waiting and pool.has_room(waiting[-1]):
                if claim(cell := waiting.pop()):
                    pool.start(cell)
            for worker, record in pool.records(progressed):
                if pool.try_again(worker, record):
                    continue
                yield record
                worker.leave()
                pool.running.remove(worker)
    finally:
        for worker in pool.running:
            worker.end()


def _unplanned(
    cells: Sequence[Cell], registry: Registry, claim: Callable[[Cell], bool]
) -> Iterator[Record]:
    """Yield the records of cells whose task or model failed in planning: they need no process."""
    for cell in cells:
        if cell.reason is not None and claim(cell):
            yield run_cell(registry, cell)


class _Pool:
    """The workers that run at the same time."""

    def __init__(
        self, registry: Registry, options: Options, models: Iterable[str], gpus: Gpus | None
    ) -> None:
        self.running: list[Worker] = []
        self._gpus = gpus
        self._registry = registry
        self._options = options
        self._server = Server(registry, models)
        self._sessions: Mapping[int, Sequence[int]] = {}
        self._listed = 0.0
        self._without_server: dict[str, int] = {}

    def has_room(self, cell: Cell) -> bool:
        """Whether the cell may start beside those that are running."""
        if len(self.running) >= (self._options.jobs or 1):
            return False
        return self._gpus is None or self._place(cell) is not None

    def _place(self, cell: Cell) -> Place | None:
        """Return a place for the cell on a GPU; None if there is no room, or are no GPUs."""
        taken = [worker.job.place for worker in self.running if worker.job.place is not None]
        return None if self._gpus is None else self._gpus.place(cell, taken)

    def start(self, cell: Cell, attempt: int = 1, options: Options | None = None) -> None:
        """Start a worker for the cell."""
        jobs, place = self._options.jobs or 1, self._place(cell)
        chosen = {} if place is None else {GPU_VARIABLE: place.gpu}
        job = Job(
            cell, self._registry.sources, options or self._options,
            run_by=Provenance(executor="local", concurrent=self._options.jobs, attempts=attempt),
            # torch's own number is smaller if OMP_NUM_THREADS is
            threads=min(threads_per_job(usable_cores(), jobs), torch.get_num_threads()),
            environment={**worker_variables(), **chosen},
            start_method=multiprocessing.get_context().get_start_method(), place=place,
        )  # fmt: skip
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = self._server.process(work, theirs, job)
        worker = Worker(job, process, Inbox(ours))
        self.running.append(worker)  # before it starts, so that an interruption ends it
        worker.start(self._server)
        theirs.close()

    def records(self, progressed: Callable[[Cell, Progress], None]) -> list[tuple[Worker, Record]]:
        """Wait a moment, and return the workers that are done, with their records."""
        if not self.running:  # nothing to wait for
            return []
        wait([event for worker in self.running for event in worker.events()], _POLL_SECONDS)
        if self._options.memory is not None and time.monotonic() > self._listed + _POLL_SECONDS:
            self._sessions, self._listed = sessions(), time.monotonic()
        polled = [(worker, worker.poll(self._sessions, progressed)) for worker in self.running]
        return [(worker, record) for worker, record in polled if record is not None]

    def try_again(self, worker: Worker, record: Record) -> bool:
        """Start the cell of a lost worker again if it has another attempt."""
        if record.status not in ("crashed", "oom"):
            return False
        attempt, options = worker.attempt + 1, replace(self._options, fleet="off")
        key = worker.cell.key
        if worker.lost_its_server and self._without_server.get(key, 0) < _SERVERS:
            self._without_server[key] = self._without_server.get(key, 0) + 1
            attempt, options = worker.attempt, worker.job.options
        elif attempt > _ATTEMPTS:
            return False
        worker.end()
        self.running.remove(worker)
        self.start(worker.cell, attempt, options)
        return True

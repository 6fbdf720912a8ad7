"""Run every cell in a child process, several at a time.

The processes are forked from a server that has loaded torch, so that starting one takes a tenth of
a second. A cell that crashes, hangs or exhausts its memory does not affect the others. A child
sends back only JSON text, and tensors as safetensors.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess
from typing import TYPE_CHECKING

import torch
from safetensors import torch as safetensors
from torch import Tensor

from symbench.records.record import Failure, Provenance, Record, Status
from symbench.registry import Registry, Sources, load
from symbench.runs.cell import run_cell
from symbench.runs.executors.allocator import freed_memory_kept
from symbench.runs.executors.capacity import threads_per_job, usable_cores
from symbench.runs.options import Options
from symbench.runs.plan import Cell
from symbench.training.setup import Progress

if TYPE_CHECKING:
    from symbench.runs.desk import Desk

_POLL_SECONDS = 0.2
_ATTEMPTS = 2  # of a cell that crashed or ran out of memory; the second runs one trial at a time
_PROGRESS, _TENSORS, _RECORD = b"p", b"t", b"r"  # kinds of message from a child


@dataclass
class _Worker:
    cell: Cell
    process: ForkServerProcess | SpawnProcess
    pipe: Connection
    deadline: float | None
    started: float
    run_by: Provenance
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def attempt(self) -> int:
        """How often the cell has been started."""
        return self.run_by.attempts or 1


def execute(cells: Sequence[Cell], desk: Desk, options: Options) -> Iterator[Record]:
    """Yield each cell's record as it finishes."""
    yield from supervised(
        cells, desk.registry, options, claim=desk.claim, progressed=desk.progressed
    )


def supervised(
    cells: Sequence[Cell],
    registry: Registry,
    options: Options,
    *,
    claim: Callable[[Cell], bool],
    progressed: Callable[[Cell, Progress], None],
) -> Iterator[Record]:
    """Run cells in child processes of this machine, and yield each record as it finishes.

    A cell whose process crashed or ran out of memory is retried once, its trials one by one. All
    children are stopped when the iterator is closed.

    Args:
        cells: from a plan.
        registry: the children load plugins from its sources.
        options: as ``Options.on_this_machine`` returns them.
        claim: called before a cell starts; a cell for which it returns False is left out.
        progressed: called with the progress of a cell's training.
    """
    yield from _declined(cells, registry, claim)
    context = _context(registry)
    waiting = [cell for cell in reversed(cells) if cell.reason is None]
    running: list[_Worker] = []
    try:
        while waiting or running:
            while waiting and len(running) < (options.jobs or 1):
                if claim(cell := waiting.pop()):
                    running.append(_start(context, cell, registry.sources, options))
            if running:  # without anything to wait for, wait() would sleep
                ends = [end for w in running for end in (w.pipe, w.process.sentinel)]
                wait(ends, _POLL_SECONDS)
            for worker, record in _ended(running, options, progressed):
                running.remove(worker)
                if record.status in ("crashed", "oom") and worker.attempt < _ATTEMPTS:
                    again = replace(options, fleet="off")
                    attempt = worker.attempt + 1
                    running.append(_start(context, worker.cell, registry.sources, again, attempt))
                else:
                    yield record
    finally:
        for worker in running:
            _stop(worker)


def _declined(
    cells: Sequence[Cell], registry: Registry, claim: Callable[[Cell], bool]
) -> Iterator[Record]:
    """Yield the records of declined cells, which need no process."""
    for cell in cells:
        if cell.reason is not None and claim(cell):
            yield run_cell(registry, cell)


def _ended(
    running: Sequence[_Worker], options: Options, progressed: Callable[[Cell, Progress], None]
) -> list[tuple[_Worker, Record]]:
    """Return the workers that have ended, with their records."""
    polled = [(worker, _poll(worker, options, progressed)) for worker in running]
    return [(worker, record) for worker, record in polled if record is not None]


def _context(registry: Registry) -> ForkServerContext | SpawnContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["symbench.runs.executors.preload", *_loaded(registry)])
    return context


def _loaded(registry: Registry) -> list[str]:
    """Return the modules of plugins that are imported in this process, metrics included.

    Only these can be imported without error; a worker imports the others itself.
    """
    registry.drop_broken("metric", registry.metrics)  # imports them, because every cell uses them
    packages = {
        card.target.partition(":")[0].partition(".")[0]
        for cards in (registry.tasks, registry.models, registry.metrics)
        for card in cards.values()
        if isinstance(card.target, str)
    }
    return [name for name in list(sys.modules) if name.partition(".")[0] in packages]


def _start(
    context: ForkServerContext | SpawnContext,
    cell: Cell,
    sources: Sources,
    options: Options,
    attempt: int = 1,
) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    run_by = Provenance(executor="local", concurrent=options.jobs, attempts=attempt)
    process = context.Process(
        target=_work, args=(theirs, cell, sources, options, run_by), daemon=True
    )
    with freed_memory_kept():  # the first start also starts the fork server
        process.start()
    theirs.close()
    now = time.monotonic()
    deadline = None if options.timeout is None else now + options.timeout
    return _Worker(cell, process, ours, deadline, now, run_by)


def _work(
    pipe: Connection, cell: Cell, sources: Sources, options: Options, run_by: Provenance
) -> None:
    """Run one cell in a child process and send its record as JSON."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.dup2(2, 1)  # a plugin may print; stdout is for our machine-readable output
    share = threads_per_job(usable_cores(), options.jobs or 1)
    torch.set_num_threads(min(share, torch.get_num_threads()))  # OMP_NUM_THREADS may be smaller

    def progressed(progress: Progress) -> None:
        pipe.send_bytes(_PROGRESS + json.dumps(asdict(progress)).encode())

    record = run_cell(
        load(sources.files, sources.blocked), cell, options.device, options.fleet, run_by,
        progress=progressed,
    )  # fmt: skip
    if record.tensors:
        pipe.send_bytes(_TENSORS + safetensors.save(record.tensors))
    pipe.send_bytes(_RECORD + record.to_json().encode())
    pipe.close()


def _end_with_parent() -> None:
    """End this process when its parent is killed, so that it does not go on training."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _poll(
    worker: _Worker, options: Options, progressed: Callable[[Cell, Progress], None]
) -> Record | None:
    """Return the worker's record if it has sent one, has died or has exceeded a limit."""
    try:
        while worker.pipe.poll():
            message = worker.pipe.recv_bytes()
            kind, payload = message[:1], message[1:]
            if kind == _RECORD:
                worker.process.join()
                worker.pipe.close()
                record = Record.from_json(payload.decode())
                return record.model_copy(update={"tensors": worker.tensors})
            if kind == _TENSORS:
                worker.tensors = safetensors.load(payload)
            else:
                progressed(worker.cell, Progress(**json.loads(payload)))
    except (EOFError, OSError):
        worker.process.join()
        return _lost(worker, "crashed", _death(worker.process.exitcode))
    if worker.deadline is not None and time.monotonic() > worker.deadline:
        _stop(worker)
        return _lost(worker, "timeout", f"stopped after {options.timeout:g} seconds (--timeout)")
    used = 0.0 if options.memory is None else _resident_bytes(worker) / 2**30
    if options.memory is not None and used > options.memory:
        _stop(worker)
        return _lost(worker, "oom", f"stopped at {used:.1f} of {options.memory:.1f} GiB (--memory)")
    return None


def _resident_bytes(worker: _Worker) -> float:
    import psutil

    try:
        return float(psutil.Process(worker.process.pid).memory_info().rss)
    except psutil.Error:  # the process has just ended
        return 0.0


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"the process was killed by {signal.Signals(-exitcode).name}"
    return f"the process ended with exit code {exitcode} and no record"


def _lost(worker: _Worker, status: Status, message: str) -> Record:
    killed = worker.process.exitcode == -signal.SIGKILL and status == "crashed"
    hint = "; the system may have run out of memory" if killed else ""
    failure = Failure(type=status, message=message + hint)
    seconds = time.monotonic() - worker.started
    return Record(
        identity=worker.cell.identity, status=status, error=failure,
        provenance=worker.run_by.also(seconds=seconds),
    )  # fmt: skip


def _stop(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()

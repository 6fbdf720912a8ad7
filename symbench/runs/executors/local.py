"""Run every cell in a process of its own, several at a time.

The processes are forked from a server that has torch loaded, so that one costs a tenth of a
second; a cell that crashes, hangs or eats the memory is lost alone. A child sends back JSON text
and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess, SpawnContext, SpawnProcess
from typing import TYPE_CHECKING

from symbench.records.record import Failure, Record, Status
from symbench.registry import Registry
from symbench.runs.executors import Settings, free
from symbench.runs.executors.capacity import threads_per_job, usable_cores
from symbench.runs.plan import Cell
from symbench.training.setup import Share, quiet

if TYPE_CHECKING:
    from torch import Tensor

_POLL_SECONDS = 0.2
_ATTEMPTS = 2  # a cell that crashed or ran out of memory gets a second one, one trial at a time
_DONE, _TENSORS, _RECORD = b"d", b"t", b"r"


@dataclass
class _Worker:
    cell: Cell
    process: ForkServerProcess | SpawnProcess
    pipe: Connection
    deadline: float | None
    started: float
    attempt: int = 1
    tensors: dict[str, Tensor] = field(default_factory=dict)


def execute(
    cells: Sequence[Cell],
    settings: Settings,
    registry: Registry,
) -> Iterator[tuple[Cell, Record]]:
    """Yield each cell with its record as it finishes; on leaving, no child is left behind.

    A cell whose process crashed or ran out of memory is tried once more, its trials one by one.
    """
    yield from _declined(cells, settings, registry)
    context = _context(registry)
    waiting = [cell for cell in reversed(cells) if cell.reason is None]
    running: list[_Worker] = []
    try:
        while waiting or running:
            while waiting and len(running) < settings.jobs:
                if settings.claim(cell := waiting.pop()):
                    settings.started(cell)
                    running.append(_start(context, cell, settings))
            if running:  # with nothing to wait for, wait() would sleep
                ends = [end for w in running for end in (w.pipe, w.process.sentinel)]
                wait(ends, _POLL_SECONDS)
            for worker, record in _ended(running, settings):
                running.remove(worker)
                if record.status in ("crashed", "oom") and worker.attempt < _ATTEMPTS:
                    running.append(_again(context, worker, settings))
                else:
                    yield worker.cell, record
    finally:
        for worker in running:
            _stop(worker)


def _declined(
    cells: Sequence[Cell], settings: Settings, registry: Registry
) -> Iterator[tuple[Cell, Record]]:
    """Yield the records of declined cells: nothing runs that could need a process."""
    from symbench.runs.cell import run_cell

    for cell in cells:
        if cell.reason is not None:
            settings.started(cell)
            yield cell, run_cell(registry, cell)


def _ended(running: Sequence[_Worker], settings: Settings) -> list[tuple[_Worker, Record]]:
    """Return the workers that have come to an end, with their records."""
    found = [(worker, _poll(worker, settings)) for worker in running]
    ended = [(worker, record) for worker, record in found if record is not None]
    for worker, record in ended:
        record.provenance |= {
            "executor": "local", "concurrent": settings.jobs, "attempts": worker.attempt,
        }  # fmt: skip
    return ended


def _again(
    context: ForkServerContext | SpawnContext, worker: _Worker, settings: Settings
) -> _Worker:
    """Try a lost cell once more, one trial at a time."""
    return _start(context, worker.cell, replace(settings, fleet="off"), worker.attempt + 1)


def _context(registry: Registry) -> ForkServerContext | SpawnContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["symbench.runs.executors.preload", *_loaded(registry)])
    return context


def _loaded(registry: Registry) -> list[str]:
    """Return the plugins' modules that planning has imported here, and those of their metrics.

    What this process has survived the fork server survives too; the rest a child imports itself.
    """
    registry.drop_broken("metric", registry.metrics)  # imports them: every cell asks them all
    packages = {
        card.target.partition(":")[0].partition(".")[0]
        for cards in (registry.tasks, registry.models, registry.metrics)
        for card in cards.values()
        if isinstance(card.target, str)
    }
    return [name for name in list(sys.modules) if name.partition(".")[0] in packages]


def _start(
    context: ForkServerContext | SpawnContext, cell: Cell, settings: Settings, attempt: int = 1
) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    sent = replace(settings, claim=free, started=quiet, progress=quiet)
    process = context.Process(target=_work, args=(theirs, cell, sent), daemon=True)
    process.start()
    theirs.close()
    now = time.monotonic()
    deadline = None if settings.timeout is None else now + settings.timeout
    return _Worker(cell, process, ours, deadline, now, attempt)


def _work(pipe: Connection, cell: Cell, settings: Settings) -> None:
    """Run one cell in a child process and send its record as JSON."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.dup2(2, 1)  # what a plugin prints must not mix with our machine-readable output
    import torch

    from symbench.registry import load
    from symbench.runs.cell import run_cell

    share = threads_per_job(usable_cores(), settings.jobs)
    torch.set_num_threads(min(share, torch.get_num_threads()))  # OMP_NUM_THREADS may ask for less
    registry = load(settings.plugin_files, settings.blocked)
    record = run_cell(
        registry,
        cell,
        settings.device,
        settings.fleet,
        lambda done: pipe.send_bytes(_DONE + _written(done)),
    )
    if record.tensors:
        from safetensors.torch import save

        pipe.send_bytes(_TENSORS + save(record.tensors))
    pipe.send_bytes(_RECORD + record.to_json().encode())
    pipe.close()


def _written(done: float) -> bytes:
    known = (done.update, done.updates, done.loss) if isinstance(done, Share) else ()
    return " ".join(repr(number) for number in (float(done), *known)).encode()


def _read(payload: bytes) -> float:
    done, *known = payload.split()
    if not known:
        return float(done)
    return Share(float(done), int(known[0]), int(known[1]), float(known[2]))


def _end_with_parent() -> None:
    """End this process when the run is killed outright, so that no orphan trains on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _poll(worker: _Worker, settings: Settings) -> Record | None:
    """Return the worker's record once it has one, or once it is dead or late."""
    try:
        while worker.pipe.poll():
            message = worker.pipe.recv_bytes()
            kind, payload = message[:1], message[1:]
            if kind == _RECORD:
                worker.process.join()
                worker.pipe.close()
                record = Record.from_json(payload.decode())
                record.tensors = worker.tensors
                return record
            if kind == _TENSORS:
                from safetensors.torch import load

                worker.tensors = load(payload)
            else:
                settings.progress(worker.cell, _read(payload))
    except (EOFError, OSError):
        worker.process.join()
        return _lost(worker, "crashed", _death(worker.process.exitcode))
    if worker.deadline is not None and time.monotonic() > worker.deadline:
        _stop(worker)
        return _lost(worker, "timeout", f"stopped after {settings.timeout:g} seconds (--timeout)")
    used = 0.0 if settings.memory is None else _resident_bytes(worker)
    if settings.memory is not None and used > settings.memory:
        _stop(worker)
        gib = settings.memory / 2**30
        return _lost(worker, "oom", f"stopped at {used / 2**30:.1f} of {gib:.1f} GiB (--memory)")
    return None


def _resident_bytes(worker: _Worker) -> float:
    import psutil

    try:
        return float(psutil.Process(worker.process.pid).memory_info().rss)
    except psutil.Error:  # it has just ended
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
        provenance={"seconds": seconds},
    )  # fmt: skip


def _stop(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()

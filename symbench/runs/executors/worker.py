"""What a worker does: run one cell, and send its record to the process that supervises it.

A worker is two processes. A guardian leads the session and runs no code of a plugin: it ends
whatever happens to its child, which runs the cell.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from secrets import token_bytes

import torch
from safetensors import torch as safetensors

from symbench.records.record import Provenance, Record
from symbench.registry import Sources, load
from symbench.runs.cell import failure_of, run_cell
from symbench.runs.executors.capacity import Place
from symbench.runs.executors.family import adopt, guard, kill_family, lead
from symbench.runs.executors.messages import BEGUN, NETWORKS, PROGRESS, RECORD, TENSORS, Outbox
from symbench.runs.options import Options
from symbench.runs.plan import Cell
from symbench.training.setup import Progress


@dataclass(frozen=True)
class Job:
    """A cell, and how a worker is to run it.

    ``environment`` holds the variables that differ in the fork server; None means unset. ``place``
    is a share of a GPU, None if the cell has all of it.
    ``start_method`` is how the model's own processes start unless it says otherwise. A record
    begins with the ``mark``, which a model that writes into the pipe is not told.
    """

    cell: Cell
    sources: Sources
    options: Options
    run_by: Provenance
    threads: int
    environment: Mapping[str, str | None]
    start_method: str
    place: Place | None = None
    mark: bytes = field(default_factory=partial(token_bytes, 16))


def work(pipe: Connection, job: Job) -> None:
    """Run the cell in a child of this process, and guard it."""
    lead()  # what the model starts belongs to this session, and ends with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    if child := os.fork():
        pipe.close()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        guard(child)
    os.setpgid(0, 0)  # signals that a model sends to its group do not meet the guardian
    adopt()
    with suppress(BrokenPipeError):  # the command has ended, and nobody reads the record
        _compute(pipe, job)


def _compute(pipe: Connection, job: Job) -> None:
    """Run the cell in this process; send its record as JSON, its tensors as safetensors."""
    _prepare(job)
    outbox = Outbox(pipe)
    outbox.send(BEGUN)

    def progressed(progress: Progress) -> None:
        with suppress(OSError):  # a lost report does not fail the cell
            outbox.send(PROGRESS, json.dumps(asdict(progress)).encode())

    try:
        registry = load(job.sources.files, job.sources.blocked, job.sources.tables)
        record = run_cell(
            registry, job.cell, job.options.device, job.options.fleet, job.run_by,
            progress=progressed, keep_networks=job.options.keep_networks,
        )  # fmt: skip
        text = record.to_json()
    except BaseException as error:  # loading a plugin may raise anything
        status, failure = failure_of(error)
        record = Record(
            identity=job.cell.identity, status=status, error=failure, provenance=job.run_by
        )
        text = record.to_json()
    if record.tensors:
        packed = {name: tensor.contiguous() for name, tensor in record.tensors.items()}
        outbox.send(TENSORS, safetensors.save(packed))
    if record.networks:
        outbox.send(NETWORKS, record.networks)
    outbox.send(RECORD, job.mark + text.encode())
    pipe.close()


def _prepare(job: Job) -> None:
    """Undo what holds for the fork server only."""
    os.dup2(2, 1)  # a plugin may print; stdout is for our machine-readable output
    for name, value in job.environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    multiprocessing.set_start_method(job.start_method, force=True)
    torch.set_num_threads(job.threads)
    if job.place is not None and job.options.device == "cuda":  # it fails before its neighbours do
        torch.cuda.set_per_process_memory_fraction(job.place.share)


def _end_with_parent() -> None:
    """End this process and all that it started when its parent is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        kill_family(os.getpid())
        os._exit(1)

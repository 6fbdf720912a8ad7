"""Distribute the cells over a Ray cluster: one Ray task per cell, with a child process.

A node needs the same version of symbench, but no access to the store: records return as text, and
the driver stores them. The cell of a lost worker is run again elsewhere.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from symbench.executor import (
    Cell,
    Costs,
    Desk,
    Failure,
    Options,
    Progress,
    Provenance,
    Record,
    TableSource,
    costs,
    gpu_slots,
    load,
    run_cell,
    supervised,
)
from symbench_ray.nodes import Nodes, connected, environment, inspect_nodes

_POLL_SECONDS = 1.0  # longest time until a new node gets work
_SHUTDOWN_SECONDS = 5.0  # time for the workers of an interrupted run to stop
_MOST_RETRIES = 5  # per cell, after the loss of its worker

_Sent = tuple[str, bytes, bytes]  # a record as JSON; its tensors and networks as safetensors
_Files = tuple[tuple[str, bytes], ...]  # names and contents of plugin files
_Tables = tuple[tuple[TableSource, bytes], ...]  # tables and the contents of their files


def execute(cells: Sequence[Cell], desk: Desk, options: Options) -> Iterator[Record]:
    """Yield the record of each cell, or of each part of a long cell; the longest start first.

    Raises:
        InputError: Ray is not installed, the cluster cannot be reached or used, or the device is
            not available there.
    """
    for cell in cells:
        if cell.reason is not None and desk.claim(cell):
            yield run_cell(desk.registry, cell)
    wanted = [cell for cell in cells if cell.reason is None]
    if not wanted:
        return
    with connected(options.ray_address, options.jobs) as ray:
        nodes = inspect_nodes(ray, options.device)
        known = costs(desk.earlier())
        dispatch = Dispatch(ray, nodes, desk, options, known)
        parts = desk.in_parts(wanted, dispatch.workers(), known)
        yield from dispatch.results(known.longest_first(parts))


@dataclass(frozen=True)
class Dispatch:
    """The execution of the cells of one run on a cluster."""

    ray: Any
    nodes: Nodes
    desk: Desk
    options: Options
    known: Costs

    def results(self, cells: Sequence[Cell]) -> Iterator[Record]:
        """Submit the cells, at most as many as there is room for, and yield their records."""
        waiting, running = deque(cells), dict[Any, Cell]()
        submit = self._submitter()
        try:
            while waiting or running:
                while waiting and len(running) < self._room():
                    if self.desk.claim(cell := waiting.popleft()):
                        running[submit(cell)] = cell
                for reference in self._ready(list(running)):
                    yield self._record(reference, running.pop(reference))
        finally:
            self._cancel(list(running))

    def _ready(self, references: list[Any]) -> list[Any]:
        """Return the finished references, after a short wait."""
        return self.ray.wait(references, timeout=_POLL_SECONDS)[0] if references else []

    def workers(self) -> int:
        """Return how many cells compute at a time if each takes a core or a GPU."""
        what = "CPU" if self.nodes.device == "cpu" else "GPU"
        return self.options.jobs or max(1, int(self.ray.cluster_resources().get(what, 1)))

    def _room(self) -> int:
        """Return how many cells may be submitted: one per core, and a few that wait for a core."""
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        return self.options.jobs or cores + cores // 4 + 1

    def _submitter(self) -> Callable[[Cell], Any]:
        sources = self.desk.registry.sources
        files = tuple((Path(file).name, Path(file).read_bytes()) for file in sources.files)
        options = replace(self.options, device=self.nodes.device, jobs=1)
        # stored once and fetched once per node, because a plugin file may be large
        tables = tuple((table, table.path.read_bytes()) for table in sources.tables)
        job = self.ray.put((options, files, sources.blocked, tables, self.nodes.cores))
        carry = self.ray.remote(carry_out)

        def submit(cell: Cell) -> Any:
            return carry.options(
                num_cpus=1, num_gpus=self.gpu_share(cell), max_retries=_MOST_RETRIES,
                name=f"{cell.task} · {cell.model}", runtime_env=environment(),
            ).remote(cell, job)  # fmt: skip

        return submit

    def gpu_share(self, cell: Cell) -> float:
        """Return the share of a GPU that the cell needs: 0 on a CPU, 1 if it was never measured."""
        if self.nodes.device == "cpu":
            return 0.0
        return 1 / gpu_slots(self.nodes.gpu_bytes, self.known.peak_bytes(cell))

    def _record(self, reference: Any, cell: Cell) -> Record:
        try:
            text, tensors, networks = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return _lost(cell, error)
        record = Record.from_json(text)
        concurrent = min(self._room(), self.nodes.cores)
        run_by = record.provenance.also(executor="ray", concurrent=concurrent)
        update: dict[str, Any] = {"provenance": run_by, "networks": networks}
        if tensors:
            from safetensors.torch import load as tensors_of

            update["tensors"] = tensors_of(tensors)
        return of_same_code(cell, record.model_copy(update=update))

    def _cancel(self, references: list[Any]) -> None:
        """Ask the workers to stop, and kill those that do not."""
        for force in (False, True):
            for reference in references:
                self.ray.cancel(reference, force=force)
            if references:
                count, seconds = len(references), _SHUTDOWN_SECONDS
                _, references = self.ray.wait(references, num_returns=count, timeout=seconds)


def carry_out(cell: Cell, job: tuple[Options, _Files, tuple[str, ...], _Tables, int]) -> _Sent:
    """Run one cell on a node, in a child of the worker, with limits, and return its record."""
    options, files, blocked, tables, cores = job
    _prepare_worker()
    with tempfile.TemporaryDirectory(prefix="symbench-") as directory:
        contents = [*files, *((table.path.name, content) for table, content in tables)]
        paths = []
        for number, (name, content) in enumerate(contents):
            paths.append(Path(directory, str(number), name))
            paths[-1].parent.mkdir()
            paths[-1].write_bytes(content)
        own = [
            TableSource(path, table.options)
            for (table, _), path in zip(tables, paths[len(files) :], strict=True)
        ]
        limits = replace(options, memory=options.memory or _share(cores))
        registry = load(tuple(paths[: len(files)]), blocked, own)
        (record,) = supervised([cell], registry, limits, claim=_always, progressed=_unheard)
    if not record.tensors:
        return record.to_json(), b"", record.networks
    from safetensors.torch import save

    return record.to_json(), save(record.tensors), record.networks


def _always(cell: Cell) -> bool:  # noqa: ARG001 - the driver has claimed it
    return True


def _unheard(cell: Cell, progress: Progress) -> None:
    """Drop a progress report, which cannot reach the driver."""


@cache
def _prepare_worker() -> None:
    """Adapt a Ray worker process, once, to the expectations of the supervisor."""
    # otherwise every child would import the Ray worker script that started this process
    vars(sys.modules["__main__"]).pop("__file__", None)
    threading.Thread(target=_end_with_node, args=(os.getppid(),), daemon=True).start()


def _end_with_node(raylet: int) -> None:
    """End this worker, and with it its cell, when the cluster loses its node.

    If its raylet dies, Ray lets a task run to its end, although it runs the task again elsewhere.
    """
    while os.getppid() == raylet:
        time.sleep(_POLL_SECONDS)
    os._exit(1)


def _share(cores: int) -> float:
    """Return a cell's share of 90 % of the node's memory, in GiB."""
    import psutil

    return 0.9 * float(psutil.virtual_memory().total) / cores / 2**30


def _lost(cell: Cell, error: Exception) -> Record:
    kind, message = type(error).__name__, " ".join(str(error).split())[:500]
    failure = Failure(type=kind, message=f"the worker was lost: {message}")
    run_by = Provenance(executor="ray", seconds=0.0)
    return Record(identity=cell.identity, status="crashed", error=failure, provenance=run_by)


def of_same_code(cell: Cell, record: Record) -> Record:
    """Reject the scores of a node whose model source differs from the planned one."""
    source = record.provenance.plugin_source_sha256 or cell.identity.model_source_sha256
    if source == cell.identity.model_source_sha256:
        return record
    failure = Failure(
        type="InputError",
        message=f"a node has a different source of {cell.model}: install the same on every node",
    )
    return Record(
        identity=cell.identity, status="failed", error=failure, provenance=record.provenance
    )

"""Spread the cells over a Ray cluster: one task a cell, and in it the supervisor of ``local``.

A node needs symbench of the same version, and nothing of the store: records travel back as text
and are stored by the driver. What a lost worker was at is done again elsewhere.
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

from symbench.records.record import Failure, Record
from symbench.registry import Registry, load
from symbench.runs.executors import Settings, free, local
from symbench.runs.executors.capacity import Costs, costs, gpu_slots
from symbench.runs.executors.nodes import Nodes, connected, environment, survey
from symbench.runs.plan import Cell
from symbench.training.setup import quiet

_POLL_SECONDS = 1.0  # how soon a node that has joined is given work
_FAREWELL_SECONDS = 5.0  # for the workers of an interrupted run to put their cells down
_LOST_WORKERS = 5  # how often a cell is begun again elsewhere before it is given up

_Sent = tuple[str, bytes]  # a record as JSON, and its tensors as safetensors
_Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Site:
    """Which cluster to use, and how much of it.

    ``address`` is the host:port of a running cluster; without one it is ``RAY_ADDRESS``, or a
    cluster of this machine that is started for the run. ``jobs`` is how many cells are handed out
    at a time (None: what there is room for), ``memory`` bytes a cell (None: its share of its
    node). ``earlier`` returns the records from which the costs of cells are known.
    """

    address: str | None = None
    jobs: int | None = None
    memory: float | None = None
    earlier: Callable[[], Sequence[Record]] = tuple


def execute(
    cells: Sequence[Cell], settings: Settings, registry: Registry, site: Site
) -> Iterator[tuple[Cell, Record]]:
    """Yield each cell with its record as it finishes, the longest cells begun first.

    Raises:
        InputError: Ray is not installed, the cluster cannot be reached or used, or the device is
            not to be had there.
    """
    yield from local.execute([c for c in cells if c.reason is not None], settings, registry)
    wanted = [cell for cell in cells if cell.reason is None]
    if not wanted:
        return
    with connected(site.address, site.jobs) as ray:
        nodes = survey(ray, settings.device)
        known = costs(site.earlier())
        yield from Errands(ray, nodes, settings, site, known).results(known.longest_first(wanted))


@dataclass(frozen=True)
class Errands:
    """The cells of one run that are out on a cluster."""

    ray: Any
    nodes: Nodes
    settings: Settings
    site: Site
    known: Costs

    def results(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Record]]:
        """Hand the cells out, never more than there is room for, and yield what comes back."""
        waiting, running = deque(cells), dict[Any, Cell]()
        submit = self._submitter()
        try:
            while waiting or running:
                while waiting and len(running) < self._room():
                    if self.settings.claim(cell := waiting.popleft()):
                        self.settings.started(cell)
                        running[submit(cell)] = cell
                for reference in self._ready(list(running)):
                    yield (cell := running.pop(reference)), self._record(reference, cell)
        finally:
            self._recall(list(running))

    def _ready(self, references: list[Any]) -> list[Any]:
        """Return what has come back, after a short wait; nothing out, nothing back."""
        return self.ray.wait(references, timeout=_POLL_SECONDS)[0] if references else []

    def _room(self) -> int:
        """Return how many cells may be out: a core each, and a few that wait for the next one."""
        cores = int(self.ray.cluster_resources().get("CPU", 0))
        return self.site.jobs or cores + cores // 4 + 1

    def _submitter(self) -> Callable[[Cell], Any]:
        settings = replace(
            self.settings, device=self.nodes.device, jobs=1, memory=self.site.memory, debug=False,
            plugin_files=(), claim=free, started=quiet, progress=quiet,
        )  # fmt: skip
        carry = self.ray.remote(carry_out)
        files = tuple(
            (path.name, path.read_bytes()) for path in self.settings.plugin_files if path.is_file()
        )
        # put once, fetched once a node: a plugin's file may be long
        errand = self.ray.put((settings, files, self.nodes.cores))

        def submit(cell: Cell) -> Any:
            return carry.options(
                num_cpus=1, num_gpus=self.gpu_share(cell), max_retries=_LOST_WORKERS,
                name=f"{cell.task} · {cell.model}", runtime_env=environment(),
            ).remote(cell, errand)  # fmt: skip

        return submit

    def gpu_share(self, cell: Cell) -> float:
        """Return the part of a GPU that the cell takes: 0 on a CPU, all of it while unmeasured."""
        if self.nodes.device == "cpu":
            return 0.0
        return 1 / gpu_slots(self.nodes.gpu_bytes, self.known.peak_bytes(cell))

    def _record(self, reference: Any, cell: Cell) -> Record:
        try:
            text, tensors = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return _given_up(cell, error)
        record = Record.from_json(text)
        if tensors:
            from safetensors.torch import load as tensors_of

            record.tensors = tensors_of(tensors)
        beside = min(self._room(), self.nodes.cores)
        record.provenance |= {"executor": "ray", "concurrent": beside}
        return of_same_code(cell, record)

    def _recall(self, references: list[Any]) -> None:
        """Let the workers put down what they are at, and end those that do not."""
        for force in (False, True):
            for reference in references:
                self.ray.cancel(reference, force=force)
            if references:
                count, seconds = len(references), _FAREWELL_SECONDS
                _, references = self.ray.wait(references, num_returns=count, timeout=seconds)


def carry_out(cell: Cell, errand: tuple[Settings, _Files, int]) -> _Sent:
    """Run one cell on a node, in a child of the worker, with limits, and return its record."""
    settings, files, cores = errand
    _settle()
    with tempfile.TemporaryDirectory(prefix="symbench-") as directory:
        paths = []
        for number, (name, content) in enumerate(files):
            paths.append(Path(directory, str(number), name))
            paths[-1].parent.mkdir()
            paths[-1].write_bytes(content)
        limits = replace(
            settings, plugin_files=tuple(paths), memory=settings.memory or _share(cores)
        )
        registry = load(limits.plugin_files, limits.blocked)
        ((_, record),) = local.execute([cell], limits, registry)
    if not record.tensors:
        return record.to_json(), b""
    from safetensors.torch import save

    return record.to_json(), save(record.tensors)


@cache
def _settle() -> None:
    """Make a worker of Ray, once, into what the supervisor expects of its process."""
    # or every child would import Ray's worker script, which is what this process was started with
    vars(sys.modules["__main__"]).pop("__file__", None)
    threading.Thread(target=_end_with_node, args=(os.getppid(),), daemon=True).start()


def _end_with_node(raylet: int) -> None:
    """End this worker, and with it its cell, when its node is dead to the cluster.

    Ray itself lets a task whose raylet is gone run to its end, although it is done again elsewhere.
    """
    while os.getppid() == raylet:
        time.sleep(_POLL_SECONDS)
    os._exit(1)


def _share(cores: int) -> float:
    import psutil

    return 0.9 * float(psutil.virtual_memory().total) / cores


def _given_up(cell: Cell, error: Exception) -> Record:
    kind, message = type(error).__name__, " ".join(str(error).split())[:500]
    failure = Failure(type=kind, message=f"the worker was lost: {message}")
    provenance = {"executor": "ray", "seconds": 0.0}
    return Record(identity=cell.identity, status="crashed", error=failure, provenance=provenance)


def of_same_code(cell: Cell, record: Record) -> Record:
    """Refuse the scores of a node where the model's source is not the one that was planned."""
    source = record.provenance.get("plugin_source_sha256", cell.identity.model_source_sha256)
    if source == cell.identity.model_source_sha256:
        return record
    failure = Failure(
        type="InputError",
        message=f"a node has another source of {cell.model}: install the same one on every node",
    )
    return Record(
        identity=cell.identity, status="failed", error=failure, provenance=record.provenance
    )

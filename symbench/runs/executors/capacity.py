"""How many cells a machine can run at a time, by its cores and the memory of its GPUs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from symbench.records.record import Identity, Record
from symbench.runs.plan import Cell

GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
_GPU_SHARE = 0.9  # of a GPU's memory; the rest is for fragmentation
_CONTEXT_BYTES = 600 * 2**20  # per process on a GPU, for CUDA's context and its kernels
_MOST_GPU_SLOTS = 16  # with more, processes wait for each other's kernel launches
_ASSUMED_BYTES = 8 * 2**30  # of a cell that never ran on a GPU
_ROUNDING = 1e-9  # of a sum of shares


def usable_cores() -> int:
    """Return the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_per_job(cores: int, jobs: int) -> int:
    """Return the threads per job: the largest t ≥ 1 with jobs · t ≤ cores.

    With more jobs than cores it is 1 and jobs share cores; ``jobs_within`` prevents that.

    Raises:
        ValueError: fewer than one core or job.
    """
    if cores < 1 or jobs < 1:
        raise ValueError(f"{cores} cores for {jobs} jobs: at least one of each is needed")
    return max(1, cores // jobs)


def jobs_within(cores: int, asked: int | None = None) -> int:
    """Return how many jobs run at a time: as many as asked for, but at most one per core.

    Raises:
        ValueError: fewer than one core or job.
    """
    if cores < 1 or (asked is not None and asked < 1):
        raise ValueError(f"{asked} jobs on {cores} cores: at least one of each is needed")
    return cores if asked is None else min(asked, cores)


def gpu_slots(total_bytes: float, peak_bytes: float | None = None) -> int:
    """Return how many cells of a measured peak share one GPU, in [1, 16].

    floor(0.9 · total / (peak + 600 MiB)): every process also holds a CUDA context. A cell whose
    peak is unknown (None) does not share the GPU; its run measures the peak.

    Raises:
        ValueError: a negative peak, or a GPU without memory.
    """
    if not total_bytes > 0 or (peak_bytes is not None and not peak_bytes >= 0):
        raise ValueError(f"a peak of {peak_bytes} bytes on a GPU of {total_bytes} bytes")
    if peak_bytes is None:
        return 1
    fitting = int(_GPU_SHARE * total_bytes / (peak_bytes + _CONTEXT_BYTES))
    return min(max(fitting, 1), _MOST_GPU_SLOTS)


def default_jobs(device: str) -> int:
    """Return how many cells run at a time by default: one per core, but at most 16 on a GPU."""
    if device != "cuda":
        return usable_cores()
    import torch

    return min(usable_cores(), _MOST_GPU_SLOTS * torch.cuda.device_count())


def usable_gpus() -> dict[str, float]:
    """Return the bytes of each GPU that this process may use, by its name in the environment."""
    import torch

    count = torch.cuda.device_count()
    chosen = os.environ.get(GPU_VARIABLE)
    names = chosen.split(",")[:count] if chosen else map(str, range(count))
    return {
        name: float(torch.cuda.get_device_properties(index).total_memory)
        for index, name in enumerate(names)
    }


@dataclass(frozen=True)
class Costs:
    """The cost of cells in earlier records: seconds per update of a trial, and peak GPU bytes."""

    update_seconds: Mapping[tuple[str, str], float]
    gpu_bytes: Mapping[tuple[str, str, str], float]

    def seconds(self, cell: Cell) -> float:
        """Return the expected seconds of the cell: seconds per update times its updates.

        Infinite if its model has not run on its task, because such a cell could be the longest.
        """
        per_update = self.update_seconds.get((cell.task, cell.model), math.inf)
        return per_update * _updates(cell.identity) * len(cell.sizes) / len(cell.identity.sizes)

    def peak_bytes(self, cell: Cell) -> float | None:
        """Return the largest GPU memory that the pair has used at its tier; None if unknown."""
        return self.gpu_bytes.get((cell.task, cell.model, cell.identity.tier))

    def longest_first(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return the cells by decreasing cost, first those of unknown cost; ties keep their order.

        List scheduling in this order ends within 4/3 of the shortest time possible on equal slots
        (Graham, Bounds on multiprocessing timing anomalies, 1969, theorem 3).
        """
        return sorted(cells, key=self.seconds, reverse=True)


class Place(NamedTuple):
    """The GPU on which a cell runs, by its name in the environment, and the share it takes."""

    gpu: str
    share: float


@dataclass(frozen=True)
class Gpus:
    """The GPUs of this machine: their bytes by name, and what cells took of a GPU earlier."""

    total_bytes: Mapping[str, float]
    known: Costs

    def place(self, cell: Cell, taken: Iterable[Place]) -> Place | None:
        """Return a place on the GPU with the most room, or None if the cell must wait for one.

        A cell that was not measured takes as much as one of 8 GiB.
        """
        room = dict.fromkeys(self.total_bytes, 1.0)
        for place in taken:
            room[place.gpu] -= place.share
        gpu = max(room, key=room.__getitem__)
        peak = self.known.peak_bytes(cell)
        share = 1 / gpu_slots(self.total_bytes[gpu], _ASSUMED_BYTES if peak is None else peak)
        return Place(gpu, share) if share <= room[gpu] + _ROUNDING else None


def costs(records: Iterable[Record]) -> Costs:
    """Return the costs of finished cells, the largest of several records of one pair."""
    update_seconds: dict[tuple[str, str], float] = {}
    gpu_bytes: dict[tuple[str, str, str], float] = {}
    for record in (record for record in records if record.trials):
        identity = record.identity
        pair, cell = (identity.task, identity.model), (identity.task, identity.model, identity.tier)
        seconds = (record.provenance.seconds or 0.0) / max(1, _updates(identity))
        update_seconds[pair] = max(seconds, update_seconds.get(pair, 0.0))
        if (record.provenance.device or "cpu") != "cpu":
            peak = max(trial.cost.get("peak_bytes", 0.0) for trial in record.trials)
            gpu_bytes[cell] = max(peak, gpu_bytes.get(cell, 0.0))
    return Costs(update_seconds, gpu_bytes)


def _updates(identity: Identity) -> int:
    trials = len(identity.sizes) * len(identity.seeds)
    return trials * int(identity.protocol.get("updates", 1))

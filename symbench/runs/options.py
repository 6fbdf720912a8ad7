"""Options of a run: how to run cells. A ``Selection`` says which cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from symbench.errors import InputError
from symbench.runs.executors.capacity import default_jobs
from symbench.runs.protocol import TIERS, KeepNetworks
from symbench.training.setup import FleetMode

DEFAULT_STORE = Path("symbench-results")
_SHARE = 0.9  # of the machine's memory, divided among the cells that run at a time
_LEAST_ON_GPU = 4.0  # GiB; also for what CUDA itself writes


@dataclass(frozen=True)
class Options:
    """How to run cells.

    Attributes:
        store: directory of the records.
        device: ``auto``, ``cpu`` or ``cuda``.
        executor: ``local``, ``inline``, or the name of a plugin's executor.
        ray_address: host:port of a cluster, for executors that use one.
        jobs: cells at a time; None lets the executor choose.
        timeout: wall-clock seconds per cell; None means the tier's limit, 0 means no limit.
        memory: GiB per cell; None means an equal share of 90 % of the machine's memory, but at
            least 4 on a GPU.
        fleet: whether the trials of a cell train together.
        keep_networks: keep the trained networks of all trials, or of those at the largest n_train.
        fresh: compute cells again that are in the store.
        retry_failed: compute cells again that have failed.
        debug: open the debugger when a cell fails (``inline`` only).
    """

    store: Path = DEFAULT_STORE
    device: str = "auto"
    executor: str = "local"
    ray_address: str | None = None
    jobs: int | None = None
    timeout: float | None = None
    memory: float | None = None
    fleet: FleetMode = "auto"
    keep_networks: KeepNetworks = "none"
    fresh: bool = False
    retry_failed: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.fleet not in get_args(FleetMode):
            raise InputError(f"--fleet {self.fleet!r}: choose one of auto, on, off")
        if self.keep_networks not in get_args(KeepNetworks):
            raise InputError(f"--keep-networks {self.keep_networks!r}: choose all or largest")
        if self.timeout is not None and not self.timeout >= 0:
            raise InputError(f"--timeout {self.timeout}: give seconds, or 0 for no limit")
        for name, value in (("jobs", self.jobs), ("memory", self.memory)):
            if value is not None and not value > 0:
                raise InputError(f"--{name} {value}: it must be above 0")

    def seconds(self, tier: str) -> float | None:
        """Return the wall-clock seconds that a cell of the tier may take; None if unlimited."""
        seconds = TIERS[tier].seconds if self.timeout is None else self.timeout
        return seconds or None

    def on_this_machine(self) -> Options:
        """Return the options with device, jobs and memory resolved for this machine.

        Raises:
            InputError: an unknown device, or ``cuda`` on a machine without one.
        """
        import psutil

        device = resolve_device(self.device)
        jobs = self.jobs or default_jobs(device)
        share = _SHARE * float(psutil.virtual_memory().total) / jobs / 2**30
        least = _LEAST_ON_GPU if device == "cuda" else 0.0
        memory = max(share, least) if self.memory is None else self.memory
        return replace(self, device=device, jobs=jobs, memory=memory)


def resolve_device(name: str) -> str:
    """Return the torch device for auto, cpu or cuda.

    Raises:
        InputError: an unknown device, or ``cuda`` on a machine without one.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if available else "cpu"
    if name not in ("cpu", "cuda"):
        raise InputError(f"unknown device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not available:
        raise InputError("device 'cuda' is not available here: choose --device cpu or auto")
    return name

"""Carry out a plan: every executor turns cells into records, as they finish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from symbench.runs.plan import Cell
from symbench.training.setup import quiet

if TYPE_CHECKING:
    from symbench.records.record import Record
    from symbench.registry import Registry


def free(cell: Cell) -> bool:  # noqa: ARG001 - what a claim is asked with
    """Claim a cell where there is no other run."""
    return True


@dataclass(frozen=True)
class Settings:
    """How to run cells: where, how many at a time, and with which plugins.

    ``claim``, ``started`` and ``progress`` (cell, share done in [0, 1]) are called in the parent
    process. A cell that cannot be claimed, since another run has it, is passed over without a
    record. ``timeout`` is wall seconds a cell, ``memory`` bytes a cell.
    """

    device: str = "cpu"
    fleet: Literal["auto", "on", "off"] = "auto"
    jobs: int = 1
    timeout: float | None = None
    memory: float | None = None
    plugin_files: tuple[Path, ...] = ()
    blocked: tuple[str, ...] = ()
    debug: bool = False
    claim: Callable[[Cell], bool] = free
    started: Callable[[Cell], None] = quiet
    progress: Callable[[Cell, float], None] = quiet


Executor = Callable[[Sequence[Cell], Settings, "Registry"], Iterator[tuple[Cell, "Record"]]]

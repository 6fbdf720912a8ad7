"""Run cells one after another in this process: for debuggers and notebooks."""

from __future__ import annotations

import pdb
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial

from symbench.records.record import Record
from symbench.registry import Registry
from symbench.runs.cell import run_cell
from symbench.runs.executors import Settings
from symbench.runs.plan import Cell
from symbench.training.setup import quiet


def execute(
    cells: Sequence[Cell], settings: Settings, registry: Registry
) -> Iterator[tuple[Cell, Record]]:
    """Yield each cell with its record. A timeout needs a process and is not enforced here."""
    on_error = _post_mortem if settings.debug else quiet
    for cell in cells:
        if cell.reason is None and not settings.claim(cell):
            continue
        settings.started(cell)
        report = partial(settings.progress, cell)
        with redirect_stdout(sys.stderr):  # what a plugin prints must not mix with our output
            record = run_cell(registry, cell, settings.device, settings.fleet, report, on_error)
        record.provenance |= {"executor": "inline", "concurrent": 1}
        yield cell, record


def _post_mortem(error: Exception) -> None:
    with redirect_stdout(sys.__stdout__ or sys.stdout):
        pdb.post_mortem(error.__traceback__)

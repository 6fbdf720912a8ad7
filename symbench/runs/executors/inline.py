"""Run cells one after another in this process: for debuggers and notebooks."""

from __future__ import annotations

import pdb
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING

from symbench.records.record import Provenance, Record
from symbench.runs.cell import run_cell
from symbench.runs.executors.capacity import costs

if TYPE_CHECKING:
    from symbench.runs.desk import Desk
    from symbench.runs.options import Options
    from symbench.runs.plan import Cell

_BY = Provenance(executor="inline", concurrent=1)


def execute(cells: Sequence[Cell], desk: Desk, options: Options) -> Iterator[Record]:
    """Yield the record of each cell; the timeout is not enforced, because that needs a process."""
    for cell in desk.in_parts(cells, 1, costs(())):  # resumes parts of other runs, and cuts no cell
        if not desk.claim(cell):
            continue
        with redirect_stdout(sys.stderr):  # a plugin may print; stdout is for our output
            record = run_cell(
                desk.registry, cell, options.device, options.fleet, _BY,
                progress=partial(desk.progressed, cell),
                on_error=_post_mortem if options.debug else None,
                keep_networks=options.keep_networks,
            )  # fmt: skip
        yield record


def _post_mortem(error: BaseException) -> None:
    with redirect_stdout(sys.__stdout__ or sys.stdout):
        pdb.post_mortem(error.__traceback__)

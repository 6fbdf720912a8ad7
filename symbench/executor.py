"""The names that an executor plugin uses.

An executor is a callable ``(cells, desk, options) -> iterator of records``. It claims each cell
before computing it, and yields each record when it is finished:

    def execute(cells, desk, options):
        for cell in cells:
            if desk.claim(cell):
                yield run_cell(
                    desk.registry, cell, options.device, options.fleet,
                    Provenance(executor="mine"),
                    progress=lambda progress, cell=cell: desk.progressed(cell, progress),
                    keep_networks=options.keep_networks,
                )

A plugin registers it by ``registry.executor(execute, name="mine")``; users choose it by
``symbench run --executor mine``. Device, jobs and memory in the options are resolved for this
machine. An executor that computes on other machines is registered with ``remote=True`` and gets
them as the user gave them.

``run_cell`` does not raise: an exception in a cell becomes a record with a status. ``supervised``
runs cells in child processes of this machine, with limits of time and memory.
``desk.in_parts(cells, workers, costs(desk.earlier()))`` cuts the cells that would keep one worker
busy for too long. A part is claimed, computed and yielded like a cell, and the desk merges them.
"""

from symbench.records.record import Failure, Provenance, Record
from symbench.registry import Registry, Sources, load
from symbench.runs.cell import run_cell
from symbench.runs.desk import Desk
from symbench.runs.executors.capacity import Costs, costs, gpu_slots, jobs_within, usable_cores
from symbench.runs.executors.local import supervised
from symbench.runs.options import Options
from symbench.runs.plan import Cell
from symbench.runs.run import Executor
from symbench.tables.source import TableSource
from symbench.training.setup import Progress

__all__ = [
    "Cell", "Costs", "Desk", "Executor", "Failure", "Options", "Progress", "Provenance", "Record",
    "Registry", "Sources", "TableSource", "costs", "gpu_slots", "jobs_within", "load",
    "run_cell", "supervised", "usable_cores",
]  # fmt: skip

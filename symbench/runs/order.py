"""The order in which a run computes its cells: a board of every family soon, long tasks early."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from symbench.registry import Registry
from symbench.runs.plan import Cell


def first_tasks(families: Mapping[str, str], cells: Iterable[Cell]) -> list[str]:
    """Return the task of each family that needs the least work, those with the least first.

    Args:
        families: the family of each task.
        cells: from a plan.
    """
    work = _work(cells)
    least: dict[str, str] = {}
    for task in sorted(work, key=lambda task: (work[task], task)):
        least.setdefault(families[task], task)
    return list(least.values())


def in_order(registry: Registry, cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells in the order of their computation: ``first_tasks``, then long tasks first.

    A family is the tasks of one plugin. Work is the number of updates of all trials, because
    nothing else is known of a task that never ran. The cells of a task stay together.
    """
    first = {name: place for place, name in enumerate(first_tasks(families(registry), cells))}
    work = _work(cells)

    def place(cell: Cell) -> tuple[int, int, str]:
        task = cell.task
        return first.get(task, len(first)), 0 if task in first else -work.get(task, 0), task

    return sorted(cells, key=place)


def families(registry: Registry) -> dict[str, str]:
    """Return the family of each task: the name of its plugin."""
    return {name: card.plugin for name, card in registry.tasks.items()}


def _work(cells: Iterable[Cell]) -> dict[str, int]:
    """Return the updates of all trials of each task that has a cell to compute."""
    work: dict[str, int] = defaultdict(int)
    for cell in (cell for cell in cells if cell.reason is None):
        identity = cell.identity
        trained = sum(size > 0 for size in identity.sizes) * len(identity.seeds)
        work[cell.task] += trained * int(identity.protocol.get("updates", 1))
    return dict(work)

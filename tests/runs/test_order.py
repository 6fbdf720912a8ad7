"""A run computes one task of every family first, then the tasks that need the most updates."""

from __future__ import annotations

from types import SimpleNamespace

from symbench.runs.order import first_tasks, in_order

FAMILIES = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b", "free": "c"}


def cell(task, updates, model="mlp", sizes=(10,), reason=None):
    identity = SimpleNamespace(sizes=list(sizes), seeds=[0, 1], protocol={"updates": updates})
    return SimpleNamespace(task=task, model=model, identity=identity, reason=reason)


CELLS = [
    cell("a1", 100),
    cell("a2", 10, "mlp"),
    cell("a2", 10, "linear"),
    cell("a3", 300),
    cell("b1", 9, sizes=(10, 100)),
    cell("b2", 500),
    cell("free", 1000, sizes=(0,)),
    cell("declines", 1, reason="no"),
]
REGISTRY = SimpleNamespace(
    tasks={name: SimpleNamespace(plugin=plugin) for name, plugin in FAMILIES.items()}
)


def test_the_first_tasks_are_those_of_least_work_of_each_family():
    assert first_tasks(FAMILIES, CELLS) == ["free", "b1", "a2"]


def test_the_other_tasks_follow_the_longest_first():
    ordered = in_order(REGISTRY, CELLS)
    tasks = list(dict.fromkeys(cell.task for cell in ordered))
    assert tasks == ["free", "b1", "a2", "b2", "a3", "a1", "declines"]
    assert [cell.model for cell in ordered if cell.task == "a2"] == ["mlp", "linear"]


def test_no_cell_is_lost():
    assert sorted(map(id, in_order(REGISTRY, CELLS))) == sorted(map(id, CELLS))
    assert in_order(REGISTRY, []) == []

"""The tier quick has a few tasks of every family; standard has every generated task."""

from __future__ import annotations

import symbench
from symbench.registry import load
from symbench.runs.protocol import TIERS

QUICK = {
    "symbench_dynamics": {"mass-spring"},
    "symbench_graphs": {
        "brec-mini", "csl", "geometry-chains", "substructure-count-er", "wl-ladder",
    },
    "symbench_images": {
        "hidden-conjugate", "no-symmetry", "rotation-fixed", "scrambled-digits-rotated",
    },
    "symbench_noether": {"double-well", "noether-current", "noether-current-control"},
    "symbench_symmetry": {
        "broken-o5-0.3", "field-hopf", "finite-tetrahedral", "spiral-incorrect",
    },
    "symbench_vectors": {"o5-invariant"},
}  # fmt: skip


def updates(task: symbench.Task, tier: str) -> int:
    return task.updates.get(tier, TIERS[tier].updates)


def test_quick_has_a_few_tasks_of_every_family():
    registry = load()
    found: dict[str, set[str]] = {}
    for name, card in registry.tasks.items():
        if card.plugin in QUICK and registry.task(name).sizes_in("quick"):
            found.setdefault(card.plugin, set()).add(name)
    assert found == QUICK


def test_standard_has_every_task_and_as_many_updates_as_quick_or_more():
    registry = load()
    for name in registry.tasks:
        task = registry.task(name)
        assert task.sizes_in("standard"), name
        if task.sizes_in("quick"):
            assert updates(task, "standard") >= updates(task, "quick"), name
            assert max(task.sizes_in("standard")) >= max(task.sizes_in("quick")), name

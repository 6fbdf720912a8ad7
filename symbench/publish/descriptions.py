"""Descriptions of tasks and models, as ``show`` prints them and the pages of a site show them."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Any

from symbench.contract import Model, Symmetry, Task

Description = dict[str, Any]


def describe_task(task: Task, plugin: str) -> Description:
    """Return a task as a JSON-ready document; nothing is fetched."""
    return {
        "name": task.name,
        "version": task.version,
        "plugin": plugin,
        "summary": task.summary,
        "definition": inspect.getdoc(type(task)) or "",
        "data": task.kind,
        "loss": task.loss,
        "input_shape": list(task.input_shape),
        "output_shape": list(task.output_shape),
        "symmetry": _described(task.symmetry),
        "told": None if task.told == task.symmetry else _described(task.told),
        "floor": task.floor,
        "further_symmetries": list(task.further_symmetries),
        "ambient": None if task.ambient is None else str(task.ambient),
        "threshold": task.threshold,
        "threshold_note": dict(task.threshold_note),
        "sizes": {tier: list(sizes) for tier, sizes in task.sizes.items()},
        "test_size": task.test_size,
        "baseline": task.baseline,
        "reference": task.reference,
        "published": [{**asdict(one), "values": dict(one.values)} for one in task.published],
    }


def describe_model(model: type[Model], plugin: str) -> Description:
    """Return a model as a JSON-ready document."""
    return {
        "name": model.name,
        "version": model.version,
        "prior": model.prior,
        "plugin": plugin,
        "summary": model.summary,
        "definition": inspect.getdoc(model) or "",
        "config": model().config_dict(),
        "tiers": {tier: dict(changed) for tier, changed in model.tiers.items()},
        "reference": model.reference,
    }


def _described(symmetry: Symmetry | None) -> Description | None:
    if symmetry is None:
        return None
    return {
        "group": str(symmetry.group.name),
        "generators": int(symmetry.group.algebra.shape[0]),
        "input": str(symmetry.input),
        "output": str(symmetry.output),
        "bodies": symmetry.bodies,
    }

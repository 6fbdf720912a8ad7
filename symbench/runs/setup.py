"""What the trials of a cell share, made from the cell's identity."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

import torch

from symbench.contract import Model, Recipe, Task
from symbench.draws import Draws
from symbench.errors import InputError
from symbench.records.record import Identity
from symbench.registry import Registry
from symbench.registry.problem import make_problem
from symbench.registry.source_hash import model_sha256, source_sha256
from symbench.training.setup import FleetMode, ProgressCallback, TrainingSetup, quiet


def setup_of(
    registry: Registry,
    identity: Identity,
    device: torch.device,
    fleet: FleetMode = "auto",
    progress: ProgressCallback = quiet,
) -> TrainingSetup:
    """Return the task, the model, the data, the sizes and the budget of a cell.

    Raises:
        UnknownNameError: the task or the model is not registered.
    """
    task = registry.task(identity.task).for_tier(identity.tier)
    cls = registry.model(identity.model)
    # a copy, because a model may change a list or a dictionary of its configuration
    model = cls(cls.Config(**deepcopy(identity.config)))
    updates, validations = (int(identity.protocol[name]) for name in ("updates", "validations"))
    return TrainingSetup(
        Draws(task, identity.task_fingerprint), model, partial(make_problem, registry, task, model),
        updates, device, validations, fleet, progress, recipe=Recipe(**identity.protocol["recipe"]),
        sizes=tuple(identity.sizes),
    )  # fmt: skip


def check_code(registry: Registry, identity: Identity, task: Task, model: Model) -> None:
    """Raise InputError if the code of task or model, or a data file, differs from the plan.

    This process has read them later than the process that planned the cell.
    """
    if identity.protocol.get("files", {}) != dict(task.files):
        raise InputError(
            f"the data of {task.name} ({', '.join(task.files)}) differ from those of the plan: the "
            "file was changed during the run; start the run again"
        )
    planned = identity.task_source_sha256, identity.model_source_sha256
    found = source_sha256(task), model_sha256(registry, model)
    for name, one, other in zip((task.name, model.name), planned, found, strict=True):
        if one is not None and one != other:
            raise InputError(
                f"the source of {name} differs from the planned one: it was edited during the "
                "run, or this machine has another version; start the run again"
            )

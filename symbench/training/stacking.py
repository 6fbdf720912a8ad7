"""Whether the trials of a cell train together: asked for, remembered, or timed.

Stacking pays for small networks, whose step is mostly the overhead of its operations, and costs
where a single network already fills the caches; which is which depends on model, shapes and
machine, so it is measured once and remembered. A decision sets the speed of a training and the
rounding of its sums, nothing else.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.func import stack_module_state

from symbench import disk_cache
from symbench.contract import Recipe
from symbench.registry.source_hash import source_sha256
from symbench.training.setup import Schooling, Trial, trainable
from symbench.training.update import Update, stacked_forward

Reason = Literal["asked", "single", "impossible", "large", "short", "timed", "remembered"]

_VERSION = "2"  # of the way of timing: remembered decisions of another are not asked
_WARM_UP = 1  # steps that are not timed
_SHORT = 40  # updates below which timing would be a part of the training that one could notice
_TIMED = 3  # steps timed at most, after those that are watched and warm up
_CLEAR = 1.3  # ratio at which one timed step settles it
_LARGE = 2**24  # stacked parameters that no cache holds, and whose activations fill the memory
_UNSTACKABLE = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


@dataclass(frozen=True)
class Choice:
    """Whether a cell's trials train together, and why.

    ``together_seconds`` is one vectorised update of the cell's largest fleet, ``apart_seconds``
    the same updates one trial after another; None where nothing was timed.
    """

    stacked: bool
    reason: Reason
    together_seconds: float | None = None
    apart_seconds: float | None = None


def choose(fleet: Sequence[Trial], recipe: Recipe, school: Schooling) -> Choice:
    """Return whether the trials of the fleet, of one batch size on a CPU, train together.

    Raises:
        RuntimeError: stacking was asked for, and ``vmap`` cannot do it.
    """
    if school.fleet == "off":
        return Choice(False, "asked")
    if not _stacks(fleet[0], school):
        return Choice(False, "impossible")
    if school.fleet == "on":
        return Choice(True, "asked")
    if (plain := _untimed(fleet, school)) is not None:
        return plain
    path = _path(fleet, recipe, school)
    return _remembered(path) or _remember(path, _time(fleet, recipe, school))


def _untimed(fleet: Sequence[Trial], school: Schooling) -> Choice | None:
    """Return the decision where timing could not pay for itself."""
    if len(fleet) == 1:
        return Choice(True, "single")
    if school.device.type == "cpu" and len(fleet) * trainable(fleet[0].module) > _LARGE:
        return Choice(False, "large")
    return Choice(True, "short") if school.updates < _SHORT else None


def _stacks(trial: Trial, school: Schooling) -> bool:
    if any(isinstance(module, _UNSTACKABLE) for module in trial.module.modules()):
        return False
    try:
        state = stack_module_state([trial.module])
        with torch.no_grad():
            stacked_forward(trial.module, together=True)(*state, trial.data.x[None, :2])
    except (RuntimeError, ValueError):  # what vmap raises for what it cannot do
        if school.fleet == "on":
            raise
        return False
    return True


def _time(fleet: Sequence[Trial], recipe: Recipe, school: Schooling) -> Choice:
    """Take a few steps both ways on copies of the trials' state, and choose the faster."""
    together, apart = (Update(part, recipe, school) for part in (fleet, fleet[:1]))
    least = [math.inf, math.inf]
    for step in range(_WARM_UP + _TIMED):
        for way, (update, times) in enumerate(((together, 1), (apart, len(fleet)))):
            seconds = _seconds(update, step, school.device) * times
            if step >= _WARM_UP:
                least[way] = min(least[way], seconds)
        if step >= _WARM_UP and max(least) > _CLEAR * min(least):
            break
    return Choice(least[0] <= least[1], "timed", least[0], least[1])


def _seconds(update: Update, step: int, device: torch.device) -> float:
    started = time.perf_counter()
    update(step)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def _path(fleet: Sequence[Trial], recipe: Recipe, school: Schooling) -> Path:
    """Return where the decision on this model, these shapes and this machine is kept."""
    task, model, device = school.task, school.model, school.device
    shapes = {name: list(p.shape) for name, p in fleet[0].module.named_parameters()}
    on = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    what = [
        _VERSION, torch.__version__, on, torch.backends.cpu.get_cpu_capability(), os.cpu_count(),
        torch.get_num_threads(), model.name, source_sha256(model), model.config_dict(),
        task.name, task.version, task.loss, asdict(recipe), shapes, len(fleet),
        list(fleet[0].data.x.shape[1:]), min(recipe.batch_size, len(fleet[0].data)),
    ]  # fmt: skip
    return disk_cache.path_of("fleets", what, ".json")


def _remembered(path: Path) -> Choice | None:
    """Return the decision kept at ``path``, or None if there is none that can be read."""
    found = disk_cache.load(path, _parsed)
    if found is None:
        with suppress(OSError):  # what cannot be read must not keep others from deciding
            path.unlink(missing_ok=True)
    return found


def _parsed(content: bytes) -> Choice:
    found = json.loads(content)
    return Choice(
        bool(found["stacked"]), "remembered",
        float(found["together_seconds"]), float(found["apart_seconds"]),
    )  # fmt: skip


def _remember(path: Path, choice: Choice) -> Choice:
    """Keep a new decision, unless another run on the same cache was first: then return that."""
    if disk_cache.save(path, json.dumps(asdict(choice)).encode(), first=True):
        return choice
    return _remembered(path) or choice

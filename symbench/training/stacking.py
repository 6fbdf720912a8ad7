"""Whether the trials of a cell train together: a rule on shapes.

Stacking speeds up small networks, where the overhead of each operation dominates. It slows down
large ones: the results of a stacked operation no longer fit the cache, while those of one trial
still do. So the rule asks how many numbers an operation writes on average in an update of one
trial. That depends on shapes only, so all machines decide alike. The decision affects only the
speed of training and the rounding of sums.

``scripts/stacking.py`` has measured both ways for every cell of the quick tier. Its table is
``scripts/stacking.csv``, from which docs/performance-diary.md derives the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from symbench.contract import Recipe
from symbench.contract.stacked import StackedForward, alike, probe
from symbench.training.setup import (
    StackingDecision,
    TrainingSetup,
    Trial,
    seeded_globally,
    trainable,
)
from symbench.training.update import Stacked, Update

NUMBERS = 2**16  # written per operation of one trial, up to which stacking is faster on a CPU
_GPU_NUMBERS = 2**30  # written in an update of a stack on a GPU (4 GiB in float32)
_PARAMETERS = 2**24  # stacked parameters, above which the activations might fill the memory
_GROSS = 0.01  # of the largest output; rounding is smaller
_SHORT = 40  # with fewer updates, both ways are fast
_UNSTACKABLE = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


class Work(TorchDispatchMode):
    """Counts the operations executed inside, views excepted, and the numbers that they write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.operations += 1
            self.numbers += sum(t.numel() for t in tree_leaves(result) if isinstance(t, Tensor))
        return result


def decide(trials: Sequence[Trial], recipe: Recipe, setup: TrainingSetup) -> StackingDecision:
    """Return whether the trials, of one n_train, train together.

    Raises:
        RuntimeError: ``setup.fleet`` is "on", and ``vmap`` cannot evaluate the module.
    """
    if setup.fleet == "off":
        return StackingDecision(False, "asked")
    if not _stacks(trials[0], setup):
        return StackingDecision(False, "impossible")
    if len(trials) > 1 and (not alike([t.module for t in trials]) or _keeps_state(trials)):
        return StackingDecision(False, "state")
    return _by_cost(trials, recipe, setup)


def _keeps_state(trials: Sequence[Trial]) -> bool:
    """Whether a call changes more than the buffers of a module, or stacking changes its outputs.

    This is tested on copies of the first two trials.
    """
    some = [deepcopy(trial.module) for trial in trials[:2]]
    examples = min(2, *(len(trial.data) for trial in trials))
    x = torch.stack([trial.data.x[:examples] for trial in trials[:2]])
    with seeded_globally(0, x.device):
        probes = [probe(module, part) for module, part in zip(some, x, strict=True)]
        with torch.no_grad():
            together = Stacked(some)(x.clone())
    apart = torch.stack([one.output for one in probes])
    gap = (together - apart).abs().max() > _GROSS * apart.abs().max()
    return any(one.assigns for one in probes) or bool(gap)


def _by_cost(trials: Sequence[Trial], recipe: Recipe, setup: TrainingSetup) -> StackingDecision:
    """Return the decision for trials that can be stacked; on a CPU it depends on shapes."""
    if setup.fleet == "on":
        return StackingDecision(True, "asked")
    if len(trials) == 1:
        return StackingDecision(True, "single")
    if setup.device.type != "cpu":
        return StackingDecision(True, "gpu")
    if len(trials) * trainable(trials[0].module) > _PARAMETERS:
        return StackingDecision(False, "large")
    if setup.updates < _SHORT:
        return StackingDecision(True, "short")
    work = update_work(trials[0], recipe, setup)
    small = is_small(work.operations, work.numbers)
    return StackingDecision(small, "small" if small else "large")


def at_once(trials: Sequence[Trial], recipe: Recipe, setup: TrainingSetup) -> int:
    """Return how many of the trials are stacked: on a GPU as many as write 2³⁰ numbers an update.

    More would not be faster, and what they write has to fit its memory.
    """
    if setup.device.type == "cpu" or len(trials) == 1:
        return len(trials)
    numbers = update_work(trials[0], recipe, setup).numbers
    return max(1, min(len(trials), _GPU_NUMBERS // max(1, numbers)))


def is_small(operations: int, numbers: int) -> bool:
    """Whether an update of one trial writes few numbers per operation."""
    return numbers <= NUMBERS * operations


def update_work(trial: Trial, recipe: Recipe, setup: TrainingSetup) -> Work:
    """Return the work of an update of one trial, taken on a copy of its state."""
    update = Update([trial], recipe, setup, on_copy=True)
    update.prepare(0)
    with (work := Work()):
        update.step()
    return work


def _stacks(trial: Trial, setup: TrainingSetup) -> bool:
    if any(isinstance(module, _UNSTACKABLE) for module in trial.module.modules()):
        return False
    try:
        state = stack_module_state([trial.module])
        forward = StackedForward(trial.module, together=True)
    except Exception:  # what cannot be copied or is not a plain module
        return False
    try:
        with torch.no_grad(), seeded_globally(0, trial.data.x.device):
            forward(*state, trial.data.x[None, :2].clone())
    except (RuntimeError, ValueError):  # raised by vmap for unsupported operations
        if setup.fleet == "on":
            raise
        return False
    except Exception:  # raised by the module, which is a copy here
        return False
    return True

"""Whether the trials of a cell train together: a rule on shapes.

Stacking speeds up small networks, where the overhead of each operation dominates. It slows down
large ones: the results of a stacked operation no longer fit the cache, while those of one trial
still do. So the rule looks at how many numbers an operation writes on average in an update of one
trial. That depends on shapes only, so every machine decides alike. The decision affects the speed
of training and the rounding of sums, nothing else.

``scripts/stacking.py`` has measured both ways for every cell of the quick tier. Its table is
``scripts/stacking.csv``, from which docs/performance.md derives the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from symbench.contract import Recipe
from symbench.training.setup import StackingDecision, TrainingSetup, Trial, trainable
from symbench.training.update import Update, stacked_forward

NUMBERS = 2**16  # written per operation of one trial, up to which stacking is faster on a CPU
_PARAMETERS = 2**24  # stacked parameters, above which the activations might fill the memory
_SHORT = 40  # updates below which neither way takes long
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
    """Return whether the trials, of one batch size on a CPU, train together.

    Raises:
        RuntimeError: ``setup.fleet`` is "on", and ``vmap`` cannot evaluate the module.
    """
    if setup.fleet == "off":
        return StackingDecision(False, "asked")
    if not _stacks(trials[0], setup):
        return StackingDecision(False, "impossible")
    if setup.fleet == "on":
        return StackingDecision(True, "asked")
    if len(trials) == 1:
        return StackingDecision(True, "single")
    if setup.device.type != "cpu":
        return StackingDecision(True, "gpu")
    return _by_shapes(trials, recipe, setup)


def _by_shapes(trials: Sequence[Trial], recipe: Recipe, setup: TrainingSetup) -> StackingDecision:
    """Return the decision for a CPU."""
    if len(trials) * trainable(trials[0].module) > _PARAMETERS:
        return StackingDecision(False, "large")
    if setup.updates < _SHORT:
        return StackingDecision(True, "short")
    work = update_work(trials[0], recipe, setup)
    small = is_small(work.operations, work.numbers)
    return StackingDecision(small, "small" if small else "large")


def is_small(operations: int, numbers: int) -> bool:
    """Whether an update of one trial writes few numbers per operation."""
    return numbers <= NUMBERS * operations


def update_work(trial: Trial, recipe: Recipe, setup: TrainingSetup) -> Work:
    """Return the work of an update of one trial, taken on a copy of its state."""
    update = Update([trial], recipe, setup)
    update.prepare(0)
    with (work := Work()):
        update.step()
    return work


def _stacks(trial: Trial, setup: TrainingSetup) -> bool:
    if any(isinstance(module, _UNSTACKABLE) for module in trial.module.modules()):
        return False
    try:
        state = stack_module_state([trial.module])
        with torch.no_grad():
            stacked_forward(trial.module, together=True)(*state, trial.data.x[None, :2])
    except (RuntimeError, ValueError):  # raised by vmap for what it cannot do
        if setup.fleet == "on":
            raise
        return False
    return True

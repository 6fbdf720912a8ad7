"""Counts the steps that a model takes by itself, and compares them with the task's budget.

They are those of ``fit``, or of a ``calibrate`` before the updates of a recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks
from torch.optim.optimizer import register_optimizer_step_post_hook

from symbench.training.setup import Spent

_STEPS = 2  # per update: an adversarial pair has two optimisers
_PASSES = 10  # training forward passes per update, of all networks
CALIBRATION = 1  # updates' worth that showing a module its data may take: it must not train


@dataclass
class Counter:
    """Optimiser steps, and forward passes of outermost modules with gradients enabled."""

    steps: int = 0
    passes: int = 0
    _open: list[nn.Module] = field(default_factory=list)

    def spent(self, updates: int) -> Spent:
        """Return the counts; more than 2 steps or 10 passes per update exceed the budget.

        Without a step every pass counts as one: the updates are made by hand.
        """
        passes = _PASSES if self.steps else _STEPS
        over = self.steps > _STEPS * updates or self.passes > passes * updates
        return Spent(self.steps, self.passes, over)

    def step(self, *_: Any) -> None:
        """Count a step of an optimiser."""
        self.steps += 1

    def enter(self, module: nn.Module, _: Any) -> None:
        """Count a forward pass, unless another module calls this one."""
        if not self._open and torch.is_grad_enabled() and _learns(module):
            self.passes += 1
        self._open.append(module)

    def leave(self, *_: Any) -> None:
        """Note that a forward pass has ended."""
        if self._open:
            self._open.pop()


@contextmanager
def counted() -> Iterator[Counter]:
    """Count steps and passes inside.

    A loop that uses neither an optimiser of torch nor a module is not counted.
    """
    counter = Counter()
    handles = [
        register_optimizer_step_post_hook(counter.step),
        hooks.register_module_forward_pre_hook(counter.enter),
        hooks.register_module_forward_hook(counter.leave, always_call=True),
    ]
    try:
        yield counter
    finally:
        for handle in handles:
            handle.remove()


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())

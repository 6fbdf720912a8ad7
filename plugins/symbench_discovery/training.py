"""The training loop of the models with their own ``fit``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench.groups import binary_unit, positive_scale

Loss = Callable[[int], Tensor]


def descend(groups: Iterable[tuple[Iterable[nn.Parameter], float]], loss: Loss, steps: int) -> None:
    """Take ``steps`` steps of Adam on ``loss(step)``; the learning rates fall along a cosine.

    ``groups`` pairs parameters with their initial learning rate.
    """
    parts = [{"params": list(parameters), "lr": rate} for parameters, rate in groups]
    optimiser = torch.optim.Adam(parts)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, steps))
    with torch.enable_grad():
        for step in range(steps):
            optimiser.zero_grad()
            torch.autograd.backward(loss(step))
            optimiser.step()
            schedule.step()


def batch(data: Data, size: int, context: Context) -> Data:
    """Draw ``size`` examples with replacement, but no more than there are in ``data``."""
    at = torch.randint(len(data), (min(size, len(data)),), generator=context.generator)
    at = at.to(data.x.device)
    return Data(data.x[at], data.y[at])


@dataclass(frozen=True)
class TaskLoss:
    """The loss of a problem, averaged over examples, in units of the variance of the targets.

    Errors are squared in multiples of ``unit``, a power of two, and ``variance`` is in the same
    unit, so that no square leaves the range of float32. Both are 1 for classes.
    """

    problem: Problem
    unit: float
    variance: float

    @classmethod
    def of(cls, problem: Problem, y: Tensor) -> TaskLoss:
        """Return the loss, given the training targets y [n, ...]."""
        if problem.loss == "cross-entropy":
            return cls(problem, 1.0, 1.0)
        unit = binary_unit(y)
        variance = (y / unit).var(0, unbiased=False).mean()
        scale = positive_scale(variance.sqrt(), (y / unit).abs().max(), y.dtype)
        varies = bool(scale == variance.sqrt())
        return cls(problem, float(unit), float(variance if varies else scale.square()))

    def __call__(self, prediction: Tensor, y: Tensor) -> Tensor:
        """Return the loss of predictions of y."""
        if self.problem.loss == "cross-entropy":
            return nn.functional.cross_entropy(prediction, y)
        return ((prediction - y) / self.unit).square().mean() / self.variance

"""The training loop of the models with their own ``fit``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem

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


def task_loss(problem: Problem, prediction: Tensor, y: Tensor) -> Tensor:
    """Return the loss of the problem, averaged over examples."""
    if problem.loss == "cross-entropy":
        return nn.functional.cross_entropy(prediction, y)
    return (prediction - y).square().mean()


def output_variance(problem: Problem, y: Tensor) -> float:
    """Return the unit of the loss: the variance of regression targets, or 1 for classes."""
    if problem.loss == "cross-entropy":
        return 1.0
    return max(float(y.var(0, unbiased=False).mean()), 1e-12)

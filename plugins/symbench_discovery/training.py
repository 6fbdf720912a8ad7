"""The loop of the models that train themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem

Loss = Callable[[int], Tensor]


def descend(groups: Iterable[tuple[Iterable[nn.Parameter], float]], loss: Loss, steps: int) -> None:
    """Take ``steps`` steps of Adam on ``loss(step)``, the learning rates falling along a cosine.

    ``groups`` pairs parameters with their learning rate.
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
    """Draw ``size`` examples with replacement, at most as many as there are."""
    at = torch.randint(len(data), (min(size, len(data)),), generator=context.generator)
    at = at.to(data.x.device)
    return Data(data.x[at], data.y[at])


def task_loss(problem: Problem, prediction: Tensor, y: Tensor) -> Tensor:
    """Return the problem's own loss, averaged over examples."""
    if problem.loss == "cross-entropy":
        return nn.functional.cross_entropy(prediction, y)
    return (prediction - y).square().mean()


def output_variance(problem: Problem, y: Tensor) -> float:
    """Return the variance of regression targets, in whose units their loss counts; else 1."""
    if problem.loss == "cross-entropy":
        return 1.0
    return max(float(y.var(0, unbiased=False).mean()), 1e-12)

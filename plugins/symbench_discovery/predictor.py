"""A registered network as the predictor of a method that trains itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem
from symbench_discovery.training import TaskLoss, batch, descend

Augment = Callable[[Data], Data]
"""A batch -> the batch that is trained on in its place."""
Net = TypeVar("Net", bound=nn.Module)
Term = Callable[[Data], Tensor]
"""A batch -> the loss of a predictor on it, with penalties if there are any."""

_LOOKS, _BATCH, _RATE = 10, 128, 3e-3


class Best:
    """The weights with the least error on validation data among those looked at."""

    def __init__(self, net: nn.Module, error: TaskLoss, valid: Data) -> None:
        self._net, self._error, self._valid = net, error, valid
        self._least, self._state = math.inf, deepcopy(net.state_dict())

    @torch.no_grad()
    def look(self) -> None:
        """Keep the weights as they are now if they are better."""
        self._net.eval()
        error = float(self._error(self._net(self._valid.x), self._valid.y))
        self._net.train()
        if error < self._least:
            self._least, self._state = error, deepcopy(self._net.state_dict())

    def restore(self) -> None:
        """Put the best weights back."""
        self.look()
        self._net.load_state_dict(self._state)
        self._net.eval()


def calibrated(net: Net, data: Data) -> Net:
    """Return the network, after it has seen the statistics of its training data."""
    if callable(calibrate := getattr(net, "calibrate", None)):
        calibrate(data.x, data.y)
    return net


def trained(
    net: Net, problem: Problem, context: Context, updates: int, augment: Augment | None = None
) -> Net:
    """Return the network, trained as ``mlp`` is: on ``context.rest``, the best on validation.

    Args:
        net: on the device of the data.
        problem: whose loss is used.
        context: gives the data and the random numbers.
        updates: how many.
        augment: moves each batch; None leaves it as it is.
    """
    calibrated(net, context.rest)
    error = TaskLoss.of(problem, context.rest.y)

    def term(some: Data) -> Tensor:
        moved = some if augment is None else augment(some)
        return error(net(moved.x), moved.y)

    descend_to_best(net, term, error, context, updates)
    return net


def descend_to_best(
    net: nn.Module, term: Term, error: TaskLoss, context: Context, updates: int
) -> None:
    """Train the network, and keep its best weights of ten looks at the validation data."""
    best = Best(net, error, context.valid)
    every = max(1, updates // _LOOKS)

    def loss(step: int) -> Tensor:
        if step and step % every == 0:
            best.look()
        return term(batch(context.rest, _BATCH, context))

    descend([(net.parameters(), _RATE)], loss, updates)
    best.restore()

"""The trials of a cell, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

import torch
from torch import nn

from symbench.contract import Data, Model, Problem, Task

if TYPE_CHECKING:
    from symbench.training.cuda_graph import Capture, Graph
    from symbench.training.stacking import Choice

FleetChoice = Literal["auto", "on", "off"]
Progress = Callable[[float], None]  # the engine calls it with a Share


class Share(float):
    """The share of a cell's training that is done, in [0, 1].

    ``update`` of ``updates`` is the step of the trials in training, ``loss`` their mean loss there.
    """

    update: int
    updates: int
    loss: float

    def __new__(cls, share: float, update: int, updates: int, loss: float) -> Self:
        """Return the share with what is known of it."""
        own = super().__new__(cls, share)
        own.update, own.updates, own.loss = update, updates, loss
        return own


def quiet(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class TrialKey:
    """One training inside a cell."""

    n_train: int
    seed: int


@dataclass
class Trial:
    """A trial on its way: its data and its module; trained in place.

    ``stacked`` counts the trials that were trained together with it, itself among them;
    ``choice`` says why, ``capture`` whether its updates were replayed; they are None where nothing
    was to be trained.
    """

    key: TrialKey
    data: Data
    draw_valid: Callable[[], Data]
    module: nn.Module
    diverged: bool = False
    seconds: float = 0.0
    stacked: int = 1
    choice: Choice | None = None
    capture: Capture | None = None

    @cached_property
    def valid(self) -> Data:
        """The validation data, drawn where someone looks at them."""
        return self.draw_valid()


@dataclass(frozen=True)
class Schooling:
    """What the trials of a cell share: task, model, budget and place.

    ``graph`` makes the graph to capture an update in; None is CUDA's own, on a CUDA device.
    """

    task: Task
    model: Model
    view: Callable[[torch.Generator | None], Problem]
    updates: int
    device: torch.device
    validations: int = 10
    fleet: FleetChoice = "auto"
    progress: Progress = quiet
    graph: Callable[[], Graph] | None = None


def trainable(module: nn.Module) -> int:
    """Return the number of the module's trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@contextmanager
def seeded_globally(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators inside, and leave them as they were found.

    The generators are asked one by one: ``torch.manual_seed`` keeps, for each backend that has
    not started, a stack trace a call for ever, which costs more than building a small network.
    """
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed(seed)
        yield

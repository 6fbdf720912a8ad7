"""The setup that the trials of a cell share, and the state of each trial."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from symbench.contract import Data, Fits, Model, Problem, Recipe, Task
from symbench.draws import Draws
from symbench.errors import ShapeError

FleetMode = Literal["auto", "on", "off"]  # by the rule of ``stacking``, always or never
Reason = Literal["asked", "single", "impossible", "state", "large", "small", "gpu", "short"]


@dataclass(frozen=True)
class Progress:
    """How far the training of a cell has come.

    ``done`` is the share of the whole cell, in [0, 1]. ``update`` of ``updates`` and the mean
    ``loss`` are those of the trials in training.
    """

    done: float
    update: int
    updates: int
    loss: float


ProgressCallback = Callable[[Progress], None]


def quiet(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class StackingDecision:
    """Whether the trials of a cell train together, and why.

    ``together_seconds`` and ``apart_seconds`` are None. Older versions timed both ways, and stored
    the seconds of an update there.
    """

    stacked: bool
    reason: Reason
    together_seconds: float | None = None
    apart_seconds: float | None = None


@dataclass(frozen=True)
class Capture:
    """Whether the updates of a training were replayed from a CUDA graph, and if not, why.

    ``reason`` is ``replayed``, ``device`` (not CUDA), ``short`` (no update was left to replay), or
    the obstacle to a capture.
    """

    captured: bool
    reason: str


class Graph(Protocol):
    """The methods of ``torch.cuda.CUDAGraph`` that training uses."""

    def capture_begin(self) -> None:
        """Record the following work on the current stream, without executing it."""

    def capture_end(self) -> None:
        """End the recording."""

    def replay(self) -> None:
        """Execute the recorded work on the same memory."""


@dataclass(frozen=True)
class TrialKey:
    """One training inside a cell."""

    n_train: int
    seed: int


@dataclass(frozen=True)
class Spent:
    """Optimiser steps and training forward passes that a model takes by itself.

    ``over`` is whether they exceed the budget of the task.
    """

    steps: int
    passes: int
    over: bool


@dataclass
class Trial:
    """One training: its data, its module, which is trained in place, and the model that built it.

    Each trial has a copy of the model object, so that ``build`` and ``fit`` may set attributes.
    ``stacked`` counts the trials that trained together, this one included. ``stacking`` says why,
    and ``capture`` whether the updates were replayed; both are None if nothing was trained.
    ``first_output`` is that of the untrained module for the first training examples. ``initial`` is
    the module before training, if it is kept. ``moved`` is one that was trained on moved data, if
    there is one. ``spent`` is set for a model that trains itself,
    and for one whose ``calibrate`` does.
    """

    key: TrialKey
    data: Data
    draw_valid: Callable[[], Data]
    module: nn.Module
    model: Model
    diverged: bool = False
    seconds: float = 0.0
    stacked: int = 1
    stacking: StackingDecision | None = None
    capture: Capture | None = None
    first_output: Tensor = field(default_factory=lambda: torch.empty(0))
    initial: nn.Module | None = None
    moved: nn.Module | None = None
    spent: Spent | None = None

    @cached_property
    def valid(self) -> Data:
        """The validation data, drawn on first use."""
        return self.draw_valid()


@dataclass(frozen=True)
class TrainingSetup:
    """What the trials of a cell share: data, model, budget and device.

    ``recipe`` None asks the model for its recipe. ``sizes`` are the n_train of the whole cell, if
    only some of them are trained. ``graph`` makes the graph that captures an
    update; None makes CUDA's own on a CUDA device.
    """

    draws: Draws
    model: Model
    make_problem: Callable[[torch.Generator | None], Problem]
    updates: int
    device: torch.device
    validations: int = 10
    fleet: FleetMode = "auto"
    progress: ProgressCallback = quiet
    graph: Callable[[], Graph] | None = None
    recipe: Recipe | None = None
    sizes: tuple[int, ...] = ()

    def largest(self, trials: Sequence[Trial]) -> int:
        """Return the largest n_train of the cell to which the trials belong."""
        return max(self.sizes or [trial.key.n_train for trial in trials])

    @property
    def task(self) -> Task:
        """The task whose data train the trials."""
        return self.draws.task

    @cached_property
    def recipe_used(self) -> Recipe:
        """The recipe of the training."""
        return self.recipe or self.model.recipe(self.make_problem(None))

    @property
    def fits(self) -> bool:
        """Whether the model trains itself."""
        return isinstance(self.model, Fits) and self.task.loss != "none"


def trainable(module: nn.Module) -> int:
    """Return the number of the module's trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def check_output(module: nn.Module, task: Task, x: Tensor) -> Tensor:
    """Return the module's output for x [n, ...]; raise ShapeError unless [n, *output_shape]."""
    with torch.no_grad():
        y = module.eval()(x)
    module.train()
    expected = (len(x), *task.output_shape)
    if not isinstance(y, Tensor) or tuple(y.shape) != expected:
        got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ShapeError(
            f"the model returned {got} for {len(x)} inputs of {task.name}, "
            f"which expects {expected}: return [n, *problem.output_shape]"
        )
    return y


def without_tf32() -> None:
    """Compute products in full float32: TF32 has ten bits of mantissa, which scores would show."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """On CUDA, prefer kernels that add in the same order each time; not every operation has one.

    cuBLAS reads its variable at its first product. On a CPU nothing is changed.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    filling: Any = torch.utils.deterministic  # its attribute is a property of the module
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    kept = cudnn.deterministic, cudnn.benchmark, filling.fill_uninitialized_memory
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        cudnn.deterministic, cudnn.benchmark = True, False
        filling.fill_uninitialized_memory = False  # it would add a kernel for every new tensor
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic, cudnn.benchmark, filling.fill_uninitialized_memory = kept


def wait_for(device: torch.device) -> None:
    """Wait until a GPU has done all that it was asked for, before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def seeded_globally(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators of torch, numpy and Python inside; restore their states after.

    The generators are seeded one by one. ``torch.manual_seed`` stores a stack trace per call for
    each backend that has not been initialised, which takes longer than building a small network.
    """
    cuda = [device] if device.type == "cuda" else []
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - plugins may use it
    with torch.random.fork_rng(devices=cuda):
        torch.default_generator.manual_seed(seed)
        if cuda:
            torch.cuda.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002

"""One optimiser step of a group of trials, and what the group keeps between two steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from symbench.contract import Recipe, Task
from symbench.draws import in_parts
from symbench.errors import InputError
from symbench.training.objective import Objective, trial_losses
from symbench.training.setup import Schooling, Trial

State = dict[str, Tensor]
Forward = Callable[[State, State, Tensor], Tensor]


def stacked_forward(module: nn.Module, *, together: bool) -> Forward:
    """Return (parameters, buffers, x [T, n, ...]) -> [T, n, ...] for stacked state.

    Not ``together``, T must be 1, and the module runs as it is, without ``vmap``.
    """
    base = deepcopy(module)

    def one(parameters: State, buffers: State, x: Tensor) -> Tensor:
        return functional_call(base, (parameters, buffers), (x,))  # type: ignore[no-any-return]

    if together:
        vectorised: Forward = vmap(one, in_dims=(0, 0, 0), randomness="error")
        return vectorised

    def alone(parameters: State, buffers: State, x: Tensor) -> Tensor:
        first = [{name: t[0] for name, t in state.items()} for state in (parameters, buffers)]
        return one(first[0], first[1], x[0])[None]

    return alone


class Update:
    """A group of trials in training; a call with update = 0, 1, 2, … takes one step.

    The trials' own modules change only in ``finish``. ``losses`` [T] are those of the last step.
    ``prepare`` writes to the device what of an update the host knows; ``step`` asks nothing back
    from the device and is the same work on the same tensors each time, so that it can be captured.
    """

    def __init__(self, trials: Sequence[Trial], recipe: Recipe, school: Schooling) -> None:
        self._trials, self._recipe, self._updates = trials, recipe, school.updates
        self.parameters, self.buffers = stack_module_state([trial.module for trial in trials])
        self.forward = stacked_forward(trials[0].module.train(), together=len(trials) > 1)
        self._objective = Objective.of(
            school.task, school.view(None), recipe, [(t.key.seed, t.data) for t in trials]
        )
        # fused kernels read it in double precision on a CPU and in single on CUDA
        precision = torch.float64 if school.device.type == "cpu" else torch.float32
        self._rate = torch.tensor(recipe.learning_rate, dtype=precision, device=school.device)
        self._optimiser = _optimiser(recipe, list(self.parameters.values()), self._rate)
        self._finite = torch.ones(len(trials), dtype=torch.bool, device=school.device)
        self.losses = torch.zeros(len(trials), device=school.device)

    def __call__(self, update: int) -> None:
        """Take one step of every trial."""
        self.prepare(update)
        self.step()

    def prepare(self, update: int) -> None:
        """Set the learning rate and, at the start of a block, the indices of the batches."""
        self._rate.fill_(learning_rate(self._recipe, update, self._updates))
        self._objective.prepare(update)

    def step(self, *, capturable: bool = False) -> None:
        """Take the step that was prepared; ``capturable`` while a graph is being captured."""
        for group in self._optimiser.param_groups:
            group["capturable"] = capturable  # Adam refuses without, and warns if it is left on
        losses = self._objective(self._network)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.sum())
        self._optimiser.step()
        self.losses = losses.detach()
        self._finite &= self.losses.isfinite()

    def _network(self, x: Tensor) -> Tensor:
        return self.forward(self.parameters, self.buffers, x)

    @torch.no_grad()
    def finish(self) -> None:
        """Write the state into the trials' modules, and mark the trials that have diverged."""
        state = {**self.parameters, **self.buffers}
        for position, (trial, finite) in enumerate(
            zip(self._trials, self._finite.tolist(), strict=True)
        ):
            own = {**dict(trial.module.named_parameters()), **dict(trial.module.named_buffers())}
            for name, tensor in own.items():
                tensor.copy_(state[name][position])
            trial.diverged = not finite


def _optimiser(recipe: Recipe, parameters: list[Tensor], rate: Tensor) -> torch.optim.Optimizer:
    decay = recipe.weight_decay
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay, fused=True)
    raise InputError(f"unknown optimiser {recipe.optimiser!r}: take adam, adamw or sgd")


def learning_rate(recipe: Recipe, update: int, updates: int) -> float:
    """Return the learning rate at an update of 0 … updates - 1."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "cosine":
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * update / updates))
    if recipe.schedule == "exponential":
        return float(recipe.learning_rate * recipe.final ** (update / updates))
    raise InputError(f"unknown schedule {recipe.schedule!r}: take constant, cosine or exponential")


class Best:
    """The parameters of least validation loss, trial by trial, if the recipe selects by it."""

    def __init__(self, trials: Sequence[Trial], recipe: Recipe, task: Task) -> None:
        self._selects, self._task = recipe.selection == "best-valid", task
        self._x = torch.stack([trial.valid.x for trial in trials]) if self._selects else None
        self._y = torch.stack([trial.valid.y for trial in trials]) if self._selects else None
        self._least: Tensor | None = None
        self._kept: State = {}

    @torch.no_grad()
    def look(self, group: Update) -> None:
        """Keep the parameters of those trials that have improved."""
        if self._x is None or self._y is None:
            return
        parameters, buffers = group.parameters, group.buffers
        parts = [group.forward(parameters, buffers, x) for x in in_parts(self._x, axis=1)]
        losses = trial_losses(self._task, torch.cat(parts, 1), (self._x, self._y))
        if self._least is None:
            self._least = losses
            self._kept = {name: p.detach().clone() for name, p in parameters.items()}
            return
        better = losses < self._least
        self._least = torch.where(better, losses, self._least)
        for name, p in parameters.items():
            chosen = better.view(-1, *[1] * (p.dim() - 1))
            self._kept[name] = torch.where(chosen, p.detach(), self._kept[name])

    @torch.no_grad()
    def restore(self, group: Update) -> None:
        """Put the kept parameters back."""
        for name, kept in self._kept.items():
            group.parameters[name].copy_(kept)

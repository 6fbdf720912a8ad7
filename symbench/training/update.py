"""One optimiser step of a stack of trials, and the state between steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from symbench.contract import Recipe, Task
from symbench.contract.batches import in_parts
from symbench.contract.modules import named_tensors
from symbench.contract.stacked import StackedForward, State
from symbench.errors import InputError
from symbench.training.objective import Objective, target_units, trial_losses
from symbench.training.setup import TrainingSetup, Trial


class Stacked:
    """Copies of the parameters and buffers of several modules, stacked along a trial axis."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._modules = modules
        self.parameters, self._buffers = stack_module_state(list(modules))
        self._forward = StackedForward(modules[0].train(), together=len(modules) > 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs [T, n, ...] for x [T, n, ...]."""
        return self._forward(self.parameters, self._buffers, x)

    def values(self) -> State:
        """Return the parameters, [T, ...] each, without gradients."""
        return {name: p.detach() for name, p in self.parameters.items()}

    def keeps_state(self) -> bool:
        """Whether a call so far has assigned what the modules would keep each for itself."""
        return self._forward.has_assigned()

    @torch.no_grad()
    def finish(self) -> None:
        """Write the state into the modules."""
        state = {**self.parameters, **self._buffers}
        for position, module in enumerate(self._modules):
            for name, tensor in named_tensors(module).items():
                if not torch.equal(tensor, state[name][position]):  # an unchanged one may be shared
                    tensor.copy_(state[name][position])


class Own:
    """One module with its own parameters, in the interface of ``Stacked``; it is trained in place.

    This works for any module, because nothing is copied.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module.train()
        self.parameters = dict(module.named_parameters())

    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs [1, n, ...] for x [1, n, ...]."""
        return self._module(x[0])[None]  # type: ignore[no-any-return]

    def values(self) -> State:
        """Return the parameters, [1, ...] each, without gradients."""
        return {name: p.detach()[None] for name, p in self.parameters.items()}

    def keeps_state(self) -> bool:
        """Return False: what the module assigns remains its own."""
        return False

    def finish(self) -> None:
        """Free the gradients."""
        self._module.zero_grad(set_to_none=True)


class Update:
    """A stack of trials of one n_train in training; a call with update = 0, 1, 2, … takes one step.

    Several trials, or one with ``on_copy``, are trained on copies of their state, which ``finish``
    writes back. ``losses`` [T] are those of the last step. ``prepare`` copies the values of an
    update from the host to the device. ``step`` never waits for the device and does the same work
    on the same tensors each time, so that it can be captured.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        recipe: Recipe,
        setup: TrainingSetup,
        *,
        on_copy: bool = False,
    ) -> None:
        self._trials, self._recipe, self._updates = trials, recipe, setup.updates
        modules = [trial.module for trial in trials]
        stacked = len(trials) > 1 or on_copy
        self.networks: Stacked | Own = Stacked(modules) if stacked else Own(modules[0])
        self.parameters = self.networks.parameters
        self._objective = Objective.of(
            setup.task, setup.make_problem(None), recipe, [(t.key.seed, t.data) for t in trials]
        )
        # fused kernels need the rate in float64 on a CPU, in float32 on CUDA
        precision = torch.float64 if setup.device.type == "cpu" else torch.float32
        self._rate = torch.tensor(recipe.learning_rate, dtype=precision, device=setup.device)
        self._optimiser = _optimiser(recipe, list(self.parameters.values()), self._rate)
        self._finite = torch.ones(len(trials), dtype=torch.bool, device=setup.device)
        self.losses = torch.zeros(len(trials), device=setup.device)

    def __call__(self, update: int) -> None:
        """Take one step of every trial."""
        self.prepare(update)
        self.step()

    def prepare(self, update: int) -> None:
        """Set the learning rate and, at the start of a block, the indices of the batches."""
        self._rate.fill_(learning_rate(self._recipe, update, self._updates))
        self._objective.prepare(update)

    def step(self, *, capturable: bool = False) -> None:
        """Take the prepared step; ``capturable`` while a graph is being captured."""
        for group in self._optimiser.param_groups:
            group["capturable"] = capturable  # Adam needs it in a capture, and warns elsewhere
        losses = self._objective(self.networks)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.sum())
        self._optimiser.step()
        self.losses = losses.detach()
        self._finite &= self.losses.isfinite()

    def finish(self) -> None:
        """Write the state into the trials' modules, and mark diverged trials."""
        self.networks.finish()
        for trial, finite in zip(self._trials, self._finite.tolist(), strict=True):
            trial.diverged = not finite


def _optimiser(recipe: Recipe, parameters: list[Tensor], rate: Tensor) -> torch.optim.Optimizer:
    decay = recipe.weight_decay
    fused = all(p.is_floating_point() for p in parameters)  # complex parameters have no fused step
    how: dict[str, Any] = {"fused": True} if fused else {"foreach": False}
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, **how)
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, **how)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay, **how)
    raise InputError(f"unknown optimiser {recipe.optimiser!r}: choose adam, adamw or sgd")


def learning_rate(recipe: Recipe, update: int, updates: int) -> float:
    """Return the learning rate at an update of 0 … updates - 1."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    if recipe.schedule == "cosine":
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * update / updates))
    if recipe.schedule == "exponential":
        return float(recipe.learning_rate * recipe.final ** (update / updates))
    raise InputError(
        f"unknown schedule {recipe.schedule!r}: choose constant, cosine or exponential"
    )


class Best:
    """The parameters of least validation loss of each trial, if the recipe selects by it."""

    def __init__(self, trials: Sequence[Trial], recipe: Recipe, task: Task) -> None:
        self._task = task
        self._valid: tuple[Tensor, Tensor] | None = None
        if recipe.selection == "best-valid":
            valid = [trial.valid for trial in trials]
            self._valid = torch.stack([v.x for v in valid]), torch.stack([v.y for v in valid])
        self._unit = target_units(task, [trial.data.y for trial in trials])
        self._least: Tensor | None = None
        self._parameters: State = {}

    @torch.no_grad()
    def update(self, stack: Update) -> None:
        """Save the parameters of the trials whose validation loss has improved."""
        if self._valid is None:
            return
        values = stack.networks.values()
        parts = [stack.networks(part.clone()) for part in in_parts(self._valid[0], axis=1)]
        losses = trial_losses(self._task, torch.cat(parts, 1), self._valid, self._unit)
        if self._least is None:
            self._least = losses
            self._parameters = {name: p.clone() for name, p in values.items()}
            return
        better = losses < self._least
        self._least = torch.where(better, losses, self._least)
        for name, p in values.items():
            improved = better.view(-1, *[1] * (p.dim() - 1))
            self._parameters[name] = torch.where(improved, p, self._parameters[name])

    @torch.no_grad()
    def restore(self, stack: Update) -> None:
        """Copy the saved parameters back."""
        values = stack.networks.values()
        for name, saved in self._parameters.items():
            values[name].copy_(saved)

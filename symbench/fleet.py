"""Train all trials of a cell together, or one by one; nothing else runs an optimiser.

The trials of a cell are small networks of one architecture. Their parameters are stacked along a
leading trial axis and trained by one vectorised step (``torch.func.vmap`` over
``functional_call``); the sum of the trials' losses has, for each trial's parameters, the gradient
of that trial's loss alone, so no trial can see another. What cannot be vectorised takes the same
steps one trial at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from symbench.contract import Calibrates, Context, Data, Fits, Model, Problem, Recipe, Task, seeded
from symbench.draw import draw, in_parts
from symbench.errors import InputError, ShapeError
from symbench.objective import Objective, trial_losses

FleetChoice = Literal["auto", "on", "off"]
Progress = Callable[[float], None]
State = dict[str, Tensor]

_WIDE = 150_000  # parameters above which stacking has not paid on a CPU (docs/performance.md)
_UNSTACKABLE = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)


def quiet(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class TrialKey:
    """One training inside a cell."""

    n_train: int
    seed: int


@dataclass
class Trial:
    """A trial on its way: its data and its module; trained in place."""

    key: TrialKey
    data: Data
    valid: Data
    module: nn.Module
    diverged: bool = False
    seconds: float = 0.0
    stacked: int = 1


@dataclass(frozen=True)
class Schooling:
    """What the trials of a cell share: task, model, budget and place."""

    task: Task
    model: Model
    view: Callable[[torch.Generator | None], Problem]
    updates: int
    device: torch.device
    validations: int = 10
    fleet: FleetChoice = "auto"
    progress: Progress = quiet


def train(school: Schooling, keys: Sequence[TrialKey]) -> list[Trial]:
    """Train the trials and return them in order, each with its module in evaluation mode.

    A trial's result depends on its own key alone, not on the others, to float tolerance.

    Raises:
        ShapeError: the model's output has the wrong shape.
        InputError: the recipe asks for a symmetry that the model was not told.
    """
    trials = [_prepare(school, key) for key in keys]
    done = isinstance(school.model, Fits) or school.task.loss == "none"
    if not done and any(_trainable(trial.module) for trial in trials):
        recipe = school.model.recipe(school.view(None))
        for group in _groups(trials, recipe, school):
            _train_group(group, recipe, school)
    for trial in trials:
        trial.module.eval()
    return trials


def _trainable(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _prepare(school: Schooling, key: TrialKey) -> Trial:
    task = school.task
    data = draw(task, key.n_train, key.seed, "train").to(school.device)
    valid = draw(task, task.valid_size, key.seed, "valid").to(school.device)
    seed = seeded(task.name, task.version, key.seed, "init").initial_seed()
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]):  # ordinary layers initialise from the global stream
        torch.manual_seed(seed)
        problem = school.view(torch.Generator().manual_seed(seed))
        if isinstance(school.model, Fits) and task.loss != "none":
            module = school.model.fit(problem, data, _context(school, key, valid))
        else:
            module = school.model.build(problem)
    trial = Trial(key, data, valid, module.to(school.device))
    if isinstance(trial.module, Calibrates) and task.loss != "none":
        trial.module.calibrate(data.x, data.y)
    check_output(trial.module, task, valid.x[:4])
    trial.seconds = time.perf_counter() - started
    return trial


def _context(school: Schooling, key: TrialKey, valid: Data) -> Context:
    generator = seeded(school.task.name, school.task.version, key.seed, "fit")
    return Context(key.n_train, key.seed, school.updates, school.device, valid, generator)


def check_output(module: nn.Module, task: Task, x: Tensor) -> None:
    """Refuse a module whose output for x [n, ...] is not [n, *output_shape]."""
    with torch.no_grad():
        y = module.eval()(x)
    module.train()
    expected = (len(x), *task.output_shape)
    if not isinstance(y, Tensor) or tuple(y.shape) != expected:
        got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ShapeError(
            f"the model returned {got} for {len(x)} inputs of {task.name}, "
            f"which wants {expected}: return [n, *problem.output_shape]"
        )


def _groups(trials: list[Trial], recipe: Recipe, school: Schooling) -> list[list[Trial]]:
    """Split the cell into fleets: one by one, or (on a CPU) one fleet for each batch size."""
    if not _stacks(trials[0], school):
        return [[trial] for trial in trials]
    if school.device.type != "cpu":
        return [trials]
    by_batch: dict[int, list[Trial]] = {}
    for trial in trials:  # padding small batches costs arithmetic that only a GPU has to spare
        by_batch.setdefault(min(recipe.batch_size, len(trial.data)), []).append(trial)
    return list(by_batch.values())


def _stacks(trial: Trial, school: Schooling) -> bool:
    if school.fleet == "off" or any(isinstance(m, _UNSTACKABLE) for m in trial.module.modules()):
        return False
    wide = school.device.type == "cpu" and _trainable(trial.module) > _WIDE
    if school.fleet == "auto" and wide:
        return False
    try:
        state = stack_module_state([trial.module])
        with torch.no_grad():
            _forward(trial.module, stacked=True)(*state, trial.data.x[None, :2])
    except (
        RuntimeError,
        ValueError,
        NotImplementedError,
    ):  # what vmap raises for what it cannot do
        if school.fleet == "on":
            raise
        return False
    return True


Forward = Callable[[State, State, Tensor], Tensor]


def _forward(module: nn.Module, *, stacked: bool) -> Forward:
    """Return (parameters, buffers, x [T, n, ...]) -> [T, n, ...] for stacked state."""
    base = deepcopy(module)

    def one(parameters: State, buffers: State, x: Tensor) -> Tensor:
        return functional_call(base, (parameters, buffers), (x,))  # type: ignore[no-any-return]

    if stacked:
        vectorised: Forward = vmap(one, in_dims=(0, 0, 0), randomness="error")
        return vectorised

    def alone(parameters: State, buffers: State, x: Tensor) -> Tensor:
        first = [{name: t[0] for name, t in state.items()} for state in (parameters, buffers)]
        return one(first[0], first[1], x[0])[None]

    return alone


def _train_group(trials: list[Trial], recipe: Recipe, school: Schooling) -> None:
    started = time.perf_counter()
    seed = seeded(school.task.name, school.task.version, trials[0].key.seed, "layers")
    with torch.random.fork_rng(devices=[]):  # dropout, in the one-by-one route, draws globally
        torch.manual_seed(seed.initial_seed())
        _optimise(trials, recipe, school)
    for trial in trials:
        trial.seconds += (time.perf_counter() - started) / len(trials)
        trial.stacked = len(trials)


def _optimise(trials: list[Trial], recipe: Recipe, school: Schooling) -> None:
    stacked = len(trials) > 1
    parameters, buffers = stack_module_state([trial.module for trial in trials])
    forward = _forward(trials[0].module.train(), stacked=stacked)
    objective = Objective.of(
        school.task, school.view(None), recipe, [(t.key.seed, t.data) for t in trials]
    )
    optimiser = _optimiser(recipe, list(parameters.values()))
    best = _Best(trials, recipe, forward, school.task)
    alive = torch.ones(len(trials), dtype=torch.bool, device=school.device)
    every = max(1, school.updates // school.validations)
    for update in range(school.updates):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe, update, school.updates)
        losses = objective(lambda x: forward(parameters, buffers, x), update)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.sum())
        optimiser.step()
        alive &= losses.detach().isfinite()
        if (update + 1) % every == 0:
            best.look(parameters, buffers)
            school.progress((update + 1) / school.updates)
    best.restore(parameters)
    _unstack(trials, parameters, buffers)
    for trial, finite in zip(trials, alive.tolist(), strict=True):
        trial.diverged = not finite


def _optimiser(recipe: Recipe, parameters: list[Tensor]) -> torch.optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
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


class _Best:
    """The parameters of least validation loss, trial by trial, if the recipe selects by it."""

    def __init__(self, trials: list[Trial], recipe: Recipe, forward: Forward, task: Task) -> None:
        self._selects = recipe.selection == "best-valid"
        self._forward, self._task = forward, task
        self._x = torch.stack([trial.valid.x for trial in trials]) if self._selects else None
        self._y = torch.stack([trial.valid.y for trial in trials]) if self._selects else None
        self._least: Tensor | None = None
        self._kept: State = {}

    @torch.no_grad()
    def look(self, parameters: State, buffers: State) -> None:
        """Keep the parameters of those trials that have improved."""
        if self._x is None or self._y is None:
            return
        parts = [self._forward(parameters, buffers, x) for x in in_parts(self._x, axis=1)]
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
    def restore(self, parameters: State) -> None:
        """Put the kept parameters back."""
        for name, kept in self._kept.items():
            parameters[name].copy_(kept)


def _unstack(trials: list[Trial], parameters: State, buffers: State) -> None:
    with torch.no_grad():
        for position, trial in enumerate(trials):
            state = {**parameters, **buffers}
            own = {**dict(trial.module.named_parameters()), **dict(trial.module.named_buffers())}
            for name, tensor in own.items():
                tensor.copy_(state[name][position])

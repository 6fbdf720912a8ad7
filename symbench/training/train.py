"""Turn the keys of a cell's trials into trained modules."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symbench.contract import Calibrates, Context, Data, Fits, Recipe, Task, seeded
from symbench.errors import ShapeError
from symbench.training.cuda_graph import Replay
from symbench.training.setup import (
    Progress,
    TrainingSetup,
    Trial,
    TrialKey,
    seeded_globally,
    trainable,
)
from symbench.training.stacking import decide
from symbench.training.update import Best, Update


def train(setup: TrainingSetup, keys: Sequence[TrialKey]) -> list[Trial]:
    """Train the trials and return them in order, each with its module in evaluation mode.

    A trial's result depends only on its own key, not on the other trials, to float tolerance.

    Raises:
        ShapeError: the model's output has the wrong shape.
        InputError: the recipe needs a symmetry, but the model was not told one.
    """
    trials = [_prepare(setup, key) for key in keys]
    ready = isinstance(setup.model, Fits) or setup.task.loss == "none"
    if not ready and any(trainable(trial.module) for trial in trials):
        _train_all(trials, setup.recipe or setup.model.recipe(setup.make_problem(None)), setup)
    for trial in trials:
        trial.module.eval()
    return trials


def _train_all(trials: list[Trial], recipe: Recipe, setup: TrainingSetup) -> None:
    """Train the trials, stack by stack; the largest possible stack decides for all of them."""
    stacks = _by_batch_size(trials, recipe, setup)
    largest = max(stacks, key=lambda stack: len(stack) * batch_size(stack[0], recipe))
    decision = decide(largest, recipe, setup)
    done = 0
    for stack in stacks if decision.stacked else [[trial] for trial in trials]:
        _train_stack(stack, recipe, setup, (done / len(trials), len(stack) / len(trials)))
        done += len(stack)
    for trial in trials:
        trial.stacking = decision


def _prepare(setup: TrainingSetup, key: TrialKey) -> Trial:
    task = setup.task
    data = setup.draws.train(key.n_train, key.seed).to(setup.device)

    def valid() -> Data:
        return setup.draws.valid(key.seed).to(setup.device)

    seed = seeded(task.name, task.version, key.seed, "init").initial_seed()
    started = time.perf_counter()
    # ordinary layers initialise from the global generator
    with seeded_globally(seed, setup.device):
        problem = setup.make_problem(torch.Generator().manual_seed(seed))
        if isinstance(setup.model, Fits) and task.loss != "none":
            module = setup.model.fit(problem, data, _context(setup, key, valid()))
        else:
            module = setup.model.build(problem)
    trial = Trial(key, data, valid, module.to(setup.device))
    if isinstance(trial.module, Calibrates) and task.loss != "none":
        trial.module.calibrate(data.x, data.y)
    check_output(trial.module, task, (data if len(data) else trial.valid).x[:4])
    trial.seconds = time.perf_counter() - started
    return trial


def _context(setup: TrainingSetup, key: TrialKey, valid: Data) -> Context:
    generator = seeded(setup.task.name, setup.task.version, key.seed, "fit")
    return Context(key.n_train, key.seed, setup.updates, setup.device, valid, generator)


def check_output(module: nn.Module, task: Task, x: Tensor) -> None:
    """Raise ShapeError unless the module's output for x [n, ...] is [n, *output_shape]."""
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


def batch_size(trial: Trial, recipe: Recipe) -> int:
    """Return the number of examples in each of the trial's batches."""
    return min(recipe.batch_size, len(trial.data))


def _by_batch_size(trials: list[Trial], recipe: Recipe, setup: TrainingSetup) -> list[list[Trial]]:
    """Split the trials into those that can be stacked: by batch size on a CPU, else all of them.

    Padding small batches costs arithmetic, which only a GPU has to spare.
    """
    if setup.device.type != "cpu":
        return [trials]
    stacks: dict[int, list[Trial]] = {}
    for trial in trials:
        stacks.setdefault(batch_size(trial, recipe), []).append(trial)
    return list(stacks.values())


def _train_stack(
    trials: list[Trial], recipe: Recipe, setup: TrainingSetup, part: tuple[float, float]
) -> None:
    started = time.perf_counter()
    seed = seeded(setup.task.name, setup.task.version, trials[0].key.seed, "layers")
    # dropout, which trains one by one, draws from the global generator
    with seeded_globally(seed.initial_seed(), setup.device):
        _optimise(trials, recipe, setup, part)
    for trial in trials:
        trial.seconds += (time.perf_counter() - started) / len(trials)
        trial.stacked = len(trials)


def _optimise(
    trials: list[Trial], recipe: Recipe, setup: TrainingSetup, part: tuple[float, float]
) -> None:
    """Train a stack; ``part`` is the share of the cell's training before it, and its own share."""
    stack = Update(trials, recipe, setup)
    take = Replay(stack, setup.device, setup.graph)
    best = Best(trials, recipe, setup.task)
    every = max(1, setup.updates // setup.validations)
    for update in range(setup.updates):
        take(update)
        if (update + 1) % every == 0:
            best.update(stack)
            done = part[0] + part[1] * (update + 1) / setup.updates
            loss = float(stack.losses.mean())
            setup.progress(Progress(done, update + 1, setup.updates, loss))
    best.restore(stack)
    stack.finish()
    for trial in trials:
        trial.capture = take.capture

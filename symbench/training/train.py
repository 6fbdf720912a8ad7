"""From the keys of a cell's trials to trained modules."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from symbench.contract import Calibrates, Context, Data, Fits, Recipe, Task, seeded
from symbench.draws import draw
from symbench.errors import ShapeError
from symbench.training.cuda_graph import Replay
from symbench.training.setup import Schooling, Share, Trial, TrialKey, seeded_globally, trainable
from symbench.training.stacking import choose
from symbench.training.update import Best, Update


def train(school: Schooling, keys: Sequence[TrialKey]) -> list[Trial]:
    """Train the trials and return them in order, each with its module in evaluation mode.

    A trial's result depends on its own key alone, not on the others, to float tolerance.

    Raises:
        ShapeError: the model's output has the wrong shape.
        InputError: the recipe asks for a symmetry that the model was not told.
    """
    trials = [_prepare(school, key) for key in keys]
    ready = isinstance(school.model, Fits) or school.task.loss == "none"
    if not ready and any(trainable(trial.module) for trial in trials):
        recipe = school.model.recipe(school.view(None))
        fleets = _fleets(trials, recipe, school)
        largest = max(fleets, key=lambda fleet: len(fleet) * _batch(fleet[0], recipe))
        choice = choose(largest, recipe, school)
        done = 0
        for group in fleets if choice.stacked else [[trial] for trial in trials]:
            _train_group(group, recipe, school, (done / len(trials), len(group) / len(trials)))
            done += len(group)
        for trial in trials:
            trial.choice = choice
    for trial in trials:
        trial.module.eval()
    return trials


def _prepare(school: Schooling, key: TrialKey) -> Trial:
    task = school.task
    data = draw(task, key.n_train, key.seed, "train").to(school.device)

    def valid() -> Data:
        return draw(task, task.valid_size, key.seed, "valid").to(school.device)

    seed = seeded(task.name, task.version, key.seed, "init").initial_seed()
    started = time.perf_counter()
    # ordinary layers initialise from the global stream
    with seeded_globally(seed, school.device):
        problem = school.view(torch.Generator().manual_seed(seed))
        if isinstance(school.model, Fits) and task.loss != "none":
            module = school.model.fit(problem, data, _context(school, key, valid()))
        else:
            module = school.model.build(problem)
    trial = Trial(key, data, valid, module.to(school.device))
    if isinstance(trial.module, Calibrates) and task.loss != "none":
        trial.module.calibrate(data.x, data.y)
    check_output(trial.module, task, (data if len(data) else trial.valid).x[:4])
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


def _batch(trial: Trial, recipe: Recipe) -> int:
    return min(recipe.batch_size, len(trial.data))


def _fleets(trials: list[Trial], recipe: Recipe, school: Schooling) -> list[list[Trial]]:
    """Split the cell into what may train together: all of it, or on a CPU what batches alike."""
    if school.device.type != "cpu":
        return [trials]
    by_batch: dict[int, list[Trial]] = {}
    for trial in trials:  # padding small batches costs arithmetic that only a GPU has to spare
        by_batch.setdefault(_batch(trial, recipe), []).append(trial)
    return list(by_batch.values())


def _train_group(
    trials: list[Trial], recipe: Recipe, school: Schooling, part: tuple[float, float]
) -> None:
    started = time.perf_counter()
    seed = seeded(school.task.name, school.task.version, trials[0].key.seed, "layers")
    # dropout, in the one-by-one route, draws globally
    with seeded_globally(seed.initial_seed(), school.device):
        _optimise(trials, recipe, school, part)
    for trial in trials:
        trial.seconds += (time.perf_counter() - started) / len(trials)
        trial.stacked = len(trials)


def _optimise(
    trials: list[Trial], recipe: Recipe, school: Schooling, part: tuple[float, float]
) -> None:
    """Train a group; of the cell's training it is ``part``: the share before it, and its own."""
    group = Update(trials, recipe, school)
    take = Replay(group, school.device, school.graph)
    best = Best(trials, recipe, school.task)
    every = max(1, school.updates // school.validations)
    for update in range(school.updates):
        take(update)
        if (update + 1) % every == 0:
            best.look(group)
            share = part[0] + part[1] * (update + 1) / school.updates
            loss = float(group.losses.mean())
            school.progress(Share(share, update + 1, school.updates, loss))
    best.restore(group)
    group.finish()
    for trial in trials:
        trial.capture = take.capture

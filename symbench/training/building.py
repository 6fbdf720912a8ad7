"""Builds the network of a trial: its model, its data, its seed, and the first call."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import copy, deepcopy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from symbench.contract import Calibrates, Context, Data, Fits, FitsTogether, Model, seeded
from symbench.errors import InputError
from symbench.training.labels import rest_and_valid
from symbench.training.setup import (
    Spent,
    TrainingSetup,
    TrialKey,
    check_output,
    seeded_globally,
    wait_for,
)
from symbench.training.spending import CALIBRATION, counted


class Built(NamedTuple):
    """A trial's model and module, its outputs for the first examples, and what that has cost."""

    model: Model
    module: nn.Module
    output: Tensor
    spent: Spent | None


class Fitted(NamedTuple):
    """A trial that a model has trained together with others: its model, its module, and its cost.

    ``seconds`` are its share of the time, and ``together`` counts the trials, this one included.
    """

    model: Model
    module: nn.Module
    spent: Spent
    seconds: float
    together: int


def fit_together(setup: TrainingSetup, keys: Sequence[TrialKey]) -> list[Fitted]:
    """Let a model train several trials of one n_train together.

    Raises:
        InputError: the model returns another number of modules.
    """
    models = [_own(setup.model) for _ in keys]
    started, seeds = time.perf_counter(), [initial_seed(setup, key) for key in keys]
    with seeded_globally(seeds[0], setup.device), counted() as counter:
        modules = cast(FitsTogether, models[0]).fit_together(
            [setup.make_problem(torch.Generator().manual_seed(seed)) for seed in seeds],
            [training_data(setup, key).clone() for key in keys],
            [_context(setup, key) for key in keys],
        )
    wait_for(setup.device)
    if len(modules) != len(keys):
        raise InputError(
            f"model {setup.model.name}: fit_together returned {len(modules)} modules for "
            f"{len(keys)} trials: return one for each"
        )
    spent, share = counter.spent(setup.updates), (time.perf_counter() - started) / len(keys)
    return [
        Fitted(model, module, spent, share, len(keys))
        for model, module in zip(models, modules, strict=True)
    ]


def make_network(
    setup: TrainingSetup, key: TrialKey, data: Data, fitted: Fitted | None = None
) -> Built:
    """Return what is known of a trial before the training loop.

    The module is fitted if the model trains itself and has not done so together with other trials;
    otherwise it is calibrated. It is called once here, because lazy layers draw their weights in
    their first call.
    """
    task, model = setup.task, _own(setup.model) if fitted is None else fitted.model
    seed = initial_seed(setup, key)
    # ordinary layers initialise from the global generator
    with seeded_globally(seed, setup.device):
        problem = setup.make_problem(torch.Generator().manual_seed(seed))
        fit = model.fit if isinstance(model, Fits) and task.loss != "none" else None
        with counted() as counter:
            if fitted is not None:
                module = fitted.module
            elif fit is not None:
                module = fit(problem, data.clone(), _context(setup, key))
            else:
                module = model.build(problem)
            module = module.to(setup.device)
            if isinstance(module, Calibrates) and task.loss != "none":
                module.calibrate(data.x.clone(), data.y.clone())
        spent = counter.spent(CALIBRATION if fit is None else setup.updates)
        spent = spent if fitted is None else fitted.spent
        x = data.x if len(data) else setup.draws.valid(key.seed).to(setup.device).x
        output = check_output(module, task, x[:4].clone())
        return Built(model, module, output, spent if fit or spent.over else None)


def untrained(setup: TrainingSetup, key: TrialKey) -> tuple[Model, nn.Module]:
    """Return a model and its network as the trial's were before training.

    For a model that trains itself this is what ``build`` returns. Any exception of the model is
    passed on.
    """
    if not setup.fits:
        made = make_network(setup, key, training_data(setup, key))
        return made.model, made.module
    seed, model = initial_seed(setup, key), _own(setup.model)
    with seeded_globally(seed, setup.device):
        problem = setup.make_problem(torch.Generator().manual_seed(seed))
        return model, model.build(problem).to(setup.device)


def training_data(setup: TrainingSetup, key: TrialKey) -> Data:
    """Return the examples on which the trial trains, without those that it selects by."""
    selects = not setup.fits and setup.recipe_used.selection == "best-valid"
    if selects and setup.task.loss != "none":
        return rest_and_valid(setup, key)[0]
    return setup.draws.train(key.n_train, key.seed).to(setup.device)


def initial_seed(setup: TrainingSetup, key: TrialKey) -> int:
    """Return the seed of the trial's initial values."""
    return seeded(setup.task.name, setup.task.version, key.seed, "init").initial_seed()


def _own(model: Model) -> Model:
    """Return a deep copy of the model object, or a shallow one if it cannot be copied deeply."""
    try:
        return deepcopy(model)
    except Exception:  # it holds a lock or an open file
        return copy(model)


def _context(setup: TrainingSetup, key: TrialKey) -> Context:
    generator = seeded(setup.task.name, setup.task.version, key.seed, "fit")
    rest, valid = rest_and_valid(setup, key)
    return Context(
        key.n_train, key.seed, setup.updates, setup.device, valid, generator, rest
    )  # fmt: skip

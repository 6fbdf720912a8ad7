"""Builds the network of a trial: its model, its data, its seed, and the first call."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbench.contract import Calibrates, Context, Data, Fits, Model, seeded
from symbench.training.labels import rest_and_valid
from symbench.training.setup import Spent, TrainingSetup, TrialKey, check_output, seeded_globally
from symbench.training.spending import CALIBRATION, counted


class Built(NamedTuple):
    """A trial's model and module, its outputs for the first examples, and what that has cost."""

    model: Model
    module: nn.Module
    output: Tensor
    spent: Spent | None


def make_network(setup: TrainingSetup, key: TrialKey, data: Data) -> Built:
    """Return what is known of a trial before the training loop.

    The module is fitted if the model trains itself; otherwise it is calibrated. It is called once
    here, because lazy layers draw their weights in their first call.
    """
    task, model = setup.task, _own(setup.model)
    seed = initial_seed(setup, key)
    # ordinary layers initialise from the global generator
    with seeded_globally(seed, setup.device):
        problem = setup.make_problem(torch.Generator().manual_seed(seed))
        fit = model.fit if isinstance(model, Fits) and task.loss != "none" else None
        with counted() as counter:
            if fit is not None:
                module = fit(problem, data.clone(), _context(setup, key))
            else:
                module = model.build(problem)
            module = module.to(setup.device)
            if isinstance(module, Calibrates) and task.loss != "none":
                module.calibrate(data.x.clone(), data.y.clone())
        spent = counter.spent(CALIBRATION if fit is None else setup.updates)
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

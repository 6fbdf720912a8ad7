"""Train a model that announces generators once more, on moved data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from symbench.metrics.candidate import candidate
from symbench.metrics.moved import MovedDraws, move_of
from symbench.registry.card import one_line
from symbench.training.setup import TrainingSetup, Trial, quiet
from symbench.training.train import train


def train_on_moved_data(setup: TrainingSetup, trials: Sequence[Trial]) -> str | None:
    """Train the first trial of the cell's largest n_train again, if its model announces generators.

    Its ``moved`` becomes the network that is trained on the data of the same n_train and seed,
    moved by ``symbench.metrics.moved.move_of``. Nothing else differs for the model. If the training
    raises, the reason is returned.
    """
    largest, symmetry = setup.largest(trials), setup.task.symmetry
    trial = next((trial for trial in trials if trial.key.n_train == largest), None)
    if (
        trial is None
        or trial.model.prior != "discovers"
        or symmetry is None
        or len(symmetry.group.algebra) == 0
    ):
        return None
    L = trial.model.generators(trial.module)
    if L is None or len(L) == 0:
        return None
    sought = candidate(setup.task, setup.draws.test().x)
    g = None if sought is None else move_of(setup.task, sought)
    if sought is None or g is None:
        return None
    draws = MovedDraws(setup.task, setup.draws.fingerprint, sought, g)
    try:
        (again,) = train(replace(setup, draws=draws, progress=quiet), [trial.key])
    except Exception as error:  # a plugin may raise anything
        return f"training on moved data failed: {one_line(error)}"
    trial.moved = again.module
    return None

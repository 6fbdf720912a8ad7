"""Trains a model and computes its loss on the valid split; the test split is not used."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from symbench.contract import Model, Problem, Task
from symbench.contract.batches import in_parts
from symbench.draws import Draws
from symbench.training.objective import target_units, trial_losses
from symbench.training.setup import TrainingSetup, Trial, TrialKey, repeatable, without_tf32
from symbench.training.train import train
from symbench.tuning.study import SearchSpec


def valid_losses(
    task: Task,
    model: Model,
    make_problem: Callable[[torch.Generator | None], Problem],
    place: tuple[SearchSpec, str],
) -> list[float]:
    """Return the loss on the valid split for each seed; infinite where the training diverged.

    For regression it is the squared error summed over outputs, for classification the
    cross-entropy, otherwise the task's own objective; always the mean over the examples.

    Args:
        task: the task.
        model: the model with the configuration to judge.
        make_problem: returns the problem that the model is shown.
        place: specification of the search, and device.
    """
    spec, device = place
    if device.startswith("cuda"):
        without_tf32()
    setup = TrainingSetup(
        Draws.of(task), model, make_problem, spec.updates, torch.device(device),
        fleet="off",  # stacked training differs in the last digits; a search is reproducible
    )  # fmt: skip
    keys = [TrialKey(spec.n_train, seed) for seed in spec.seeds]
    with repeatable(setup.device):
        return [_loss(setup.draws, trial) for trial in train(setup, keys)]


@torch.no_grad()
def _loss(draws: Draws, trial: Trial) -> float:
    valid = draws.valid(trial.key.seed).to(trial.data.x.device)
    prediction = torch.cat([trial.module(part.clone()) for part in in_parts(valid.x)])
    data, unit = (valid.x[None], valid.y[None]), target_units(draws.task, [trial.data.y])
    loss = float(trial_losses(draws.task, prediction[None], data, unit=unit)) * float(unit) ** 2
    return math.inf if trial.diverged or not math.isfinite(loss) else loss

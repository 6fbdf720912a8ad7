"""The judge of a search: trains, and takes the loss on the valid split; it sees no other."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from symbench.draws import Draws
from symbench.contract import Model, Problem, Task
from symbench.contract.batches import in_parts
from symbench.training.objective import trial_losses
from symbench.training.setup import TrainingSetup, Trial, TrialKey
from symbench.training.train import train
from symbench.tuning.study import Plan


def valid_losses(
    task: Task,
    model: Model,
    view: Callable[[torch.Generator | None], Problem],
    place: tuple[Plan, str],
) -> list[float]:
    """Return the task's loss on the valid split, one a seed; infinite where training diverged.

    Regression: the mean over examples of the squared error, summed over outputs; classification:
    the mean cross-entropy; or the task's own objective.
    """
    of, device = place
    setup = TrainingSetup(
        Draws.of(task), model, view, of.updates, torch.device(device),
        fleet="off",  # stacked training differs in the last digits, and a search must not
    )  # fmt: skip
    keys = [TrialKey(of.n_train, seed) for seed in of.seeds]
    return [_loss(task, trial) for trial in train(setup, keys)]


@torch.no_grad()
def _loss(task: Task, trial: Trial) -> float:
    prediction = torch.cat([trial.module(part) for part in in_parts(trial.valid.x)])
    data = trial.valid.x[None], trial.valid.y[None]
    loss = float(trial_losses(task, prediction[None], data))
    return math.inf if trial.diverged or not math.isfinite(loss) else loss

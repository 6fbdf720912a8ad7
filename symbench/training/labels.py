"""Divides a trial's labelled examples into those for training and those for selection.

A model uses at most n_train labels, for training and selection together. If it selects among
networks, a fifth of them is set aside, unless its task allows a separate validation set.
"""

from __future__ import annotations

from symbench.contract import Data
from symbench.training.setup import TrainingSetup, TrialKey

_SHARE = 5  # one example in five is set aside


def set_aside(data: Data) -> tuple[Data, Data]:
    """Return the first four fifths of the data, and the last fifth (at least one example)."""
    cut = len(data) - max(1, len(data) // _SHARE)
    return Data(data.x[:cut], data.y[:cut]), Data(data.x[cut:], data.y[cut:])


def rest_and_valid(setup: TrainingSetup, key: TrialKey) -> tuple[Data, Data]:
    """Return the examples for training and those for selection, for a trial that selects."""
    data = setup.draws.train(key.n_train, key.seed).to(setup.device)
    if setup.task.separate_validation:
        return data, setup.draws.valid(key.seed).to(setup.device)
    return set_aside(data)

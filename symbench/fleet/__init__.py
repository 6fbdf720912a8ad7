"""Train all trials of a cell together, or one by one; nothing else runs an optimiser.

The trials of a cell are small networks of one architecture. Their parameters are stacked along a
leading trial axis and trained by one vectorised step (``torch.func.vmap`` over
``functional_call``); the sum of the trials' losses has, for each trial's parameters, the gradient
of that trial's loss alone, so no trial can see another. What cannot be vectorised, or is slower
so, takes the same steps one trial at a time. On CUDA a step is captured as a graph and replayed.
"""

from __future__ import annotations

from symbench.fleet.capture import Capture
from symbench.fleet.choice import Choice
from symbench.fleet.training import check_output, train
from symbench.fleet.trials import FleetChoice, Progress, Schooling, Share, Trial, TrialKey, quiet
from symbench.fleet.update import learning_rate

__all__ = [
    "Capture", "Choice", "FleetChoice", "Progress", "Schooling", "Share", "Trial", "TrialKey",
    "check_output", "learning_rate", "quiet", "train",
]  # fmt: skip

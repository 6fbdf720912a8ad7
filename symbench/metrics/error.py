"""The headline error, and the error as published papers define it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench.contract import Data, Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch


class Error(Metric):
    """Regression: E||f(x) - y||² / E||y - E y||²; classification: 1 - accuracy.

    Predicting the mean has a regression error of 1, so that errors are comparable across tasks.
    Absent if the targets do not vary. A task of loss ``own`` defines its error; a task of loss
    ``none`` has no error.
    """

    name, version, direction = "error", "1", "lower"
    summary = "normalised mean square error, or 1 - accuracy"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task trains anything."""
        return task.loss != "none"

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return ``error``, in float64 on the whole test split."""
        return headline(trained, task)


class PaperError(Metric):
    """The error as the task's papers define it, in their units; absent if it is ``error``."""

    name, version, direction = "paper_error", "1", "lower"
    unit = "the paper's"
    summary = "error as the published papers define it"

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return ``paper_error``, in float64 on the whole test split."""
        y = trained.test.y.cpu()
        y = y.double() if y.is_floating_point() else y
        value = task.paper_error(trained.prediction.cpu().double(), y)
        return {} if value is None else value


def headline(trained: Trained, task: Task) -> Scores:
    """Return the ``error`` of a trial; nothing if the targets of a regression do not vary."""
    prediction, y = trained.prediction.cpu().double(), trained.test.y.cpu()
    if task.loss == "cross-entropy":
        return float((prediction.argmax(-1) != y).double().mean())
    if task.loss == "own":
        return task.headline_error(prediction, Data(trained.test.x.cpu(), y))
    from symbench.metrics.network import variance

    spread = variance(y)
    if spread == 0:
        return {}
    return float((prediction - y.double()).flatten(1).square().sum(1).mean()) / spread

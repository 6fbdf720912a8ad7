"""Base of the scores that need the derivative of the function along a candidate algebra."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from symbench.contract import Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch

    from symbench.metrics.derivative import Derivative
    from symbench.metrics.truth import Truth

Verdicts = dict[str, float | str]
"""Score -> its value, or the reason why it is absent."""

_NO_CANDIDATE = "the test split is too small for the candidate algebra, or the algebra is too large"


class AlgebraMetric(Metric):
    """Base of the metrics that use the matrix C (``symbench.metrics.derivative``)."""

    symmetry = True

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task's group has a Lie algebra."""
        return task.symmetry is not None and len(task.symmetry.group.algebra) > 0

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the score of one trial."""
        return self.score_together([trained], task, [generator])[0]

    def score_together(
        self,
        trials: Sequence[Trained],
        task: Task,
        generators: Sequence[torch.Generator],  # noqa: ARG002
    ) -> list[Scores]:
        """Return the scores of the trials, whose matrices C are computed together.

        The reason why a score is absent is noted in the trial.
        """
        from symbench.metrics.derivative import derivatives
        from symbench.metrics.truth import truth_of

        truth = truth_of(trials[0], task)
        if truth is None or truth.nothing:
            reason = _NO_CANDIDATE if truth is None else truth.nothing
            return [noted(trained, {self.name: reason}) for trained in trials]
        matrices = derivatives(trials, task, truth.candidate)
        return [
            noted(trained, {self.name: why} if why else self.judge(trained, task, truth, C))
            for trained, C, why in zip(
                trials, matrices, self.unusable(trials, matrices), strict=True
            )
        ]

    def unusable(
        self, trials: Sequence[Trained], matrices: Sequence[Derivative]
    ) -> Sequence[str | None]:
        """Return why the function of each trial has no score of this kind; None if it has.

        The float64 network is another function than the one whose error is scored, or its
        derivative does not say how it changes.
        """
        from symbench.metrics.network import one_functions
        from symbench.metrics.steps import unsteady

        both = zip(one_functions(trials), unsteady(trials, matrices), strict=True)
        return [distinct or unsteady for distinct, unsteady in both]

    @abstractmethod
    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:
        """Return the score of a trial, and its annotations."""


def is_control(task: Task) -> bool:
    """Whether the task has no generator, and a candidate algebra or a layout to search in.

    It has no symmetry, or a finite group. Data whose symmetry is not known are no control.
    """
    if not task.symmetry_known:
        return False
    if task.symmetry is not None and len(task.symmetry.group.algebra) > 0:
        return False
    return task.layout() is not None or task.candidate_algebra() is not None


def noted(trained: Trained, verdicts: Verdicts) -> Scores:
    """Return the values, and write the reasons of absent ones into the trial."""
    trained.notes.update({name: v for name, v in verdicts.items() if isinstance(v, str)})
    return {name: v for name, v in verdicts.items() if not isinstance(v, str)}

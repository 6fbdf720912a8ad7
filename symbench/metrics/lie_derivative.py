"""The infinitesimal violation of the true symmetry, relative to that along all candidates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from symbench.contract import Metric, Model, Scores, Task, Trained

if TYPE_CHECKING:
    import torch

    from symbench.metrics.derivative import Derivative, Truth


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
        """Return the scores of the trials, whose matrices C are computed together."""
        from symbench.metrics.derivative import derivatives, truth_of

        truth = truth_of(trials[0], task)
        matrices = derivatives(trials, task)
        return [
            self.judge(trained, task, truth, C) for trained, C in zip(trials, matrices, strict=True)
        ]

    @abstractmethod
    def judge(
        self, trained: Trained, task: Task, truth: Truth | None, C: Derivative | None
    ) -> Scores:
        """Return the score of a trial from the true algebra and its matrix C.

        ``truth`` is None for a task without a candidate algebra. C is None if it vanishes.
        """


class LieDerivative(AlgebraMetric):
    """(||C Q*||² / k) / (||C||² / m): 0 for an equivariant function, 1 for a random direction.

    C is the matrix of ``symbench.metrics.derivative`` in data-whitened coordinates, with m columns.
    Q* is an orthonormal basis of the k-dimensional true algebra, the null space of C for the task's
    exact target. The score is invariant under scaling of f and under a change of basis of the
    inputs. It is computed in float64 by forward-mode differentiation, on logits for classification.
    Absent if C vanishes, if f does not vary, or if the true algebra is zero or the whole candidate.
    """

    name, version, direction = "lie_derivative", "1", "lower"
    summary = "relative violation of the true symmetry's algebra (1 = chance, 0 = exact)"
    reference = "after Moskalev et al. 2022 (LieGG)"

    def judge(
        self,
        trained: Trained,  # noqa: ARG002
        task: Task,  # noqa: ARG002
        truth: Truth | None,
        C: Derivative | None,
    ) -> Scores:
        """Return the score with its ``chance`` and, if known, the exact target's as ``ceiling``."""
        if truth is None or C is None or not truth.is_proper:
            return {}
        scores = {self.name: C.relative(truth.Q), f"{self.name}.chance": 1.0}
        if truth.target is not None:
            scores[f"{self.name}.ceiling"] = truth.target.relative(truth.Q)
        return scores

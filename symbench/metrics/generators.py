"""How well the generators of a model, explicit or extracted, match the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench.contract import Model, Scores, Task, Trained
from symbench.metrics.lie_derivative import AlgebraMetric

if TYPE_CHECKING:
    from symbench.metrics.derivative import Derivative, Truth


class GeneratorScore(AlgebraMetric):
    """Base of the scores that compare the learned algebra with the true one.

    The learned generators are those that a model of prior ``discovers`` holds (``explicit``). For
    any other model they are the k* smallest singular directions of its Lie derivative C
    (``extracted``), where k* is the dimension of the true algebra. Let k be the dimension of their
    span and O the sum of the squared principal cosines of the two spans. M = max(k, k*), and
    c = min(k, k*) / m is the chance level. m is the dimension of the candidate algebra or, for
    explicit generators, of gl(V) on the span of the data. Principal cosines are those of
    <A, B> = tr(S⁺ A S Bᵀ), S = E[x xᵀ]. Absent if the true algebra is zero or the whole candidate,
    and for extracted generators if C vanishes or f does not vary.
    """

    version, direction = "1", "higher"
    reference = "Moskalev et al. 2022 (LieGG); Björck and Golub 1973"

    def judge(
        self, trained: Trained, task: Task, truth: Truth | None, C: Derivative | None
    ) -> Scores:
        """Return the score and its annotations."""
        from symbench.metrics.spans import generator_scores

        scores = generator_scores(trained, task, truth, C)
        return {key: v for key, v in scores.items() if key.split(".")[0] == self.name}


class GeneratorCosine(GeneratorScore):
    """sqrt(O / M), or |<L, L*>| / (||L|| ||L*||) for one generator; extra generators lower it."""

    name = "generator_cosine"
    summary = "root mean square principal cosine of learned and true generators"


class GeneratorCosineFrobenius(GeneratorScore):
    """The same as ``generator_cosine`` in the plain Frobenius product, tr(A Bᵀ)."""

    name = "generator_cosine_frobenius"
    summary = "generator_cosine in the plain Frobenius product"


class GeneratorOverlap(GeneratorScore):
    """(O / M - c) / (1 - c): 0 is chance, 1 is exact."""

    name = "generator_overlap"
    summary = "chance-adjusted overlap of learned and true generators"


class GeneratorWorstCosine(GeneratorScore):
    """The smallest cosine between a true generator and the learned span; 0 if one is missing."""

    name = "generator_worst_cosine"
    summary = "worst principal cosine of learned and true generators"


class GeneratorPrecision(GeneratorScore):
    """O / k of explicit generators, or of the directions that ``generators_found`` counts."""

    name = "generator_precision"
    summary = "fraction of the learned generators that is true"


class GeneratorRecall(GeneratorScore):
    """O / k* of explicit generators, or of the directions that ``generators_found`` counts."""

    name = "generator_recall"
    summary = "fraction of the true generators that is learned"


class GeneratorsFound(GeneratorScore):
    """How many directions of C mark a symmetry; ``truth`` is how many there are.

    It counts squared singular values below 0.05 of their mean, if the next one is larger by a
    factor of at least 10. On a control without symmetry the right answer is 0.
    """

    name = "generators_found"
    summary = "number of symmetry directions of the function"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the task's group has a Lie algebra, or a control states a candidate or layout."""
        if task.symmetry is not None:
            return super().applies(task, model)
        return task.layout() is not None or task.candidate_algebra() is not None

    def judge(
        self,
        trained: Trained,  # noqa: ARG002
        task: Task,  # noqa: ARG002
        truth: Truth | None,
        C: Derivative | None,
    ) -> Scores:
        """Return the number; absent if C vanishes or f does not vary."""
        if truth is None or C is None:
            return {}
        return {self.name: float(C.symmetries), f"{self.name}.truth": float(len(truth.Q))}

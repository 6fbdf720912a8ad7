"""How well the generators that a model holds, or that its function keeps, match the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench.contract import Model, Scores, Task, Trained
from symbench.metrics.lie_derivative import AlgebraMetric

if TYPE_CHECKING:
    from symbench.metrics.derivative import Derivative, Truth


class GeneratorScore(AlgebraMetric):
    """Base of the scores that compare the learned algebra with the true one.

    Learned are the generators that a model of prior ``discovers`` holds, where it holds any
    (``explicit``), or else the k* least singular directions of its Lie derivative C
    (``extracted``), k* being the dimension of the true algebra. With k the dimension of their
    span, O is the sum of the squared principal cosines of the two spans, M = max(k, k*) and
    c = min(k, k*) / m the chance level, m the dimension in which they were looked for: that of the
    candidate algebra, or for explicit generators of gl(V) on the span of the data. Principal
    cosines are those of <A, B> = tr(S⁺ A S Bᵀ), S = E[x xᵀ]. Absent where the true algebra is
    zero or the whole candidate, and for extracted generators where C vanishes or f does not vary.
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
    """sqrt(O / M): |<L, L*>| / (||L|| ||L*||) for one generator; announcing too many costs."""

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
    """The least cosine between a true generator and the learned span: 0 if one is missing."""

    name = "generator_worst_cosine"
    summary = "worst principal cosine of learned and true generators"


class GeneratorPrecision(GeneratorScore):
    """O / k where the number was not given: explicit generators, or ``generators_found``."""

    name = "generator_precision"
    summary = "part of the learned generators that is true"


class GeneratorRecall(GeneratorScore):
    """O / k* where the number was not given: explicit generators, or ``generators_found``."""

    name = "generator_recall"
    summary = "part of the true generators that is learned"


class GeneratorsFound(GeneratorScore):
    """How many directions of C mark a symmetry; ``truth`` is how many there are.

    Squared singular values below 0.05 of their mean, with a factor of at least 10 between them
    and the next. On a control without symmetry 0 is the right answer.
    """

    name = "generators_found"
    summary = "number of symmetry directions that the function keeps"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the task's group has a Lie algebra, or a control declares a candidate."""
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
        """Return the number; absent where C vanishes or f does not vary."""
        if truth is None or C is None:
            return {}
        return {self.name: float(C.symmetries), f"{self.name}.truth": float(len(truth.Q))}

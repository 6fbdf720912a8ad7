"""How well the generators that the trained function keeps match the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from symbench.contract import Direction, Task, Trained
from symbench.metrics.infinitesimal import AlgebraMetric, Verdicts

if TYPE_CHECKING:
    from symbench.metrics.derivative import Derivative
    from symbench.metrics.truth import Truth


class GeneratorScore(AlgebraMetric):
    """Base of the scores that compare the algebra that a function keeps with the true one.

    The generators are extracted from the function, for every model alike: they are the k* smallest
    singular directions of its derivative C, where k* is the dimension of the true algebra. Let O be
    the sum of the squared principal cosines of the two spans, and c = k* / m the chance level,
    where m is the dimension of the candidate algebra. Principal cosines are those of
    <A, B> = tr(S⁺ A S Bᵀ), S = E[x xᵀ]. ``reference`` is the score of the exact target. Absent if
    the true algebra is zero or the whole candidate, if C vanishes, or if f does not vary.
    """

    version = "2"
    direction: ClassVar[Direction] = "higher"
    reference = "Moskalev et al. 2022 (LieGG); Björck and Golub 1973"

    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:  # noqa: ARG002
        """Return the score and its annotations."""
        from symbench.metrics.extraction import extracted

        if not truth.is_proper:
            return {self.name: "the true algebra is zero or the whole candidate algebra"}
        if truth.contradicted:
            return {self.name: truth.contradicted}
        if C.problem:
            return {self.name: f"the function {C.problem}"}
        return of_name(self.name, extracted(trained, truth, C))


def of_name(name: str, verdicts: Verdicts) -> Verdicts:
    """Return one score and its annotations."""
    return {key: verdict for key, verdict in verdicts.items() if key.partition(".")[0] == name}


class GeneratorCosine(GeneratorScore):
    """``sqrt(O / k*)``; for one generator ``|<L, L*>| / (||L|| ||L*||)``."""

    name = "generator_cosine"
    summary = "root mean square principal cosine of extracted and true generators"


class GeneratorCosineFrobenius(GeneratorScore):
    """The same as ``generator_cosine`` in the plain Frobenius product, tr(A Bᵀ)."""

    name = "generator_cosine_frobenius"
    summary = "generator_cosine in the plain Frobenius product"


class GeneratorOverlap(GeneratorScore):
    """(O / k* - c) / (1 - c): 0 is chance, 1 is exact."""

    name = "generator_overlap"
    summary = "chance-adjusted overlap of extracted and true generators"


class GeneratorWorstCosine(GeneratorScore):
    """The smallest cosine between a true generator and the extracted span."""

    name = "generator_worst_cosine"
    summary = "worst principal cosine of extracted and true generators"


class GeneratorPrecision(GeneratorScore):
    """O / k of the k directions that ``generators_found`` counts."""

    name = "generator_precision"
    summary = "fraction of the generators found that is true"


class GeneratorRecall(GeneratorScore):
    """O / k* of the k directions that ``generators_found`` counts."""

    name = "generator_recall"
    summary = "fraction of the true generators that is found"


class GeneratorClosure(GeneratorScore):
    """The part of the brackets of the k* generators outside their span.

    See ``symbench.metrics.algebra.closure_error``: 0 for an algebra, about the square root of the
    share of matrices outside it for a random span.
    """

    name, direction = "generator_closure", "lower"
    summary = "how far the extracted generators are from a Lie algebra"

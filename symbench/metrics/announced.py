"""How well the generators that a model announces match the true ones, and what keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from symbench.contract import Direction, Model, Task, Trained
from symbench.metrics.generators import of_name
from symbench.metrics.infinitesimal import AlgebraMetric, Verdicts, is_control

if TYPE_CHECKING:
    from symbench.metrics.derivative import Derivative
    from symbench.metrics.truth import Truth


class AnnouncedScore(AlgebraMetric):
    """Base of the scores of the generators that a model of prior ``discovers`` announces.

    Let k be the dimension of their span, k* that of the true algebra, O the sum of the squared
    principal cosines of the two spans, M = max(k, k*), and c = min(k, k*) / m, where m is the
    dimension of gl(V) on the span of the data. Principal cosines are those of
    <A, B> = tr(S⁺ A S Bᵀ), S = E[x xᵀ]. Matrices that are zero announce nothing.

    ``chance`` is the score of the same model before training (at the largest n_train). ``guess`` is
    that of the better of two guesses which ignore the labels: so(d), and the isometries of the
    inputs' second moment. ``reference`` is the score of the generators with which the model's
    parametrisation fits the exact solution best, or else of those of the exact target. It can be
    passed.
    """

    version = "1"
    direction: ClassVar[Direction] = "higher"
    reference = "Björck and Golub 1973 (principal angles)"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the model discovers, and there is an algebra in which it can do so."""
        return model.prior == "discovers" and super().applies(task, model)

    def unusable(
        self,
        trials: Sequence[Trained],
        matrices: Sequence[Derivative],  # noqa: ARG002
    ) -> Sequence[str | None]:
        """Return why there is no score; the derivative of the function is no reason."""
        from symbench.metrics.network import one_functions

        return one_functions(trials)

    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:
        """Return the score and its annotations; nothing if the model announces nothing."""
        from symbench.metrics.announcement import announcement

        return of_name(self.name, announcement(trained, task, truth, C))


class AnnouncedOnControls(AnnouncedScore):
    """Base of the scores that need no true generator, so that controls have them too."""

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the model discovers, and the task has an algebra or is a control."""
        return super().applies(task, model) or (model.prior == "discovers" and is_control(task))


class AnnouncedOverlap(AnnouncedScore):
    """(O / M - c) / (1 - c): 0 for random generators, 1 is exact; extra generators lower it."""

    name = "announced_overlap"
    summary = "chance-adjusted overlap of announced and true generators"


class AnnouncedCosine(AnnouncedScore):
    """``sqrt(O / M)``; for one generator ``|<L, L*>| / (||L|| ||L*||)``. Extra ones lower it."""

    name = "announced_cosine"
    summary = "root mean square principal cosine of announced and true generators"


class AnnouncedWorstCosine(AnnouncedScore):
    """The smallest cosine between a true generator and the announced span; 0 if one is missing."""

    name = "announced_worst_cosine"
    summary = "worst principal cosine of announced and true generators"


class AnnouncedPrecision(AnnouncedScore):
    """O / k; absent if nothing is announced."""

    name = "announced_precision"
    summary = "fraction of the announced generators that is true"


class AnnouncedRecall(AnnouncedScore):
    """O / k*."""

    name = "announced_recall"
    summary = "fraction of the true generators that is announced"


class AnnouncedClosure(AnnouncedOnControls):
    """The part of the brackets of the announced generators outside their span.

    See ``symbench.metrics.algebra.closure_error``: 0 for an algebra, about the square root of the
    share of matrices outside it for a random span.
    """

    name, direction = "announced_closure", "lower"
    summary = "how far the announced generators are from a Lie algebra"


class AnnouncedCount(AnnouncedOnControls):
    """k, the dimension of the span of the announced generators."""

    name = "announced_count"
    summary = "number of independent generators announced"


class AnnouncedDefect(AnnouncedOnControls):
    """The largest relative defect of an announced generator on the exact target.

    δ(A)² = E||Df(x)[drho_in(A)x] - drho_out(A)f(x)||²
    / E(||Df(x)||² ||drho_in(A)x||² + ||drho_out(A)f(x)||²), over the test inputs. ``bound`` is the
    one-sided 95 % bound by the bootstrap over test inputs.
    """

    name, direction = "announced_defect", "lower"
    summary = "largest relative defect of an announced generator on the exact target"


class AnnouncedOwnDefect(AnnouncedOnControls):
    """The largest relative defect of an announced generator on the model's own function.

    The denominator is that of the function or of the exact target, whichever is smaller.
    """

    name, direction = "announced_own_defect", "lower"
    summary = "largest relative defect of an announced generator on the model's own function"


class AnnouncedUnconnected(AnnouncedOnControls):
    """How many announced generators the model's own function does not keep.

    It is k less the dimension of the span of those that the function keeps: the ones whose bound on
    the model's own function is below 0.2. A function that does not vary, or whose derivative does
    not say how it changes, keeps none.
    """

    name, direction = "announced_unconnected", "lower"
    summary = "number of announced generators that the model's own function does not keep"

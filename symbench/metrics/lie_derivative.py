"""The infinitesimal violation of the true symmetry, in the unit of the exact target or data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench.contract import Task, Trained
from symbench.metrics.infinitesimal import AlgebraMetric, Verdicts

if TYPE_CHECKING:
    from symbench.metrics.derivative import Derivative
    from symbench.metrics.truth import Truth


class LieDerivative(AlgebraMetric):
    """(||C Q*||² / k) / unit: 0 for an equivariant function.

    C is the matrix of ``symbench.metrics.derivative`` in data-whitened coordinates, with m columns;
    squares are means over the test inputs. Q* is an orthonormal basis of the k-dimensional true
    algebra, the null space of C* for the task's exact target. The unit is ||C*||² / m. Where no
    exact target is known, it is that of a linear function with the variance of the data:
    E||y - E y||² / d, and the mean of E||drho_out(A) y||² over the candidate basis. The model owns
    no part of the unit, so a function gains nothing by a large derivative elsewhere. A function as
    steep as the target without a preferred direction has 1 (``chance``).

    It is computed in float64 by automatic differentiation. For classification f is the vector of
    probabilities at the calibrated temperature, and y is one-hot. Absent if f does not vary, or if
    the true algebra is zero or the whole candidate.
    """

    name, version, direction = "lie_derivative", "2", "lower"
    summary = "violation of the true symmetry's algebra (1 = a function as steep as the target)"
    reference = "after Moskalev et al. 2022 (LieGG)"

    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:
        """Return the score with its ``chance`` and, if known, the exact target's ``reference``."""
        from symbench.metrics.derivative import NO_SLOPE

        if not truth.is_proper:
            return {self.name: "the true algebra is zero or the whole candidate algebra"}
        if truth.contradicted:
            return {self.name: truth.contradicted}
        if C.problem in NO_SLOPE:
            return {self.name: f"the function {C.problem}"}
        if not (unit := truth.unit(trained.test, task)) > 0:
            return {self.name: "neither an exact target nor the test data give a unit"}
        scores: Verdicts = {
            self.name: C.mean_square(truth.Q) / unit,
            f"{self.name}.chance": 1.0,
        }
        if truth.target is not None:
            scores[f"{self.name}.reference"] = truth.target.mean_square(truth.Q) / unit
        return scores

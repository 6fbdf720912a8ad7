"""How often a decision changes when its input moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symbench.contract import Model, Scores, Task, Trained
from symbench.metrics.equivariance import OrbitMetric

if TYPE_CHECKING:
    from symbench.metrics.orbits import Orbit


class DecisionChange(OrbitMetric):
    """What a violation of the symmetry does to decisions; the scale of the outputs has no effect.

    Classes: P(argmax f(rho_in(g) x) is not argmax rho_out(g) f(x)). A task of loss ``own``: the
    mean over test examples (x, y) of the distance between the headline errors of (rho_in(g) x,
    rho_out(g) y) and of (x, y), each of a single example. The pairs are those of
    ``equivariance_error``. Absent for a regression, which decides nothing.
    """

    name, version, direction = "decision_change", "1", "lower"
    summary = "share of the decisions that change when the input moves"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the task has a symmetry, and classes or a loss of its own."""
        return super().applies(task, model) and task.loss in ("cross-entropy", "own")

    def judge(self, trained: Trained, task: Task, orbit: Orbit) -> Scores:  # noqa: ARG002
        """Return the change."""
        return {} if orbit.changed is None else orbit.changed

"""How many generators a function keeps, and false findings on controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symbench.contract import Model, Task, Trained
from symbench.metrics.infinitesimal import AlgebraMetric, Verdicts, is_control

if TYPE_CHECKING:
    from symbench.metrics.derivative import Derivative
    from symbench.metrics.truth import Truth

_LOOSE = 0.10  # tolerance of a false finding


class GeneratorsFound(AlgebraMetric):
    """How many singular directions of C the function keeps within a tolerance.

    A direction A counts if the one-sided 95 % bound of its relative defect δ(A) is below 0.05
    (``symbench.metrics.defect``; 200 bootstrap draws over the test inputs). The denominator of δ is
    that of the function or of the exact target, whichever is smaller. ``at_02`` and ``at_10`` are
    the counts at the tolerances 0.02 and 0.10, and ``truth`` is how many there are. ``floor`` is
    the relative defect that the function's error f - f* has on average over the candidate algebra:
    a tolerance below it cannot be met. On a control, and where the group is finite, the right
    answer is 0.
    """

    name, version, direction = "generators_found", "2", "higher"
    summary = "number of generators that the function keeps to 5 %"

    def applies(self, task: Task, model: Model) -> bool:
        """Whether the task's group has a Lie algebra, or a control states a candidate or layout."""
        return is_control(task) or super().applies(task, model)

    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:  # noqa: ARG002
        """Return the numbers; absent if C vanishes or f does not vary."""
        from symbench.metrics.extraction import TAU, bounds

        if truth.contradicted:
            return {self.name: truth.contradicted}
        if C.problem:
            return {self.name: f"the function {C.problem}"}
        found = bounds(trained, truth, C)
        tolerances = {self.name: TAU, f"{self.name}.at_02": 0.02, f"{self.name}.at_10": _LOOSE}
        counts: Verdicts = {name: float((found < t).sum()) for name, t in tolerances.items()}
        counts[f"{self.name}.truth"] = float(len(truth.Q))
        floor = truth.floor(C)
        return counts if floor is None else counts | {f"{self.name}.floor": floor}


class FalseFinding(AlgebraMetric):
    """1 if a model finds a generator on a control, where there is none; 0 if not.

    A task without symmetry is a control, and so is one whose group is finite. A model that
    announces generators has found one if it announces any. Any other model has found one if a
    direction of its derivative counts at the tolerance 0.10 (``generators_found.at_10``).
    """

    name, version, direction = "false_finding", "1", "lower"
    summary = "1 if a generator is announced or found where there is none"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task is a control that states a candidate or a layout."""
        return is_control(task)

    def unusable(
        self, trials: Sequence[Trained], matrices: Sequence[Derivative]
    ) -> Sequence[str | None]:
        """Return why there is no score; what is announced counts whatever the function is."""
        whys = zip(trials, super().unusable(trials, matrices), strict=True)
        return [None if trained.model.prior == "discovers" else why for trained, why in whys]

    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:  # noqa: ARG002
        """Return 0 or 1; absent if the exact target of the control has a symmetry after all."""
        from symbench.metrics.announcement import announced_by
        from symbench.metrics.extraction import bounds

        if not truth.is_zero:
            return {self.name: "the exact target of this control keeps a generator"}
        announced = announced_by(trained, truth)
        if isinstance(announced, str):
            return {self.name: announced}
        if announced is not None:
            return {self.name: float(len(announced) > 0)}
        if why := super().unusable([trained], [C])[0]:
            return {self.name: why}
        if C.problem:
            return {self.name: f"the function {C.problem}"}
        return {self.name: float((bounds(trained, truth, C) < _LOOSE).any())}

"""Whether what a model announces depends on the data at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from symbench.contract import Direction, Task, Trained
from symbench.metrics.announced import AnnouncedScore
from symbench.metrics.infinitesimal import Verdicts

if TYPE_CHECKING:
    from torch import Tensor

    from symbench.metrics.derivative import Derivative
    from symbench.metrics.truth import Truth

_ALIKE = 0.9  # overlap from which the moved announcement cannot be told from the first


class AnnouncedUnmoved(AnnouncedScore):
    """How much of what a model announces it announces again after training on moved data.

    The model is trained a second time, with the first seed and the largest n_train, on the data
    (rho_in(g) x, rho_out(g) y) for one fixed g of GL(V). Generators L that were learned become
    g L g⁻¹. The score is O / max(k, k') of the two announced spans: 1 for generators that are
    written into the model. Absent if g L g⁻¹ would overlap with L by 0.9 or more.
    """

    name, version = "announced_unmoved", "1"
    direction: ClassVar[Direction] = "lower"
    summary = "overlap of announced generators with those announced from moved data"

    def judge(self, trained: Trained, task: Task, truth: Truth, C: Derivative) -> Verdicts:  # noqa: ARG002
        """Return the score of the trial whose model was trained twice; nothing for the others."""
        from symbench.metrics.announcement import announced_by
        from symbench.metrics.moved import move_of

        L, g = announced_by(trained, truth), move_of(task, truth.candidate)
        if trained.moved is None or g is None or L is None or isinstance(L, str) or not len(L):
            return {}
        if (alike := _overlap(L, g @ L @ g.inverse(), truth)) >= _ALIKE:
            return {self.name: f"moving the data moves the announced generators by {1 - alike:.2g}"}
        again = announced_by(replace(trained, module=trained.moved, memo={}), truth)
        if again is None or isinstance(again, str):
            return {self.name: f"from moved data {again or 'no generator is announced'}"}
        return {self.name: _overlap(L, again, truth)}


def _overlap(first: Tensor, second: Tensor, truth: Truth) -> float:
    """Return O / max(k, k') of two spans of generators."""
    from symbench.metrics.algebra import orthonormal, principal_cosines

    a, b = (orthonormal(truth.candidate.whitening(L).flatten(1)) for L in (first, second))
    if not len(a) or not len(b):
        return 0.0
    return float(principal_cosines(a, b).square().sum()) / max(len(a), len(b))

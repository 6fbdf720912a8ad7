"""The true algebra of a task: what its exact target keeps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from symbench.contract import Data, Task, Trained
from symbench.metrics.algebra import null_space, orthonormal
from symbench.metrics.candidate import Candidate, candidate
from symbench.metrics.defect import Defects
from symbench.metrics.derivative import Derivative
from symbench.metrics.network import once_per_cell, spaced, variance

_SAME = 1e-6  # spans whose principal cosines exceed 1 - this are equal


@dataclass(frozen=True)
class Truth:
    """The true algebra of a task within its candidate.

    Attributes:
        candidate: the algebra in which it is sought.
        Q: orthonormal rows [k, m] in the coordinates of the candidate's basis; k may be 0.
        target: the derivative of the task's exact target, if it has one.
        declared: the algebra of the task's group [any, d, d]; empty for a control.
        nothing: why there is nothing to find, where the exact target keeps everything.
    """

    candidate: Candidate
    Q: Tensor
    target: Derivative | None
    declared: Tensor
    nothing: str = ""

    @cached_property
    def generators(self) -> Tensor:
        """A basis [k, d, d] of the true algebra: that of the declared group if the spans are equal.

        On degenerate data many matrices act alike, and Q holds only the smallest of them.
        """
        declared = orthonormal(self.candidate.coordinates(self.declared))
        if len(declared) == len(self.Q) > 0:
            smallest = float(torch.linalg.svdvals(declared @ self.Q.mT)[-1])
            if smallest > 1 - _SAME:
                return self.declared
        return torch.einsum("km,mij->kij", self.Q, self.candidate.basis)

    @property
    def is_exact(self) -> bool:
        """Whether the exact target has the true algebra as symmetries, to rounding."""
        return self.target is not None and null_space(self.target.squares) == len(self.Q)

    @property
    def contradicted(self) -> str:
        """Why no function is compared with the declared algebra: the exact target does not keep it.

        Empty if it does, or if no exact target is known.
        """
        if len(self.Q) == 0 or self.target is None or self.is_exact:
            return ""
        return "the exact target does not keep the declared generators"

    @property
    def is_zero(self) -> bool:
        """Whether the task is a control: there is no symmetry to find."""
        return len(self.Q) == 0 and not self.nothing

    @property
    def is_proper(self) -> bool:
        """Whether the algebra is neither zero nor the whole candidate."""
        return 0 < len(self.Q) < self.Q.shape[1]

    def bounds(self, C: Derivative) -> Tensor:
        """Return the bounds [m] of the relative defects of the directions of C.

        The exact target's derivative, where it is known, limits the denominator.
        """
        return self._limited(C, C.directions).bounds

    def floor(self, C: Derivative) -> float | None:
        """Return the mean relative defect of the function's error f - f*, in units of f.

        It is what the error puts under the defect of a generator that the exact target keeps. None
        if no exact target is known.
        """
        if self.target is None:
            return None
        error = (C.C - self.target.C).square().sum(1)
        units = self._limited(C, torch.eye(len(self.candidate.basis), dtype=torch.float64))
        return Defects(error, units.possible).mean

    def _limited(self, C: Derivative, Q: Tensor) -> Defects:
        own = C.defects(Q)
        return own if self.target is None else own.within(self.target.defects(Q))

    def unit(self, test: Data, task: Task) -> float:
        """Return E||C A||² of a function as steep as the target, on average over unit A.

        It is that of the exact target. Where no target is known, it is that of a linear function
        with the variance of the data y and no preferred direction: E||y - E y||² / d, and the mean
        of E||drho_out(A) y||² over the candidate basis. y is one-hot for classification. It is 0
        where y is no value of the function, or does not vary.
        """
        if self.target is not None:
            return self.target.mean_square()
        y = test.y.cpu()
        if task.loss == "cross-entropy":
            y = torch.nn.functional.one_hot(y, torch.Size(task.output_shape).numel())
        if y.shape[1:] != torch.Size(task.output_shape):
            return 0.0
        y = y.double()
        turned = self.candidate.turned(spaced(y, len(self.candidate.x)).flatten(1))
        moved = variance(y) / len(self.candidate.whitening.whiten)
        return moved + float(turned.square().sum(2).mean())


def true_algebra(task: Task, inputs: Tensor) -> Truth | None:
    """Return the true algebra on test inputs: the null space of C for the exact target.

    Without an exact target, or without a clear gap above its null space, it is the algebra of the
    declared group; the exact target may contradict it. None if the task has neither a symmetry nor
    a candidate algebra, or if the candidate is too large for its data.
    """
    if (within := candidate(task, inputs)) is None:
        return None
    # the layout of a control is not a symmetry
    declared = within.basis[:0] if task.symmetry is None else task.symmetry.group.algebra
    target = _target(task, within)
    if target is not None and target.problem:
        whole = torch.eye(len(within.basis), dtype=torch.float64)
        return Truth(within, whole, None, declared, f"the exact target {target.problem}")
    k = None if target is None else null_space(target.squares)
    if target is not None and k is not None:
        return Truth(within, target.directions[:k], target, declared)
    return Truth(within, orthonormal(within.coordinates(declared)), target, declared)


def truth_of(trained: Trained, task: Task) -> Truth | None:
    """Return ``true_algebra`` on the trial's test inputs, computed once per cell."""
    return once_per_cell(trained, "true_algebra", lambda: true_algebra(task, trained.test.x))


def _target(task: Task, within: Candidate) -> Derivative | None:
    exact = task.target(within.x)
    if exact is None or not exact.is_floating_point():
        return None
    return Derivative.of(within, task.target)  # type: ignore[arg-type]

"""The Lie derivative of a function along a candidate algebra, as one matrix C.

Row (probe x, output o) of C is the linear form A ↦ (Df(x)[drho_in(A) x] - drho_out(A) f(x))_o in
an orthonormal basis of the candidate algebra. f is equivariant under exp(tA) if and only if C A = 0
at every x. After Moskalev et al. 2022 (LieGG), where f is invariant; here f has any output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from symbench.contract import Task, Trained
from symbench.metrics.algebra import null_space, orthonormal, small_directions
from symbench.metrics.candidate import Candidate, candidate
from symbench.metrics.network import Networks, once_each, once_per_cell

_SAME = 1e-6  # spans whose principal cosines exceed 1 - this are equal


@dataclass(frozen=True)
class Derivative:
    """C of one function, and its singular directions.

    Attributes:
        C: [rows, m].
    """

    C: Tensor

    @cached_property
    def _svd(self) -> tuple[Tensor, Tensor]:
        _, values, directions = torch.linalg.svd(self.C, full_matrices=False)
        return values.square().flip(0), directions.flip(0)

    @property
    def squares(self) -> Tensor:
        """Squared singular values [m], ascending."""
        return self._svd[0]

    @property
    def directions(self) -> Tensor:
        """Right singular vectors, rows of [m, m], in the same order."""
        return self._svd[1]

    @property
    def symmetries(self) -> int:
        """How many of the directions mark a symmetry, by ``small_directions``."""
        return small_directions(self.squares)

    def relative(self, Q: Tensor) -> float:
        """Return (||C Qᵀ||² / k) / (||C||² / m) for orthonormal rows Q [k, m]."""
        k, m = Q.shape
        return float((self.C @ Q.mT).square().sum() / k / (self.C.square().sum() / m))


@dataclass(frozen=True)
class Truth:
    """The true algebra of a task within its candidate.

    Attributes:
        candidate: the algebra in which it is sought.
        Q: orthonormal rows [k, m] in the coordinates of the candidate's basis; k may be 0.
        target: C of the task's exact target, if it has one.
        declared: the algebra of the task's group [any, d, d]; empty for a control.
    """

    candidate: Candidate
    Q: Tensor
    target: Derivative | None
    declared: Tensor

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
    def is_proper(self) -> bool:
        """Whether the algebra is neither zero nor the whole candidate."""
        return 0 < len(self.Q) < self.Q.shape[1]


def true_algebra(task: Task, inputs: Tensor) -> Truth | None:
    """Return the true algebra on test inputs: the null space of C for the exact target.

    Without an exact target, or without a clear gap above its null space, it is the algebra of the
    declared group. None if the task has neither a symmetry nor a candidate algebra, or if the
    candidate is too large for its data.
    """
    if (within := candidate(task, inputs)) is None:
        return None
    target = _target(task, within)
    # the layout of a control is not a symmetry
    declared = within.basis[:0] if task.symmetry is None else task.symmetry.group.algebra
    k = None if target is None else null_space(target.squares)
    if target is not None and k is not None:
        return Truth(within, target.directions[:k], target, declared)
    return Truth(within, orthonormal(within.coordinates(declared)), target, declared)


def truth_of(trained: Trained, task: Task) -> Truth | None:
    """Return ``true_algebra`` on the trial's test inputs, computed once per cell."""
    return once_per_cell(trained, "true_algebra", lambda: true_algebra(task, trained.test.x))


def derivatives(trials: Sequence[Trained], task: Task) -> list[Derivative | None]:
    """Return C of the trials of a cell (of logits, for classification), computed once together."""

    def compute(missing: Sequence[Trained]) -> list[Derivative | None]:
        if (truth := truth_of(missing[0], task)) is None:
            return [None] * len(missing)
        matrices = truth.candidate.matrices(Networks.of(missing))
        return [None if C is None else Derivative(C) for C in matrices]

    return once_each(trials, "derivative", compute)


def _target(task: Task, within: Candidate) -> Derivative | None:
    exact = task.target(within.x)
    if exact is None or not exact.is_floating_point():
        return None
    C = within.matrix(task.target)  # type: ignore[arg-type]
    return None if C is None else Derivative(C)

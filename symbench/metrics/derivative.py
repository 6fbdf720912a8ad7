"""The Lie derivative of a function along a candidate algebra, as one matrix C.

Row (probe x, output o) of C is the linear form A ↦ (Df(x)[drho_in(A) x] - drho_out(A) f(x))_o in
an orthonormal basis of the candidate algebra; f is equivariant under exp(tA) exactly where C A = 0
at every x. After Moskalev et al. 2022 (LieGG), whose f is invariant; here f has any output.
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

_SAME = 1e-6  # principal cosines above 1 - this are those of equal spans


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
        candidate: where it is looked for.
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
        """A basis [k, d, d] of the true algebra: the declared one, where that is the same.

        On degenerate data many matrices act alike, and those of Q are but the smallest of them.
        """
        stated = orthonormal(self.candidate.coordinates(self.declared))
        if len(stated) == len(self.Q) > 0:
            least = float(torch.linalg.svdvals(stated @ self.Q.mT)[-1])
            if least > 1 - _SAME:
                return self.declared
        return torch.einsum("km,mij->kij", self.Q, self.candidate.basis)

    @property
    def is_exact(self) -> bool:
        """Whether the exact target keeps the true algebra to rounding."""
        return self.target is not None and null_space(self.target.squares) == len(self.Q)

    @property
    def is_proper(self) -> bool:
        """Whether the algebra is neither zero nor the whole candidate, so that it can be found."""
        return 0 < len(self.Q) < self.Q.shape[1]


def true_algebra(task: Task, inputs: Tensor) -> Truth | None:
    """Return the true algebra on test inputs: the null space of C for the exact target.

    Without an exact target, or where its null space has no clear gap above it, it is the declared
    group's algebra. None if the task has neither a symmetry nor a candidate algebra, or a
    candidate too large for its data.
    """
    if (within := candidate(task, inputs)) is None:
        return None
    target = _target(task, within)
    # a control has no algebra, and its layout is no symmetry
    declared = within.basis[:0] if task.symmetry is None else task.symmetry.group.algebra
    k = None if target is None else null_space(target.squares)
    if target is not None and k is not None:
        return Truth(within, target.directions[:k], target, declared)
    return Truth(within, orthonormal(within.coordinates(declared)), target, declared)


def truth_of(trained: Trained, task: Task) -> Truth | None:
    """Return ``true_algebra`` on the trial's test inputs, computed once for a cell."""
    return once_per_cell(trained, "true_algebra", lambda: true_algebra(task, trained.test.x))


def derivatives(trials: Sequence[Trained], task: Task) -> list[Derivative | None]:
    """Return C of trials of a cell (on logits, for classification), computed once and together."""

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

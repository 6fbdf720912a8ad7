"""The derivative of a function along a candidate algebra, as one matrix C.

Row (probe x, output o) of C is the linear form A ↦ (Df(x)[drho_in(A) x] - drho_out(A) f(x))_o in
an orthonormal basis of the candidate algebra. f is equivariant under exp(tA) if and only if C A = 0
at every x. After Moskalev et al. 2022 (LieGG), where f is invariant; here f has any output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symbench.contract import Task, Trained
from symbench.metrics.candidate import Candidate, along
from symbench.metrics.defect import Defects
from symbench.metrics.network import (
    Evaluation,
    Function,
    Networks,
    once_each,
    rounding,
    variance,
    varies,
)
from symbench.metrics.slope import Slope

_GENERATORS = 64  # whose defects are computed at once
NO_SLOPE = ("does not vary", "has no finite derivative")  # problems of functions without scores


@dataclass(frozen=True)
class Derivative:
    """C of one function, its singular directions, and the defects of generators.

    Attributes:
        within: the candidate algebra, of m dimensions.
        slope: the values and derivatives of the function.
        turned: drho_out(A) f(x) for every A of the basis, [m, n, output_size].
        C: [n, output_size, m].
        squares: squared singular values of C, ascending; [0] if there is a ``problem``.
        directions: right singular vectors, rows of [m, m], in the same order.
        problem: what f does where C has no directions, such as "does not vary".
    """

    within: Candidate
    slope: Slope
    turned: Tensor
    C: Tensor
    squares: Tensor
    directions: Tensor
    problem: str = ""

    @classmethod
    def each(cls, within: Candidate, slopes: Sequence[Slope]) -> list[Derivative]:
        """Return the derivatives of several functions, decomposed together."""
        turned = [within.turned(slope.value) for slope in slopes]
        forms = [(s.along - t).permute(1, 2, 0) for s, t in zip(slopes, turned, strict=True)]
        problems = [_problem(*pair) for pair in zip(slopes, forms, strict=True)]
        usable = [C.flatten(0, 1) for C, bad in zip(forms, problems, strict=True) if not bad]
        decomposed = iter(_decomposed(usable))
        empty = within.x.new_zeros(0), within.x.new_zeros(0, len(within.basis))
        return [
            cls(within, slope, turn, C, *(empty if bad else next(decomposed)), bad)
            for slope, turn, C, bad in zip(slopes, turned, forms, problems, strict=True)
        ]

    @classmethod
    def of(cls, within: Candidate, f: Function) -> Derivative:
        """Return the derivative of a function that is not a network."""
        return cls.each(within, [within.probing.of(f)])[0]

    def mean_square(self, Q: Tensor | None = None) -> float:
        """Return the mean of E||C A||² over orthonormal rows A of Q [k, m], or over the basis."""
        C = self.C if Q is None else self.C @ Q.mT
        return float(C.square().sum((1, 2)).mean()) / C.shape[2]

    def defects(self, Q: Tensor) -> Defects:
        """Return the relative defects of the directions Q [k, m] of the candidate algebra."""
        moved, slope, turned = (
            torch.einsum("km,mni->kni", Q, part)
            for part in (self.within.tangents, self.slope.along, self.turned)
        )
        return Defects.of(self.slope.square, moved, slope, turned)

    def defects_of(self, A: Tensor) -> Defects:
        """Return the relative defects of any generators A [k, d, d] on the defining space."""
        parts = [self._defects_of(some) for some in A.split(_GENERATORS)]
        violated = torch.cat([part.violated for part in parts], 1)
        return Defects(violated, torch.cat([part.possible for part in parts], 2))

    def _defects_of(self, A: Tensor) -> Defects:
        moved = self.within.moved(A)
        turned = along(self.within.symmetry.output, A, self.slope.value)
        return Defects.of(self.slope.square, moved, self.slope.derivatives(moved), turned)


def _problem(slope: Slope, C: Tensor) -> str:
    if not C.shape[2]:
        return "has no candidate algebra: the inputs are too few"
    if not bool(C.isfinite().all() & slope.square.isfinite().all()):
        return "has no finite derivative"
    value = slope.value.to(slope.x.dtype)
    if not varies(value):
        return "does not vary"
    if float(C.square().mean()) <= rounding(value.dtype) ** 2 * variance(value):
        return "keeps every generator of the candidate algebra"
    return ""


def _decomposed(matrices: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Return the squared singular values, ascending, and the right vectors of each matrix."""
    if not matrices:
        return []
    _, values, directions = torch.linalg.svd(torch.stack(list(matrices)), full_matrices=False)
    return list(zip(values.square().flip(1), directions.flip(1), strict=True))


def derivatives(trials: Sequence[Trained], task: Task, within: Candidate) -> list[Derivative]:
    """Return the derivatives of the trials of a cell, computed once together.

    For classification the function is that of the probabilities, at the trial's temperature.
    """

    def compute(missing: Sequence[Trained]) -> list[Derivative]:
        temperatures = torch.tensor([trained.temperature for trained in missing])
        f = function_of(task)
        slopes = within.probing.of_each(Networks.of(missing), f, temperatures.double())
        return Derivative.each(within, slopes)

    return once_each(trials, "derivative", compute)


def function_of(task: Task) -> Evaluation:
    """Return (module, x, temperature) -> the values whose symmetry is measured."""
    return _probabilities if task.loss == "cross-entropy" else _outputs


def _outputs(module: nn.Module, x: Tensor, temperature: Tensor) -> Tensor:  # noqa: ARG001
    return module(x)  # type: ignore[no-any-return]


def _probabilities(module: nn.Module, x: Tensor, temperature: Tensor) -> Tensor:
    return (module(x) / temperature).softmax(-1)  # type: ignore[no-any-return]

"""Compare the span of learned generators with that of the true ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from symbench.metrics.algebra import closure_error, orthonormal, principal_cosines
from symbench.metrics.truth import Truth

_ENTRIES = 2**25  # most entries of the brackets of a span


@dataclass(frozen=True)
class Span:
    """The span of learned generators against that of the true algebra.

    O is the sum of the squared principal cosines, in the data-weighted product or, if not
    ``weighted``, in the plain Frobenius product.

    Attributes:
        L: learned generators [any, d, d].
        truth: the true algebra, of dimension k*.
        m: the dimension of the space in which the generators were sought.
        weighted: which product defines the angles.
    """

    L: Tensor
    truth: Truth
    m: int
    weighted: bool = True

    @cached_property
    def rows(self) -> Tensor:
        """An orthonormal basis [k, r²] of the learned span."""
        return orthonormal(self._coordinates(self.L).flatten(1))

    @property
    def k(self) -> int:
        """The dimension of the learned span."""
        return len(self.rows)

    @cached_property
    def _cosines(self) -> Tensor:
        true = orthonormal(self._coordinates(self.truth.generators).flatten(1))
        return principal_cosines(self.rows, true)

    @property
    def _total(self) -> float:
        return float(self._cosines.square().sum())

    @property
    def cosine(self) -> float:
        """sqrt(O / max(k, k*))."""
        return math.sqrt(self._total / max(self.k, len(self.truth.Q)))

    @property
    def chance(self) -> float:
        """The root mean square of ``cosine`` for random generators."""
        return math.sqrt(min(self.k, len(self.truth.Q)) / self.m)

    @property
    def overlap(self) -> float:
        """The square of ``cosine``, with 0 at chance and 1 at 1."""
        return adjusted(self._total, self.k, len(self.truth.Q), self.m)

    @property
    def worst_cosine(self) -> float:
        """The smallest principal cosine; 0 if a generator is missing."""
        return float(self._cosines.min()) if self.k >= len(self.truth.Q) else 0.0

    @property
    def precision(self) -> float | str:
        """O / k."""
        return self._total / self.k if self.k else "no generator was found"

    @property
    def recall(self) -> float:
        """O / k*."""
        return self._total / len(self.truth.Q)

    @property
    def closure(self) -> float | str:
        """``closure_error`` of the span."""
        if self.k == 0:
            return "no generator was found"
        size = math.isqrt(self.rows.shape[1])
        if self.rows.numel() * self.k > _ENTRIES:
            return "there are too many generators to compute their brackets"
        return closure_error(self.rows, size)

    def _coordinates(self, A: Tensor) -> Tensor:
        return self.truth.candidate.whitening(A) if self.weighted else A


def adjusted(total: float, k: int, true: int, m: int) -> float:
    """Return (O / M - c) / (1 - c), with M = max(k, k*) and the chance c = min(k, k*) / m."""
    chance = min(k, true) / m
    return (total / max(k, true) - chance) / (1 - chance)


def directions(truth: Truth, Q: Tensor) -> Tensor:
    """Return the generators [k, d, d] of the directions Q [k, m] of the candidate algebra."""
    return torch.einsum("km,mij->kij", Q, truth.candidate.basis)

"""The structure of a Lie algebra that is known as a noisy span of matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from symbench.errors import InputError

Kind = Literal[
    "zero", "not closed", "abelian", "nilpotent", "solvable", "semisimple", "reductive", "mixed"
]

TOLERANCE = 0.15  # part of a unit below which a bracket or a translation is noise
_CURVED = 0.2  # size of an eigenvalue of the Killing form from which it has a sign
_OPEN = 0.5  # closure error above which the span is no algebra, not even a noisy one
_RANK = 1e-8  # singular values below this part of the largest are rounding


@dataclass(frozen=True)
class Structure:
    """Structure constants [A_i, A_j] ≈ Σ_l c_ijl A_l of an orthonormal basis, by least squares.

    A noisy span closes only nearly. Whatever is below ``tolerance`` times the size of the bracket
    of two random matrices of norm 1, √(2/d (1 - 1/d²)), counts as zero.

    Attributes:
        basis: orthonormal in the Frobenius product, [k, d, d].
        constants: c, [k, k, k].
        closure: the root mean square part of the brackets outside the span, in the same unit.
        tolerance: see above.
    """

    basis: Tensor
    constants: Tensor
    closure: float
    tolerance: float = TOLERANCE

    @classmethod
    def of(cls, A: Tensor, tolerance: float = TOLERANCE) -> Structure:
        """Return the structure of the span of matrices A [k, d, d].

        Raises:
            InputError: A has another shape, or is not finite.
        """
        if A.ndim != 3 or A.shape[1] != A.shape[2] or not bool(A.isfinite().all()):
            raise InputError(f"generators must be finite [k, d, d], not {list(A.shape)}")
        d = A.shape[1]
        rows = orthonormal_rows(A.double().flatten(1))
        basis = rows.view(-1, d, d)
        products = torch.einsum("aij,bjk->abik", basis, basis)
        brackets = (products - products.transpose(0, 1)).flatten(2)
        constants = brackets @ rows.mT
        outside = brackets - constants @ rows
        pairs = max(1, len(rows) * (len(rows) - 1))
        closure = math.sqrt(float(outside.square().sum()) / pairs) / bracket_unit(d)
        return cls(basis, constants, closure, tolerance)

    @property
    def dimension(self) -> int:
        """k."""
        return len(self.basis)

    @property
    def _zero(self) -> float:
        return self.tolerance * bracket_unit(self.basis.shape[-1])

    @cached_property
    def killing(self) -> Tensor:
        """The Killing form K_ij = Σ c_iab c_jba, [k, k]."""
        return torch.einsum("iab,jba->ij", self.constants, self.constants)

    @cached_property
    def signature(self) -> tuple[int, int, int]:
        """How many eigenvalues of the Killing form are positive, negative and zero.

        They are those relative to Σ c_iab c_jab, the lengths of the same linear maps, so that they
        lie between -1 and 1.
        """
        if self.dimension == 0:
            return 0, 0, 0
        c = self.constants
        lengths = (
            torch.einsum("iab,jab->ij", c, c) + (2 * self._zero) ** 2 * torch.eye(len(c)).double()
        )
        root = torch.linalg.cholesky(lengths)
        half = torch.linalg.solve_triangular(root, self.killing, upper=False)
        values = torch.linalg.eigvalsh(torch.linalg.solve_triangular(root, half.mT, upper=False))
        above, below = int((values > _CURVED).sum()), int((values < -_CURVED).sum())
        return above, below, self.dimension - above - below

    @cached_property
    def centre(self) -> Tensor:
        """Orthonormal coordinates [z, k] of the elements that commute with all others."""
        k = self.dimension
        return _null_rows(self.constants.reshape(k, k * k), self._zero)

    @cached_property
    def derived(self) -> Tensor:
        """Orthonormal coordinates [m, k] of the span of all brackets."""
        return self._brackets(*[torch.eye(self.dimension, dtype=torch.float64)] * 2)

    def _brackets(self, first: Tensor, second: Tensor) -> Tensor:
        """Return orthonormal coordinates of the brackets of two subspaces given by coordinates."""
        rows = torch.einsum("ai,bj,ijl->abl", first, second, self.constants).flatten(0, 1)
        return _large_rows(rows, self._zero)

    def _ends(self, *, nilpotent: bool) -> bool:
        """Whether the lower central series, or else the derived series, ends at zero."""
        whole = torch.eye(self.dimension, dtype=torch.float64)
        part = whole
        for _ in range(self.dimension):
            smaller = self._brackets(whole if nilpotent else part, part)
            if len(smaller) in (0, len(part)):
                return len(smaller) == 0
            part = smaller
        return False

    @cached_property
    def kind(self) -> Kind:
        """Which of the standard classes the algebra belongs to.

        ``reductive`` is a semisimple algebra with a centre; ``mixed`` is none of the classes. A
        span is ``not closed`` if its brackets lead out of it: then generators are missing.
        """
        if self.dimension == 0:
            return "zero"
        return "not closed" if self.closure > _OPEN else self._closed_kind

    @property
    def _closed_kind(self) -> Kind:
        """The class, if the span is an algebra."""
        if len(self.derived) == 0:
            return "abelian"
        if self._ends(nilpotent=True):
            return "nilpotent"
        if self._ends(nilpotent=False):
            return "solvable"
        if self.signature[2] == 0:
            return "semisimple"
        return "reductive" if self._is_reductive else "mixed"

    @property
    def _is_reductive(self) -> bool:
        """Whether centre and brackets span all, and the Killing form is zero on the centre only."""
        whole = len(self.centre) + len(self.derived) == self.dimension
        return whole and self.signature[2] == len(self.centre)

    def part(self, coordinates: Tensor) -> Tensor:
        """Return the matrices [m, d, d] with coordinates [m, k] in the basis."""
        return torch.einsum("mk,kij->mij", coordinates, self.basis)


def bracket_unit(d: int) -> float:
    """Return the root mean square of ‖[A, B]‖ of independent random d × d matrices of norm 1."""
    return math.sqrt(2 / d * (1 - 1 / d**2)) if d > 1 else 1.0


def orthonormal_rows(rows: Tensor, tolerance: float = _RANK) -> Tensor:
    """Return an orthonormal basis [rank, n] of the span of ``rows`` [k, n].

    Singular values at or below ``tolerance`` times the largest count as zero.
    """
    if rows.numel() == 0:
        return rows.new_zeros(0, rows.shape[-1])
    largest = float(torch.linalg.matrix_norm(rows, 2))
    return _large_rows(rows, tolerance * largest)


def _large_rows(rows: Tensor, zero: float) -> Tensor:
    """Return the right singular vectors [m, n] of rows [k, n] with singular values above zero."""
    if rows.numel() == 0:
        return rows.new_zeros(0, rows.shape[-1])
    _, values, right = torch.linalg.svd(rows, full_matrices=False)
    large: Tensor = right[values > zero]
    return large


def _null_rows(maps: Tensor, zero: float) -> Tensor:
    """Return orthonormal coordinates [z, k] of the combinations of maps [k, n] that are zero."""
    left, values, _ = torch.linalg.svd(maps)
    rank = int((values > zero).sum())
    null: Tensor = left[:, rank:].mT
    return null

"""Linear algebra of generators: data-weighted coordinates, spans, principal cosines, spectra."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_SPAN = 1e-10  # eigenvalues of E[x xᵀ] below this part of the largest are float32 rounding
_RANK = 1e-6  # singular values below this part of the largest count as zero
_EXACT = 1e-14  # squared singular values below this part of their mean are float64 rounding
_CLEAR = 1e6  # and the next one must be larger by this factor


@dataclass(frozen=True)
class Whitening:
    """Coordinates z of x = W z with E[z zᵀ] = 1 on the span of the data.

    The Frobenius product of W⁺ A W and W⁺ B W is <A, B> = tr(S⁺ A S Bᵀ), S = W Wᵀ = E[x xᵀ],
    which does not change under a change of basis of V (the plain Frobenius product does).

    Attributes:
        colour: W, [d, r].
        whiten: W⁺, [r, d].
    """

    colour: Tensor
    whiten: Tensor

    @classmethod
    def of(cls, second_moment: Tensor) -> Whitening:
        """Return the coordinates for S [d, d], by its square root on its range of dimension r."""
        values, vectors = torch.linalg.eigh(second_moment)
        spanning = values > _SPAN * values[-1]
        root, vectors = values[spanning].sqrt(), vectors[:, spanning]
        return cls(vectors * root, (vectors / root).mT)

    def __call__(self, A: Tensor) -> Tensor:
        """Return W⁺ A W [..., r, r] for A [..., d, d]."""
        whitened: Tensor = self.whiten @ A @ self.colour
        return whitened

    def elementary(self) -> Tensor:
        """Return the basis [r², d, d] of gl(V) whose whitened matrices are elementary."""
        return torch.einsum("ai,jb->ijab", self.colour, self.whiten).flatten(0, 1)


def orthonormal(rows: Tensor, tolerance: float = _RANK) -> Tensor:
    """Return an orthonormal basis [rank, n] of the span of ``rows`` [k, n].

    Singular values at or below ``tolerance`` times the largest count as zero.
    """
    if rows.numel() == 0:
        return rows.new_zeros(0, rows.shape[-1])
    _, values, basis = torch.linalg.svd(rows, full_matrices=False)
    spanning: Tensor = basis[(values > tolerance * values[0]) & (values > 0)]
    return spanning


def orthonormalising(rows: Tensor) -> Tensor:
    """Return the combinations [rank, k] of ``rows`` [k, n] that are orthonormal and span them."""
    lengths = rows.norm(dim=1, keepdim=True).clamp(min=torch.finfo(rows.dtype).tiny)
    left, values, _ = torch.linalg.svd(rows / lengths, full_matrices=False)
    spanning = (values > _RANK * values[:1]) & (values > 0)
    combinations: Tensor = (left[:, spanning] / values[spanning] / lengths).mT
    return combinations


def principal_cosines(first: Tensor, second: Tensor) -> Tensor:
    """Return the cosines [min(k, l)] of the principal angles between two spans, descending.

    Args:
        first: orthonormal rows [k, n].
        second: orthonormal rows [l, n].

    Reference: Björck and Golub 1973.
    """
    cosines: Tensor = torch.linalg.svdvals(first @ second.mT).clamp(max=1.0)
    return cosines


def null_space(squares: Tensor) -> int | None:
    """Return how many squared singular values [m], ascending, are zero to rounding.

    None if there is none, or if there is no clear gap above them.
    """
    count = int((squares <= _EXACT * squares.mean()).sum())
    if not 0 < count < len(squares) or bool(squares[count] < _CLEAR * squares[count - 1]):
        return None
    return count


def closure_error(rows: Tensor, d: int) -> float:
    """Return how far a span of matrices is from an algebra: 0 if brackets stay inside it.

    It is the root mean square, over pairs of an orthonormal basis, of the part of [A, B] outside
    the span. The unit is that of two independent random matrices of norm 1, for which
    E||[A, B]||² = (2/d)(1 - 1/d²). So a commuting pair with a small error has a small closure
    error, although every direction of its bracket is an error. A random span has about the square
    root of the share of matrices outside it.

    Args:
        rows: orthonormal, [k, d²].
        d: the size of the matrices.
    """
    k = len(rows)
    if k < 2 or d < 2:
        return 0.0
    A = rows.view(k, d, d)
    products = torch.einsum("aij,bjk->abik", A, A)
    brackets = (products - products.transpose(0, 1)).flatten(2)
    outside = brackets - brackets @ rows.mT @ rows
    unit = (2 / d) * (1 - 1 / d**2)
    return math.sqrt(float(outside.square().sum()) / (k * (k - 1)) / unit)

"""Tensor products of features of degrees 0 … L, by the coefficients of e3nn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor


@dataclass(frozen=True)
class Coupling:
    """All paths l ⊗ l' -> l'' that conserve the parity of polynomials.

    Attributes:
        coefficients: the coefficients [F, F, F] of all paths, F = (L + 1)², in float64.
        path: the number of the path of each coefficient, [F, F, F].
        paths: how many paths there are.
    """

    coefficients: Tensor
    path: Tensor
    paths: int

    def weighted(self, weights: Tensor) -> Tensor:
        """Return the coefficients times the weights [paths] of their paths, in their dtype."""
        coefficients, path = (t.to(weights.device) for t in (self.coefficients, self.path))
        return coefficients.to(weights.dtype) * weights[path]


@lru_cache(maxsize=8)
def coupling(degree: int) -> Coupling:
    """Return the paths between degrees up to ``degree``.

    They are kept in float64, because a rounded coefficient is equivariant only up to rounding.
    """
    size = (degree + 1) ** 2
    coefficients = torch.zeros(size, size, size, dtype=torch.float64)
    path = torch.zeros(size, size, size, dtype=torch.long)
    count = 0
    for a, b, c in product(range(degree + 1), repeat=3):
        if abs(a - b) <= c <= a + b and (a + b + c) % 2 == 0:
            block = _of(a), _of(b), _of(c)
            coefficients[block] = _clebsch_gordan(a, b, c) * (2 * c + 1) ** 0.5
            path[block] = count
            count += 1
    into = torch.tensor([path[..., _of(c)].unique().numel() for c in range(degree + 1)])
    scale = into.repeat_interleave(2 * torch.arange(degree + 1) + 1).double().rsqrt()
    return Coupling(coefficients * scale, path, count)


@lru_cache(maxsize=16)
def degrees(degree: int, device: torch.device) -> Tensor:
    """Return the degree of each of the (degree + 1)² coordinates."""
    every = torch.arange(degree + 1, device=device)
    return every.repeat_interleave(2 * every + 1)


def harmonics(unit: Tensor, degree: int) -> Tensor:
    """Return the spherical harmonics [..., (degree + 1)²] of unit vectors [..., 3], |Y_l|² = 2l+1.

    Y_l is the part of degree l of Y_(l-1) ⊗ Y_1, so that no other formula is needed.
    """
    parts = [torch.ones_like(unit[..., :1])]
    for d in range(1, degree + 1):
        last = (parts[-1][..., None] * unit[..., None, :]).flatten(-2)
        parts.append(last @ _raise(d).to(unit))
    return torch.cat(parts, -1)


@lru_cache(maxsize=8)
def _raise(d: int) -> Tensor:
    """Return the matrix [(2d - 1) 3, 2d + 1] from Y_(d-1) ⊗ unit to Y_d, in float64."""
    up = _clebsch_gordan(d - 1, 1, d).flatten(0, 1)
    pole = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    raised = (harmonics(pole, d - 1)[_of(d - 1), None] * pole).flatten() @ up
    scaled: Tensor = up * ((2 * d + 1) ** 0.5 / raised.norm())
    return scaled


def _clebsch_gordan(a: int, b: int, c: int) -> Tensor:
    """Return the coefficients of e3nn [2a + 1, 2b + 1, 2c + 1] in float64."""
    from e3nn import o3  # takes seconds to import, and plans need no coefficients

    coefficients: Tensor = o3.wigner_3j(a, b, c, dtype=torch.float64)
    return coefficients


def _of(d: int) -> slice:
    return slice(d**2, (d + 1) ** 2)

"""Linear groups that do not preserve lengths: GL(n), SL(n), Sp(n) and Scaling(n)."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from symbench.groups.base import Group
from symbench.groups.matrices import (
    haar,
    natural,
    realified,
    reflection,
    special,
    stack,
    traceless_diagonals,
    uniform,
    unit,
)

STRETCHED = (
    "k₁ a k₂: k₁, k₂ Haar on {0}, a diagonal and positive with logarithms uniform in "
    "[-{1:g}, {1:g}]{2}"
)


@final
class GL(Group):
    """GL(n): all invertible real n × n matrices; two components, by the sign of det."""

    def __init__(self, n: int, *, max_rapidity: float = 1.0) -> None:
        natural(n, "n")
        self.max_rapidity = max_rapidity
        self.sampler_law = STRETCHED.format("O(n)", max_rapidity, "")
        units = [unit(n, (i, j, 1.0)) for i in range(n) for j in range(n)]
        super().__init__(f"GL({n})", stack(n, units), reflection(n, 0)[None], negation=True)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, n, n] by their singular value decomposition."""
        stretch = uniform((count, self.dim), self.max_rapidity, generator).exp()
        left, right = (haar(count, self.dim, generator) for _ in range(2))
        return left * stretch.unsqueeze(-2) @ right


@final
class SL(Group):
    """SL(n): real n × n matrices of determinant 1."""

    def __init__(self, n: int, *, max_rapidity: float = 1.0) -> None:
        natural(n, "n")
        self.max_rapidity = max_rapidity
        self.sampler_law = STRETCHED.format("SO(n)", max_rapidity, " less their mean")
        units = [unit(n, (i, j, 1.0)) for i in range(n) for j in range(n) if i != j]
        basis = stack(n, units + traceless_diagonals(n))
        super().__init__(f"SL({n})", basis, negation=n % 2 == 0)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, n, n] by their singular value decomposition."""
        logarithm = uniform((count, self.dim), self.max_rapidity, generator)
        stretch = (logarithm - logarithm.mean(-1, keepdim=True)).exp()
        left, right = (special(haar(count, self.dim, generator)) for _ in range(2))
        return left * stretch.unsqueeze(-2) @ right


def _symplectic_algebra(n: int) -> Tensor:
    """sp(2n, R): [[A, B], [C, -Aᵀ]] with B and C symmetric."""
    m = 2 * n
    basis = [unit(m, (i, j, 1.0), (n + j, n + i, -1.0)) for i in range(n) for j in range(n)]
    for row, column in ((0, n), (n, 0)):
        for i in range(n):
            for j in range(i, n):
                entries = {(row + i, column + j), (row + j, column + i)}
                basis.append(unit(m, *((a, b, 1.0) for a, b in entries)))
    return stack(m, basis)


@final
class Sp(Group):
    """Sp(n), the real symplectic group on R^2n: gᵀ J g = J for J = [[0, 1], [-1, 0]].

    A point is (q, p): n positions, then n momenta. Sp(1) = SL(2).
    """

    def __init__(self, n: int, *, max_rapidity: float = 1.0) -> None:
        natural(n, "n")
        self.max_rapidity = max_rapidity
        self.sampler_law = STRETCHED.format("U(n)", max_rapidity, ", inverse on the momenta")
        identity = torch.eye(n, dtype=torch.float64)
        form = torch.kron(torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64), identity)
        super().__init__(f"Sp({n})", _symplectic_algebra(n), form=form, negation=True)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, 2n, 2n] by their Euler (Bloch-Messiah) decomposition."""
        n = self.dim // 2
        logarithm = uniform((count, n), self.max_rapidity, generator)
        stretch = torch.cat([logarithm, -logarithm], -1).exp()
        left, right = (realified(haar(count, n, generator, field="complex")) for _ in range(2))
        return left * stretch.unsqueeze(-2) @ right


@final
class Scaling(Group):
    """Scaling(n): multiplication of R^n by one positive number."""

    def __init__(self, n: int, *, max_rapidity: float = 1.0) -> None:
        natural(n, "n")
        self.max_rapidity = max_rapidity
        self.sampler_law = (
            f"logarithm of the scale uniform in [-{max_rapidity:g}, {max_rapidity:g}]"
        )
        super().__init__(f"Scaling({n})", torch.eye(n, dtype=torch.float64)[None])

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw scalings [count, n, n]."""
        scale = uniform((count, 1, 1), self.max_rapidity, generator).exp()
        return scale * torch.eye(self.dim, dtype=torch.float64)

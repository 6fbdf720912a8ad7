"""Unitary groups U(n) and SU(n), as real matrices in 2n dimensions."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from symbench.groups.base import Group
from symbench.groups.matrices import (
    haar,
    natural,
    realified,
    special,
    stack,
    traceless_diagonals,
    unit,
)


def _algebra(n: int, *, traceless: bool) -> Tensor:
    """Skew-Hermitian matrices E_jk - E_kj, i (E_jk + E_kj), i diag, realified."""
    pairs = [(j, k) for j in range(n) for k in range(j + 1, n)]
    real = [unit(n, (j, k, 1.0), (k, j, -1.0)) for j, k in pairs]
    imaginary = [unit(n, (j, k, 1.0), (k, j, 1.0)) for j, k in pairs]
    imaginary += traceless_diagonals(n) if traceless else [unit(n, (j, j, 1.0)) for j in range(n)]
    complex_ = [torch.complex(m, 0 * m) for m in real] + [
        torch.complex(0 * m, m) for m in imaginary
    ]
    return stack(2 * n, [realified(m) for m in complex_])


@final
class U(Group):
    """U(n) on R^2n: z = x + iy is written (x, y), and a + ib as [[a, -b], [b, a]]."""

    def __init__(self, n: int) -> None:
        natural(n, "n")
        super().__init__(f"U({n})", _algebra(n, traceless=False), negation=True)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw Haar elements [count, 2n, 2n]."""
        return realified(haar(count, self.dim // 2, generator, field="complex"))


@final
class SU(Group):
    """SU(n) on R^2n: the elements of U(n) of complex determinant 1."""

    def __init__(self, n: int) -> None:
        natural(n, "n")
        super().__init__(f"SU({n})", _algebra(n, traceless=True), negation=n % 2 == 0)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw Haar elements [count, 2n, 2n]."""
        return realified(special(haar(count, self.dim // 2, generator, field="complex")))

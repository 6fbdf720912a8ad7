"""Euclidean groups E(n) and SE(n), in homogeneous coordinates."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from symbench.groups.base import Group
from symbench.groups.matrices import haar, natural, reflection, special, stack, uniform, unit

LAW = "rotation Haar, every coordinate of the translation uniform in [-{0:g}, {0:g}]"


def _algebra(n: int) -> Tensor:
    """Rotations E_ij - E_ji and translations E_in."""
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    rotations = [unit(n + 1, (i, j, 1.0), (j, i, -1.0)) for i, j in pairs]
    return stack(n + 1, rotations + [unit(n + 1, (i, n, 1.0)) for i in range(n)])


class _Euclidean(Group):
    """The shared part of E(n) and SE(n)."""

    def __init__(self, n: int, discrete: Tensor | None, max_shift: float) -> None:
        self.max_shift = max_shift
        self.sampler_law = LAW.format(max_shift)
        super().__init__(f"{type(self).__name__}({n})", _algebra(n), discrete)

    def _rotations(self, count: int, generator: torch.Generator) -> Tensor:
        return haar(count, self.dim - 1, generator)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, n + 1, n + 1]: a translation after a rotation."""
        n = self.dim - 1
        g = torch.eye(n + 1, dtype=torch.float64).repeat(count, 1, 1)
        g[:, :n, :n] = self._rotations(count, generator)
        g[:, :n, n] = uniform((count, n), self.max_shift, generator)
        return g


@final
class E(_Euclidean):
    """E(n): x -> R x + t with R in O(n), as [[R, t], [0, 1]] on (x, 1) in R^(n+1)."""

    def __init__(self, n: int, *, max_shift: float = 1.0) -> None:
        super().__init__(n, reflection(natural(n, "n") + 1, 0)[None], max_shift)


@final
class SE(_Euclidean):
    """SE(n): x -> R x + t with R in SO(n), as [[R, t], [0, 1]] on (x, 1) in R^(n+1)."""

    def __init__(self, n: int, *, max_shift: float = 1.0) -> None:
        super().__init__(natural(n, "n"), None, max_shift)

    def _rotations(self, count: int, generator: torch.Generator) -> Tensor:
        return special(super()._rotations(count, generator))

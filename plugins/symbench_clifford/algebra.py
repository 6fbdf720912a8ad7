"""The Clifford algebra Cl(p, q): multivectors [..., 2^d] and their geometric product."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor


@dataclass(frozen=True)
class Algebra:
    """Cl(p, q) of the form diag(``signs``), with the basis e_A = e_i e_j … (i < j < …).

    The position of e_A is the number whose bits are A. A vector v has v v = ⟨v, v⟩. The group
    O(p, q) acts by g(v w …) = (gv)(gw) …, which keeps grades.
    """

    signs: tuple[int, ...]

    @property
    def d(self) -> int:
        """Number of dimensions."""
        return len(self.signs)

    @property
    def size(self) -> int:
        """Number of coordinates, 2^d."""
        return 1 << self.d

    @cached_property
    def grades(self) -> Tensor:
        """The grade [2^d] of each coordinate: its number of factors."""
        return torch.tensor([a.bit_count() for a in range(self.size)])

    @cached_property
    def squares(self) -> Tensor:
        """Σ_A squares_A x_A² is the scalar part of x̃ x, with x̃ in reversed order, [2^d]."""
        values = [1.0] * self.size
        for a in range(self.size):
            for i, sign in enumerate(self.signs):
                if a >> i & 1:
                    values[a] *= sign
        return torch.tensor(values)

    @cached_property
    def table(self) -> tuple[Tensor, Tensor]:
        """Positions b [2^d, 2^d] and signs with (x y)_c = Σ_a sign_ca x_a y_b, b = a xor c."""
        every = range(self.size)
        other = torch.tensor([[a ^ c for a in every] for c in every])
        sign = torch.tensor([[self._sign(a, a ^ c) for a in every] for c in every])
        return other, sign

    def _sign(self, a: int, b: int) -> float:
        """Return s in e_a e_b = s e_(a xor b): swaps of factors, and squares of common ones."""
        swaps = sum((a >> k).bit_count() for k in range(1, self.d + 1) if b >> (k - 1) & 1)
        sign = (-1.0) ** swaps
        for i, square in enumerate(self.signs):
            if a & b & 1 << i:
                sign *= square
        return sign

    def vector(self, v: Tensor) -> Tensor:
        """Return the multivectors [..., 2^d] of vectors v [..., d]."""
        x = v.new_zeros(*v.shape[:-1], self.size)
        return x.index_copy(-1, places(self.d, v.device), v)

    def product(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the geometric products x y of multivectors [..., 2^d]."""
        other, sign = self.table
        return (sign.to(x) * x.unsqueeze(-2) * y[..., other.to(y.device)]).sum(-1)


@lru_cache(maxsize=64)
def places(d: int, device: torch.device) -> Tensor:
    """Return the positions [d] of the vectors' coordinates, kept so that a GPU copies them once."""
    return torch.tensor([1 << i for i in range(d)], device=device)

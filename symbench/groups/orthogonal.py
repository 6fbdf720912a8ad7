"""Orthogonal groups O(n), SO(n), and indefinite orthogonal groups O(p,q), SO(p,q), Lorentz()."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from symbench.groups.base import Group
from symbench.groups.matrices import haar, natural, reflection, special, stack, uniform, unit

BOOSTED = (
    "k₁ b k₂: k₁, k₂ Haar on the maximal compact subgroup, "
    "b with min(p,q) commuting boosts of rapidity uniform in [-{0:g}, {0:g}]"
)


def _signs(p: int, q: int) -> list[float]:
    natural(p, "p (or n)")
    natural(q, "q", least=0)
    return [1.0] * p + [-1.0] * q


def _algebra(signs: list[float]) -> Tensor:
    """so(p,q): A with Aᵀ F + F A = 0, that is E_ij - s_i s_j E_ji for i < j."""
    n = len(signs)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return stack(n, [unit(n, (i, j, 1.0), (j, i, -signs[i] * signs[j])) for i, j in pairs])


def _boosts(p: int, q: int, rapidity: Tensor) -> Tensor:
    """Return [count, n, n] boosts; ``rapidity`` [count, min(p,q)] mixes axis i with p + i."""
    g = torch.eye(p + q, dtype=torch.float64).repeat(len(rapidity), 1, 1)
    for i in range(min(p, q)):
        g[:, i, i] = g[:, p + i, p + i] = rapidity[:, i].cosh()
        g[:, i, p + i] = g[:, p + i, i] = rapidity[:, i].sinh()
    return g


class _Orthogonal(Group):
    """The shared part of O(p,q) and SO(p,q): algebra, form and the sampler's law."""

    def __init__(
        self, p: int, q: int, discrete: list[Tensor], negation: bool, max_rapidity: float
    ) -> None:
        signs = _signs(p, q)
        name = f"{type(self).__name__}({p},{q})" if q else f"{type(self).__name__}({p})"
        self.p, self.q, self.max_rapidity = p, q, max_rapidity
        if q:
            self.sampler_law = BOOSTED.format(max_rapidity)
        super().__init__(
            name,
            _algebra(signs),
            stack(p + q, discrete),
            form=torch.diag(torch.tensor(signs, dtype=torch.float64)),
            negation=negation,
        )

    def _compact(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw Haar elements of the maximal compact subgroup O(p) × O(q)."""
        g = torch.zeros(count, self.dim, self.dim, dtype=torch.float64)
        g[:, : self.p, : self.p] = haar(count, self.p, generator)
        if self.q:
            g[:, self.p :, self.p :] = haar(count, self.q, generator)
        return g

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, n, n] by ``sampler_law``; every component is reached."""
        g = self._compact(count, generator)
        if not self.q:
            return g
        shape = (count, min(self.p, self.q))
        b = _boosts(self.p, self.q, uniform(shape, self.max_rapidity, generator))
        return g @ b @ self._compact(count, generator)


@final
class O(_Orthogonal):  # noqa: E742 - the group's name
    """O(n) or, with two arguments, O(p,q): gᵀ F g = F for F = diag(1, … (p), -1, … (q)).

    O(p,q) has four components; its discrete generators are one reflection of each sign.
    """

    def __init__(self, p: int, q: int = 0, *, max_rapidity: float = 1.0) -> None:
        n = len(_signs(p, q))
        flips = [reflection(n, 0), reflection(n, p)] if q else [reflection(n, 0)]
        super().__init__(p, q, flips, True, max_rapidity)


@final
class SO(_Orthogonal):
    """SO(n) or, with two arguments, SO(p,q): the elements of O(p,q) of determinant 1.

    SO(n) is connected. SO(p,q) is the full group of determinant 1, with two components; its
    identity component SO⁺(p,q) has the same algebra and lacks the one discrete generator, which
    flips one axis of each sign.
    """

    def __init__(self, p: int, q: int = 0, *, max_rapidity: float = 1.0) -> None:
        n = len(_signs(p, q))
        flips = [reflection(n, 0, p)] if q else []
        super().__init__(p, q, flips, n % 2 == 0, max_rapidity)

    def _compact(self, count: int, generator: torch.Generator) -> Tensor:
        return special(super()._compact(count, generator))


def Lorentz(*, max_rapidity: float = 1.0) -> O:  # noqa: N802 - the group's name
    """Return O(1,3), which preserves diag(1, -1, -1, -1); a vector is (E, p_x, p_y, p_z)."""
    return O(1, 3, max_rapidity=max_rapidity)

"""The relative defect of generators: by how much a function fails to keep them, without a unit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from symbench.contract import seeded

_DRAWS, _LEVEL = 200, 0.95


@dataclass(frozen=True)
class Defects:
    """The relative defects δ of k generators A of a function f, from their terms at n probes.

    δ(A)² = E||Df(x)[drho_in(A)x] - drho_out(A)f(x)||²
    / E(||Df(x)||² ||drho_in(A)x||² + ||drho_out(A)f(x)||²)

    ||Df|| is the norm on the space into which the candidate algebra moves x. So inputs that no
    generator moves, such as most directions of an image, do not make δ small. δ is 0 if f keeps A,
    and never above √2. It does not depend on the scales of A, x and f.

    Attributes:
        violated: the terms of the numerator, [n, k].
        possible: those of the denominator, [units, n, k]; of several units the smallest counts.
    """

    violated: Tensor
    possible: Tensor

    @classmethod
    def of(cls, square: Tensor, moved: Tensor, along: Tensor, turned: Tensor) -> Defects:
        """Return the defects from ||Df||² [n], and the vectors [k, n, size] of each term.

        Args:
            square: ||Df(x)||².
            moved: drho_in(A)x.
            along: Df(x)[drho_in(A)x].
            turned: drho_out(A)f(x).
        """
        possible = square * _squares(moved) + _squares(turned)
        return cls(_squares(along - turned).T, possible.T[None])

    def within(self, other: Defects) -> Defects:
        """Return the defects relative to this denominator or to the other, whichever is smaller.

        A function of its own large derivative would otherwise have small defects.
        """
        return Defects(self.violated, torch.cat([self.possible, other.possible]))

    @property
    def values(self) -> Tensor:
        """δ of each generator, [k]; infinite where the denominator vanishes."""
        return _ratio(self.violated.mean(0), self.possible.mean(1))

    @property
    def bounds(self) -> Tensor:
        """The one-sided 95 % upper bounds [k] of δ, by the bootstrap over the probes."""
        return self._quantile(_LEVEL)

    @property
    def least(self) -> Tensor:
        """The one-sided 95 % lower bounds [k] of δ, from the same draws."""
        return self._quantile(1 - _LEVEL)

    def _quantile(self, level: float) -> Tensor:
        if self.violated.shape[1] == 0:
            return self.violated.new_zeros(0)
        counts = _counts(len(self.violated))
        drawn = _ratio(counts @ self.violated, counts @ self.possible)
        return drawn.quantile(level, dim=0)

    @property
    def mean(self) -> float:
        """The root mean square defect: of the sums over the generators."""
        total = _ratio(self.violated.sum(), self.possible.sum((1, 2)))
        return float(total)


def _squares(vectors: Tensor) -> Tensor:
    """Return ||v||² [k, n] of vectors [k, n, size]."""
    return vectors.square().sum(2)


def _ratio(violated: Tensor, possible: Tensor) -> Tensor:
    """Return the root of the quotient, with the smallest of ``possible`` [units, ...]."""
    unit = possible.amin(0)
    return torch.where(unit > 0, violated / unit, torch.inf).sqrt()


@lru_cache(maxsize=8)
def _counts(n: int) -> Tensor:
    """Return how often each of n probes is drawn, in 200 draws of n with replacement, [200, n]."""
    drawn = torch.randint(n, (_DRAWS, n), generator=seeded("bootstrap", n))
    counts = torch.zeros(_DRAWS, n, dtype=torch.float64)
    return counts.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.float64))

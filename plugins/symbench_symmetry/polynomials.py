"""Polynomial vector fields with rational coefficients, and their trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from operator import mul

import torch
from torch import Tensor

Terms = Mapping[tuple[int, ...], str]
"""Exponents of a monomial -> its coefficient, a rational number in words ("-4/3")."""

_STEPS = 1000  # steps of a trajectory


@dataclass(frozen=True)
class PolynomialField:
    """F: R^d -> R^d with rational coefficients.

    Attributes:
        components: the terms of each component of F.
    """

    components: tuple[Terms, ...]

    @property
    def dim(self) -> int:
        """The dimension d."""
        return len(self.components)

    @cached_property
    def _exponents(self) -> list[tuple[int, ...]]:
        return sorted({exponents for terms in self.components for exponents in terms})

    @cached_property
    def _coefficients(self) -> Tensor:
        rows = [[terms.get(e, "0") for terms in self.components] for e in self._exponents]
        return torch.tensor([[float(Fraction(c)) for c in row] for row in rows]).double()

    @cached_property
    def _degree(self) -> int:
        return max(max(exponents) for exponents in self._exponents)

    def __call__(self, x: Tensor) -> Tensor:
        """Return F(x) [..., d] at x [..., d], in its dtype."""
        powers = [torch.ones_like(x)]
        for _ in range(self._degree):
            powers.append(powers[-1] * x)
        monomials = [
            reduce(mul, (powers[e][..., i] for i, e in enumerate(exponents)))
            for exponents in self._exponents
        ]
        value: Tensor = torch.stack(monomials, -1) @ self._coefficients.to(x)
        return value

    def step(self, x: Tensor, h: Tensor | float) -> Tensor:
        """Return the state after the time h [n, 1], by one Runge-Kutta step of order 4."""
        first = self(x)
        second = self(x + h / 2 * first)
        third = self(x + h / 2 * second)
        fourth = self(x + h * third)
        return x + h / 6 * (first + 2 * second + 2 * third + fourth)

    def along(self, start: Tensor, times: Tensor, duration: float) -> Tensor:
        """Return the states [k, n, d] at n times of k trajectories.

        Args:
            start: the states at time 0, [k, d].
            times: [k, n], in [0, duration).
            duration: the length of the trajectories.
        """
        h = duration / _STEPS
        grid = [start]
        for _ in range(_STEPS):
            grid.append(self.step(grid[-1], h))
        index = (times / h).long().clamp(0, _STEPS - 1)
        before = torch.stack(grid, 1).gather(1, index[..., None].expand(*index.shape, self.dim))
        return self.step(before, (times - index * h)[..., None])

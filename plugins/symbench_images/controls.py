"""Controls for discovery: no symmetry at all, and one hidden by a change of basis."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, Symmetry, Task, seeded
from symbench.groups import GL, Conjugated, O, Scalar, V

_DIM, _CONDITION, _WAVES = 5, 5.0, 20


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    drawn: Tensor = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return drawn


class _TwoVectors(Task):
    """Regression of an exact target of two 5-vectors."""

    version = "1"
    kind = "vectors"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (30, 100),
        "quick": (300,),
        "standard": (1000,),
        "full": (100, 300, 1000, 3000, 10000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    input_shape, output_shape = (2 * _DIM,), (1,)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw standard normal pairs [n, 10] in float64."""
        return _normal(generator, n, 2 * _DIM)

    @abstractmethod
    def target(self, x: Tensor) -> Tensor:
        """Return the exact target [..., 1] at x [..., 10], in its dtype."""

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples; both dtypes give the same points, with targets computed in float64."""
        x = self.inputs(n, self.generator(seed, split)).float().double()
        return Data(x.to(dtype), self.target(x).to(dtype))


@final
class NoSymmetry(_TwoVectors):
    """y = xᵀQx/10 + Σ_k a_k sin(w_k·x + b_k)/2 for x ~ N(0, 1) in R¹⁰, with 20 waves.

    The coefficients are standard normal and fixed, with |w_k| near 1. The w_k must span R¹⁰. With
    few waves, transformations that preserve the quadratic form and fix every w_k would be
    symmetries. No direction of gl(10) leaves y unchanged. x can be read as two 5-vectors, on which
    gl(5) acts; the correct discovery is that no generator of gl(5) is a symmetry. Perceptrons
    cross the threshold between 100 and 300 samples.
    """

    name = "no-symmetry"
    summary = "function of two 5-vectors without any symmetry, the control for discovery"
    threshold = 0.1

    def __init__(self) -> None:
        generator = seeded(self.name, "coefficients")
        Q = _normal(generator, 2 * _DIM, 2 * _DIM)
        self.Q = (Q + Q.mT) / 2
        self.w = _normal(generator, 2 * _DIM, _WAVES) / (2 * _DIM) ** 0.5
        self.a, self.b = _normal(generator, 2, _WAVES)

    @property
    def symmetry(self) -> None:
        """None, because there is no symmetry."""
        return

    def layout(self) -> Symmetry:
        """Return the layout of two 5-vectors, 2 V -> Scalar under GL(5)."""
        group = GL(_DIM)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]."""
        square = (x * (x @ self.Q.to(x))).sum(-1, keepdim=True) / 10
        waves = (x @ self.w.to(x) + self.b.to(x)).sin() * self.a.to(x) / 2
        y: Tensor = square + waves.sum(-1, keepdim=True)
        return y


@final
class HiddenConjugate(_TwoVectors):
    """The O(5)-invariant target of r₁, r₂ ~ N(0, 1) in R⁵, seen through x_i = B r_i.

    y = sin‖r₁‖ - ½‖r₂‖³ + cos∠(r₁, r₂), and B is a fixed matrix of condition number 5 and
    determinant ±1. The symmetry is B O(5) B⁻¹, whose algebra is not antisymmetric. Methods that
    search only antisymmetric generators, or assume orthonormal coordinates, miss it. The threshold
    of 0.002 is that of the plain task; to reach it, the two small terms must be learned.
    """

    name = "hidden-conjugate"
    summary = "O(5)-invariant function of two vectors after a hidden change of basis"
    reference = "after Finzi, Welling, Wilson 2021, section 7 (arXiv:2104.09459)"
    threshold = 0.002
    discovery = "hidden"

    @cached_property
    def group(self) -> Conjugated:
        """B O(5) B⁻¹, B = U diag(s) W with U and W of O(5) and s from 1/√5 to √5."""
        left, right = O(_DIM).sample(2, seeded(self.name, "basis"))
        exponents = torch.linspace(-0.5, 0.5, _DIM, dtype=torch.float64)
        return Conjugated(O(_DIM), left @ torch.diag(_CONDITION**exponents) @ right)

    @property
    def symmetry(self) -> Symmetry:
        """B O(5) B⁻¹: 2 V -> Scalar."""
        return Symmetry(self.group, (2 * V)(self.group), Scalar(self.group))

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw pairs (B r₁, B r₂) [n, 10] in float64."""
        return (super().inputs(n, generator).view(-1, 2, _DIM) @ self.group.B.mT).flatten(1)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]; differentiable where neither vector is zero."""
        first, second = (x.unflatten(-1, (2, _DIM)) @ self.group.inverse.mT.to(x)).unbind(-2)
        norm, other = (v.norm(dim=-1, keepdim=True) for v in (first, second))
        cosine = (first * second).sum(-1, keepdim=True) / (norm * other)
        y: Tensor = norm.sin() - other**3 / 2 + cosine
        return y

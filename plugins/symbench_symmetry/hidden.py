"""Invariant functions whose group is none of the usual suspects, or is not seen at first sight."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Symmetry, seeded
from symbench.contract.values import Discovery
from symbench.groups import GL, SE, SL, SO, Conjugated, Group, Scalar, Sp, V
from symbench_symmetry.fields import affine_algebra
from symbench_symmetry.groups import Galilei, Quadrupoles, basis_change, traceless
from symbench_symmetry.pairs import PairTask, gaussian

FULL_ONLY: Mapping[str, tuple[int, ...]] = {
    "smoke": (30, 100),
    "quick": (),
    "standard": (1000,),
    "full": (100, 300, 1000, 3000, 10000),
}
_WAVES = 20


class HiddenTask(PairTask):
    """A number that a group keeps, as a function of copies of V with standard normal coordinates.

    Attributes:
        copies: the number of copies of V.
        mixing: the name of the change of basis B of V; empty for none.
    """

    threshold = 0.02
    discovery: ClassVar[Discovery | None] = "hidden"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = FULL_ONLY
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    copies: ClassVar[int] = 2
    mixing: ClassVar[str] = ""

    @property
    @abstractmethod
    def group(self) -> Group | None:
        """The group on V; None for a control."""

    @abstractmethod
    def value(self, z: Tensor) -> Tensor:
        """Return y [...] at copies z [..., copies, d] before the change of basis."""

    @property
    def symmetry(self) -> Symmetry | None:
        """Copies of V -> Scalar."""
        group = self.group
        return None if group is None else _invariance(group, self.copies)

    def layout(self) -> Symmetry:
        """Return GL(V) on copies of V; a control has it too."""
        return _invariance(GL(self.input_shape[0] // self.copies), self.copies)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw copies B z with z ~ N(0, 1), [n, copies · d]."""
        z = gaussian(n, self.input_shape[0], generator)
        return z if (B := self._basis()) is None else (self._apart(z) @ B.mT).flatten(1)

    def target(self, x: Tensor) -> Tensor:
        """Return y [..., 1]."""
        z, B = self._apart(x), self._basis()
        if B is not None:
            z = z @ torch.linalg.inv(B).mT.to(x)
        return self.value(z).unsqueeze(-1)

    def _apart(self, x: Tensor) -> Tensor:
        copies: Tensor = x.unflatten(-1, (self.copies, -1))
        return copies

    def _basis(self) -> Tensor | None:
        return (
            basis_change(self.input_shape[0] // self.copies, self.mixing) if self.mixing else None
        )


def _invariance(group: Group, copies: int) -> Symmetry:
    return Symmetry(group, (copies * V)(group), Scalar(group))


def _dot(first: Tensor, second: Tensor) -> Tensor:
    product: Tensor = (first * second).sum(-1)
    return product


def _area(first: Tensor, second: Tensor) -> Tensor:
    """Return the area of the parallelogram of two vectors [..., 2]."""
    area: Tensor = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return area


@final
class HiddenProduct(HiddenTask):
    """SO(2) × SO(3) on R² + R³, behind a change of basis of R⁵: 1 + 3 generators.

    y = a₁∧a₂ + sin(a₁·a₂) + b₁·b₂ cos(‖b₁‖²/4), with a and b the parts of the two vectors
    z = B⁻¹ x, z ~ N(0, 1). a₁∧a₂ changes its sign under reflections. The inputs' own law has so(5)
    behind the same B, which contains the group: a method that reports the inputs' symmetry reports
    10 generators.
    """

    name, summary = "hidden-product", "SO(2) × SO(3) behind a change of basis"
    input_shape = (10,)
    mixing = "product"

    @property
    def group(self) -> Group:
        """B (SO(2) × SO(3)) B⁻¹."""
        return _product()

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        (a1, b1), (a2, b2) = (copy.split([2, 3], -1) for copy in z.unbind(-2))
        waves = _dot(b1, b2) * (_dot(b1, b1) / 4).cos()
        return _area(a1, a2) + _dot(a1, a2).sin() + waves


@cache
def _product() -> Group:
    return Conjugated(SO(2) * SO(3), basis_change(5, "product"))


@final
class HiddenIrreducible(HiddenTask):
    """SO(3) on R⁵, irreducibly: 3 of the 10 generators of SO(5).

    Two vectors are two symmetric traceless 3 × 3 matrices P, Q with N(0, 1) coordinates, and
    y = tr P³ + tr P²Q + sin(tr PQ). The coordinates' law and the last term have all of so(5); the
    cubic terms keep so(3) alone.
    """

    name, summary = "hidden-irreducible", "SO(3) by its irreducible representation on R⁵"
    input_shape = (10,)

    @property
    def group(self) -> Group:
        """SO(3) on R⁵."""
        return Quadrupoles()

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        P, Q = torch.einsum("...ck,kij->c...ij", z, traceless().to(z)).unbind(0)
        square = P @ P
        return _trace(square, P) + _trace(square, Q) + _trace(P, Q).sin()


def _trace(first: Tensor, second: Tensor) -> Tensor:
    """Return tr first second of symmetric matrices [..., 3, 3]."""
    trace: Tensor = (first * second).sum((-2, -1))
    return trace


@final
class HiddenSL2(HiddenTask):
    """SL(2) on the plane, 3 of the 4 generators of GL(2).

    y = sin(x₁∧x₂) + ½ (x₁∧x₃)(x₂∧x₃) of three vectors ~ N(0, 1): functions of areas.
    """

    name, summary = "hidden-sl2", "areas of three vectors of the plane: SL(2)"
    input_shape = (6,)
    copies = 3

    @property
    def group(self) -> Group:
        """SL(2)."""
        return SL(2)

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        first, second, third = z.unbind(-2)
        return _area(first, second).sin() + _area(first, third) * _area(second, third) / 2


@final
class HiddenSp4(HiddenTask):
    """Sp(4, R) on the phase space (q, p) of two degrees of freedom: 10 of 16 generators.

    y = sin ω(x₁, x₂) + ½ ω(x₁, x₃) ω(x₂, x₃) of three vectors ~ N(0, 1), with the symplectic form
    ω(x, x') = q·p' - p·q'.
    """

    name, summary = "hidden-sp4", "symplectic products of three vectors: Sp(4)"
    input_shape = (12,)
    copies = 3

    @property
    def group(self) -> Group:
        """Sp(4, R), named Sp(2) after its two degrees of freedom."""
        return Sp(2)

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        first, second, third = z.unbind(-2)
        return _form(first, second).sin() + _form(first, third) * _form(second, third) / 2


def _form(first: Tensor, second: Tensor) -> Tensor:
    (q, p), (Q, P) = first.split(2, -1), second.split(2, -1)
    return _dot(q, P) - _dot(p, Q)


class _Homogeneous(HiddenTask):
    """Points (v, 1) with v ~ N(0, 1); the candidates are affine."""

    copies = 3

    def candidate_algebra(self) -> Tensor:
        """Return aff(d): other matrices leave the plane of the points (v, 1)."""
        return affine_algebra(self.input_shape[0] // self.copies - 1)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw points (v, 1), [n, copies · (d + 1)]."""
        z = self._apart(super().inputs(n, generator))
        z[..., -1] = 1.0
        return z.flatten(1)


@final
class HiddenEuclidean(_Homogeneous):
    """SE(2) on three points (v, 1) of the plane: 3 of the 6 affine generators.

    y = log(1 + ‖v₁ - v₂‖²) + ½ (v₂ - v₁)∧(v₃ - v₁). No method that looks for linear maps of v alone
    finds the translations.
    """

    name, summary = "hidden-euclidean", "a distance and an area of three points: SE(2)"
    input_shape = (9,)

    @property
    def group(self) -> Group:
        """SE(2) on (v, 1)."""
        return SE(2)

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        first, second, third = z[..., :2].unbind(-2)
        side, other = second - first, third - first
        return _dot(side, side).log1p() + _area(side, other) / 2


@final
class HiddenGalilean(_Homogeneous):
    """The Galilei group on three events (t, x, 1), x in the plane: 6 of the 12 affine generators.

    y = τ₂ + log(1 + ‖w‖²), with τ_i = t_i - t₁ and w = τ₃ (x₂ - x₁) - τ₂ (x₃ - x₁), which no boost
    changes.
    """

    name, summary = "hidden-galilean", "three events of the plane: the Galilei group"
    input_shape = (12,)

    @property
    def group(self) -> Group:
        """The Galilei group on (t, x, 1)."""
        return Galilei()

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        first, second, third = z[..., :3].unbind(-2)
        side, other = second - first, third - first
        w = other[..., :1] * side[..., 1:] - side[..., :1] * other[..., 1:]
        return side[..., 0] + _dot(w, w).log1p()


@final
class HiddenNothing(HiddenTask):
    """Control: a sum of 20 plane waves of two vectors in R⁵, of which no linear map keeps anything.

    The inputs are those of ``hidden-product``, behind the same kind of change of basis.
    """

    discovery = "control"
    name, summary = "hidden-nothing", "control: plane waves behind a change of basis"
    input_shape = (10,)
    mixing = "nothing"

    @property
    def group(self) -> None:
        """None: the control has no symmetry."""
        return None

    def value(self, z: Tensor) -> Tensor:
        """Return y."""
        stream = seeded("hidden-nothing")
        waves = 0.4 * gaussian(_WAVES, 10, stream).to(z)
        phases = 6.283185307179586 * torch.rand(_WAVES, generator=stream, dtype=torch.float64).to(z)
        return (z.flatten(-2) @ waves.mT + phases).cos().sum(-1)

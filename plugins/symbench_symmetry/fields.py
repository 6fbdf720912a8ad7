"""Ten polynomial vector fields whose affine symmetries are known exactly.

A field F on R^d is learned as a function. An affine map with generator ξ(x) = M x + b keeps it if
[F, ξ] = DF ξ - M F = 0. In homogeneous coordinates the input is (x, 1), the target is (F(x), 0),
and ξ is the matrix [[M, b], [0, 0]]: the law is the linear one, V -> V, and the candidates are the
affine algebra aff(d). The tests compute every algebra in exact rational arithmetic.

The test inputs are uniform in a box around the interesting part of the flow, without noise. The
inputs of training are uniform in the box too, or lie on trajectories that start there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, Symmetry, Task
from symbench.groups import GL, SO, Group, Trivial, V
from symbench_symmetry.groups import CO
from symbench_symmetry.polynomials import PolynomialField

_REFERENCE = (
    "Kendiukhov 2026, Certified symmetry discovery "
    "(github.com/Kendiukhov/certified-symmetry-discovery): ten fields, three kinds of samples"
)
_PROBES = 20_000  # points from which the deviation of a field is computed
FULL_ONLY: Mapping[str, tuple[int, ...]] = {
    "smoke": (30, 100),
    "quick": (),
    "standard": (300,),
    "full": (30, 100, 300, 1000, 3000),
}
EVERY_TIER: Mapping[str, tuple[int, ...]] = {**FULL_ONLY, "quick": (300,)}


def affine_algebra(d: int) -> Tensor:
    """Return a basis [d(d + 1), d + 1, d + 1] of aff(d), which acts on (x, 1)."""
    units = torch.eye((d + 1) ** 2, dtype=torch.float64).view(d + 1, d + 1, d + 1, d + 1)
    return units[:d].flatten(0, 1)


class FieldTask(Task):
    """Regression of a polynomial vector field in homogeneous coordinates, (x, 1) -> (F(x), 0).

    Attributes:
        field: F.
        group: its group of affine maps, on (x, 1); None for a control.
        centre: the centre of the box, of which ``half`` is half an edge.
        duration: the length of a trajectory.
        orbits: the number of trajectories of training; 0 for inputs uniform in the box.
        noise: the standard deviation of the noise on training targets, in units of the deviation of
            F in the box.
    """

    version = "1"
    reference = _REFERENCE
    threshold = 0.01
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = FULL_ONLY
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    field: ClassVar[PolynomialField]
    group: ClassVar[Group | None] = None
    centre: ClassVar[tuple[float, ...]]
    half: ClassVar[float]
    duration: ClassVar[float] = 20.0
    orbits: ClassVar[int] = 0
    noise: ClassVar[float] = 0.0

    @property
    def symmetry(self) -> Symmetry | None:
        """V -> V, the affine maps that keep the field."""
        return None if self.group is None else Symmetry(self.group, V(self.group), V(self.group))

    def layout(self) -> Symmetry:
        """Return GL(d + 1): V -> V; a control has it too."""
        everything = GL(self.field.dim + 1)
        return Symmetry(everything, V(everything), V(everything))

    def candidate_algebra(self) -> Tensor:
        """Return aff(d): other matrices leave the plane of the points (x, 1)."""
        return affine_algebra(self.field.dim)

    def target(self, x: Tensor) -> Tensor:
        """Return (F(x), 0) [..., d + 1] at (x, 1) [..., d + 1]."""
        value = self.field(x[..., :-1])
        return torch.cat([value, torch.zeros_like(value[..., :1])], -1)

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples; the test split is uniform in the box and exact."""
        stream = self.generator(seed, split)
        trained = split != "test"
        inputs = self._along_orbits if trained and self.orbits else self._in_the_box
        x = inputs(n, stream).float().double()
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        y = self.target(x)
        if trained and self.noise:
            drawn = torch.randn(y[:, :-1].shape, generator=stream, dtype=torch.float64)
            y[:, :-1] += self.noise * self.deviation * drawn
        return Data(x.to(dtype), y.to(dtype))

    @cached_property
    def deviation(self) -> float:
        """The root mean square deviation of a component of F in the box."""
        x = self._in_the_box(_PROBES, torch.Generator().manual_seed(0))
        return float(self.field(x).var(0).mean().sqrt())

    def _in_the_box(self, n: int, stream: torch.Generator) -> Tensor:
        drawn = torch.rand(n, self.field.dim, generator=stream, dtype=torch.float64)
        return torch.tensor(self.centre, dtype=torch.float64) + self.half * (2 * drawn - 1)

    def _along_orbits(self, n: int, stream: torch.Generator) -> Tensor:
        """Return states [n, d] at random times of the trajectories, which take turns."""
        start = self._in_the_box(self.orbits, stream)
        each = -(-n // self.orbits)
        drawn = torch.rand(self.orbits, each, generator=stream, dtype=torch.float64)
        states = self.field.along(start, self.duration * drawn, self.duration)
        return states.transpose(0, 1).flatten(0, 1)[:n]


class _Plane(FieldTask):
    input_shape, output_shape = (3,), (3,)
    centre = (0.0, 0.0)


class _Space(FieldTask):
    input_shape, output_shape = (4,), (4,)
    centre = (0.0, 0.0, 0.0)


class Hopf(_Plane):
    """F = (x - y - x r², x + y - y r²) with r² = x² + y²: a limit cycle, |x|, |y| ≤ 1.5.

    The algebra is one rotation.
    """

    name, summary = "field-hopf", "the Hopf normal form: one rotation"
    sizes = EVERY_TIER
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"threshold": 0.001}}
    field = PolynomialField(
        (
            {(1, 0): "1", (0, 1): "-1", (3, 0): "-1", (1, 2): "-1"},
            {(1, 0): "1", (0, 1): "1", (2, 1): "-1", (0, 3): "-1"},
        )
    )
    group = SO(2) * Trivial(1)
    half = 1.5


@final
class PlanarRotation(_Plane):
    """F = (-y, x) for |x|, |y| ≤ 1.5.

    The algebra has the rotation and the scaling. A linear map is exact.
    """

    name, summary = "field-planar-rotation", "the linear centre: a rotation and a scaling"
    field = PolynomialField(({(0, 1): "-1"}, {(1, 0): "1"}))
    group = CO() * Trivial(1)
    half = 1.5


class SymmetricTop(_Space):
    """F = (yz, -xz, 0) for |x|, |y|, |z| ≤ 1.5: Euler's equations of a symmetric top.

    The algebra has the rotation and the scaling about the axis. A trajectory is a horizontal circle
    about it.
    """

    name, summary = "field-symmetric-top", "a symmetric top: rotation and scaling about its axis"
    field = PolynomialField(({(0, 1, 1): "1"}, {(1, 0, 1): "-1"}, {}))
    group = CO() * Trivial(2)
    half = 1.5


@final
class RadialFlow(_Space):
    """F = (1 - |x|²) x for |x|, |y|, |z| ≤ 1.5: the flow to the sphere.

    The algebra is so(3). A trajectory lies on a ray, which no rotation but the one about it keeps.
    """

    name, summary = "field-radial", "the radial flow to the sphere: three rotations"
    field = PolynomialField(
        (
            {(1, 0, 0): "1", (3, 0, 0): "-1", (1, 2, 0): "-1", (1, 0, 2): "-1"},
            {(0, 1, 0): "1", (2, 1, 0): "-1", (0, 3, 0): "-1", (0, 1, 2): "-1"},
            {(0, 0, 1): "1", (2, 0, 1): "-1", (0, 2, 1): "-1", (0, 0, 3): "-1"},
        )
    )
    group = SO(3) * Trivial(1)
    half = 1.5
    duration = 3.0


class VanDerPol(_Plane):
    """F = (y, (1 - x²) y - x) for |x|, |y| ≤ 2.5: a limit cycle, and no affine symmetry."""

    name, summary = "field-van-der-pol", "control: the Van der Pol oscillator"
    field = PolynomialField(({(0, 1): "1"}, {(0, 1): "1", (2, 1): "-1", (1, 0): "-1"}))
    half = 2.5


@final
class Duffing(_Plane):
    """F = (y, x - x³ - 0.3 y) for |x|, |y| ≤ 2: two attracting points, and no affine symmetry."""

    name, summary = "field-duffing", "control: the damped Duffing oscillator"
    field = PolynomialField(({(0, 1): "1"}, {(1, 0): "1", (3, 0): "-1", (0, 1): "-3/10"}))
    half = 2.0


@final
class LotkaVolterra(_Plane):
    """F = (⅔ x - 4/3 xy, xy - y) for 0.25 ≤ x ≤ 1.75, 0 ≤ y ≤ 1.5: no affine symmetry."""

    name, summary = "field-lotka-volterra", "control: the predators and prey of Lotka and Volterra"
    field = PolynomialField(({(1, 0): "2/3", (1, 1): "-4/3"}, {(1, 1): "1", (0, 1): "-1"}))
    centre, half = (1.0, 0.75), 0.75


@final
class Selkov(_Plane):
    """F = (-x + y/10 + x² y, ½ - y/10 - x² y) for 0 ≤ x, y ≤ 2: no affine symmetry."""

    name, summary = "field-selkov", "control: Sel'kov's glycolysis"
    field = PolynomialField(
        (
            {(1, 0): "-1", (0, 1): "1/10", (2, 1): "1"},
            {(0, 0): "1/2", (0, 1): "-1/10", (2, 1): "-1"},
        )
    )
    centre, half = (1.0, 1.0), 1.0


class AsymmetricBody(_Space):
    """F = (yz, -2xz, xy) for |x|, |y|, |z| ≤ 1.5: Euler's equations without an axis of symmetry."""

    name, summary = "field-asymmetric-body", "control: a rigid body without an axis of symmetry"
    field = PolynomialField(({(0, 1, 1): "1"}, {(1, 0, 1): "-2"}, {(1, 1, 0): "1"}))
    half = 1.5


class Lorenz(_Space):
    """F = (10(y - x), x(28 - z) - y, xy - 8z/3) within 20 of (0, 0, 25): chaos.

    The reflection (x, y) -> (-x, -y) is its only affine symmetry, and no Lie algebra has it.
    """

    name, summary = "field-lorenz", "control: the Lorenz system"
    field = PolynomialField(
        (
            {(0, 1, 0): "10", (1, 0, 0): "-10"},
            {(1, 0, 0): "28", (1, 0, 1): "-1", (0, 1, 0): "-1"},
            {(1, 1, 0): "1", (0, 0, 1): "-8/3"},
        )
    )
    centre, half = (0.0, 0.0, 25.0), 20.0

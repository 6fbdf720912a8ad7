"""Objects in random poses: which of the poses of a group is the nearest?

Park et al. (LieFlow) draw the poses hX of an object X [points, d], with h uniform in a group H, and
discover H as the law that maps one drawn pose to another. There is nothing to predict. Here the
input is the object in any pose, x = gX + noise with g uniform in SO(d), and the target is the mean
of their law given x, as if x were a pose hX with Gaussian noise of variance s²:

    y(x) = Σ_h p_h(x) hX,   p_h(x) ∝ exp(x·hX / s²).

y is the denoiser of their law. It satisfies y(gx) = g y(x) if and only if g permutes the poses hX,
so that the truth is H exactly, for an object that no rotation or mirror preserves point by point.
The law of the inputs is that of all rotations. The best SO(d)-equivariant prediction has the error
0.15 for the arrow, and 0.37, 0.18 and 0.046 for the tetrahedral, octahedral and icosahedral poses;
each threshold is a quarter of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import InputError, Symmetry
from symbench.contract import seeded
from symbench.groups import GL, SO, C, Finite, Group, Trivial, V, elements_of
from symbench_symmetry.finite import EVERY_TIER, FiniteTask

ARROW = (
    *((0.0, 0.0), (0.25, 0.0), (0.25, 0.25), (0.25, 0.5), (0.5, 0.5), (0.25, 0.75), (0.0, 1.0)),
    *((-0.25, 0.75), (-0.5, 0.5), (-0.25, 0.5), (-0.25, 0.25), (-0.25, 0.0), (0.0, 0.0)),
)
TETRAHEDRON = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.5, 1.0, 0.2), (0.3, 0.4, 1.1))
_NOISE = 0.05  # deviation of each coordinate of the inputs
_GOLDEN = (1 + math.sqrt(5)) / 2


def turn(axis: tuple[float, float, float], order: int) -> Tensor:
    """Return the rotation [3, 3] about an axis by 2π/order."""
    a, b, c = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0).tolist()
    cross = torch.tensor([[0, -c, b], [c, 0, -a], [-b, a, 0]], dtype=torch.float64)
    rotation: Tensor = torch.linalg.matrix_exp(2 * math.pi / order * cross)
    return rotation


def tetrahedral() -> Finite:
    """Return the twelve rotations that preserve a regular tetrahedron."""
    return Finite("T", torch.stack([turn((0, 0, 1), 2), turn((1, 1, 1), 3)]))


def octahedral() -> Finite:
    """Return the 24 rotations that preserve a regular octahedron."""
    return Finite("Oct", torch.stack([turn((0, 0, 1), 4), turn((1, 1, 1), 3)]))


def icosahedral() -> Finite:
    """Return the 60 rotations that preserve a regular icosahedron."""
    return Finite("Ico", torch.stack([turn((0, 1, _GOLDEN), 5), turn((1, 1, 1), 3)]))


class PoseTask(FiniteTask):
    """y(x) = Σ_h p_h(x) hX for the poses hX of one object, with p_h(x) ∝ exp(x·hX / s²).

    ``object`` holds the points of X, and ``softness`` is s².
    """

    reference = "Park et al. 2026 (LieFlow); the supervised form is ours"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100,),
        "quick": (),
        "standard": (300,),
        "full": (100, 300, 1000, 3000, 10000),
    }
    object: ClassVar[tuple[tuple[float, ...], ...]] = TETRAHEDRON
    softness: ClassVar[float] = 0.25
    input_shape: ClassVar[tuple[int, ...]] = (12,)
    output_shape: ClassVar[tuple[int, ...]] = (12,)

    @property
    def group(self) -> Group | None:
        """The group H of the poses; None for a control without symmetry."""
        return None

    @property
    def symmetry(self) -> Symmetry | None:
        """H: k V -> k V, for an object of k points."""
        return None if self.group is None else self._acting(self.group)

    def layout(self) -> Symmetry:
        """Return how GL(V) acts: k V -> k V."""
        return self._acting(GL(len(self.object[0])))

    def _acting(self, group: Group) -> Symmetry:
        points = (len(self.object) * V)(group)
        return Symmetry(group, points, points)

    def poses(self) -> Tensor:
        """Return the group elements h [m, d, d] of the poses, in float64.

        Raises:
            InputError: the group is not finite.
        """
        elements = None if self.group is None else elements_of(self.group)
        if elements is None:
            raise InputError(f"{self.name} has no finite group: define its poses or its target")
        return elements

    @cached_property
    def _posed(self) -> Tensor:
        shape = torch.tensor(self.object, dtype=torch.float64)
        return (shape @ self.poses().mT).flatten(1)

    def inputs(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw the object in uniform poses, with noise of deviation 0.05, [n, input_size]."""
        shape = torch.tensor(self.object, dtype=torch.float64)
        posed = (shape @ SO(shape.shape[1]).sample(n, generator).mT).flatten(1)
        return posed + _NOISE * torch.randn(posed.shape, generator=generator, dtype=torch.float64)

    def target(self, x: Tensor) -> Tensor:
        """Return the mean pose [..., output_size]."""
        posed = self._posed.to(x)
        return (x @ posed.mT / self.softness).softmax(-1) @ posed


@final
class FiniteArrow(PoseTask):
    """An arrow of 13 points in the plane: the symmetry is C(4), four elements."""

    name = "finite-arrow"
    summary = "the nearest of four poses of an arrow in the plane"
    discovery = "finite"
    threshold = 0.038
    object = ARROW
    input_shape = output_shape = (26,)

    @property
    def group(self) -> Group:
        """C(4)."""
        return C(4)


@final
class FiniteTetrahedral(PoseTask):
    """An irregular tetrahedron in the twelve poses of the tetrahedral rotations."""

    name = "finite-tetrahedral"
    summary = "the nearest of the twelve tetrahedral poses of an object"
    sizes = EVERY_TIER
    discovery = "finite"
    threshold = 0.09

    @property
    def group(self) -> Group:
        """The tetrahedral rotations."""
        return tetrahedral()


@final
class FiniteOctahedral(PoseTask):
    """An irregular tetrahedron in the 24 poses of the octahedral rotations."""

    name = "finite-octahedral"
    summary = "the nearest of the 24 octahedral poses of an object"
    discovery = "finite"
    threshold = 0.045

    @property
    def group(self) -> Group:
        """The octahedral rotations."""
        return octahedral()


@final
class FiniteIcosahedral(PoseTask):
    """An irregular tetrahedron in the 60 poses of the icosahedral rotations."""

    name = "finite-icosahedral"
    summary = "the nearest of the 60 icosahedral poses of an object"
    discovery = "finite"
    threshold = 0.011

    @property
    def group(self) -> Group:
        """The icosahedral rotations."""
        return icosahedral()


@final
class FiniteAxis(PoseTask):
    """A control with a continuous group: an irregular tetrahedron in all poses about one axis.

    The mean over SO(2) is in closed form. With the points as complex numbers in the plane of the
    rotation and w = Σ conj(xₖ) Xₖ, it is I₁(|w|/s²) / I₀(|w|/s²) conj(w)/|w| Xₖ in that plane, and
    the third coordinate of X along the axis.
    """

    name = "finite-axis"
    summary = "the nearest pose of an object about one axis: a continuous group"
    threshold = 0.02

    @property
    def group(self) -> Group:
        """SO(2) × Trivial(1), rotations about the third axis."""
        return SO(2) * Trivial(1)

    def target(self, x: Tensor) -> Tensor:
        """Return the mean pose [..., 12]."""
        shape = torch.tensor(self.object, dtype=x.dtype, device=x.device)
        points = x.unflatten(-1, shape.shape)
        real = (points[..., :2] * shape[:, :2]).sum((-2, -1))
        imaginary = (points[..., 0] * shape[:, 1] - points[..., 1] * shape[:, 0]).sum(-1)
        size = torch.hypot(real, imaginary)
        ratio = torch.special.i1e(size / self.softness) / torch.special.i0e(size / self.softness)
        cosine, sine = ratio * real / size, -ratio * imaginary / size
        first = cosine[..., None] * shape[:, 0] - sine[..., None] * shape[:, 1]
        second = sine[..., None] * shape[:, 0] + cosine[..., None] * shape[:, 1]
        return torch.stack([first, second, shape[:, 2].expand_as(first)], -1).flatten(-2)


@final
class FiniteNone(PoseTask):
    """A control without symmetry: an irregular tetrahedron in twelve random poses."""

    name = "finite-none"
    summary = "the nearest of twelve random poses of an object: no symmetry"
    threshold = 0.13

    def poses(self) -> Tensor:
        """Return twelve fixed rotations [12, 3, 3]."""
        return SO(3).sample(12, seeded(self.name, self.version, "poses"))

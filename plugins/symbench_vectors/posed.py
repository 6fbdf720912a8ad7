"""Vector tasks that show one pose, or a few, in training, and all poses in the test."""
# ruff: noqa: D101 - the tasks have the docstring of their family

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from symbench import Data, Published, Split
from symbench_vectors.chiral import SO3Cross
from symbench_vectors.tasks import (
    LorentzScattering,
    O3Inertia,
    O5Invariant,
    VectorTask,
    gaussian,
)

_ROUNDING = 1e-12  # of the coordinates that are zero in the pose
_SIZES: Mapping[str, tuple[int, ...]] = {
    "smoke": (30, 100),
    "quick": (),
    "standard": (300,),
    "full": (100, 300, 1000, 3000, 10000),
}


class PosedTask(VectorTask):
    """The task named after ``posed-``, with other inputs: few poses in training, all in the test.

    Training and validation inputs are rotated so that the first vector (of the inertia, the first
    position; of the scattering, the momentum of p₁) points along the first axis, and the second
    lies in the half-plane of the first two axes, on the side of the second. Labels are those of the
    rotated inputs. With ``angle`` > 0, each input is then rotated by an angle uniform in [-angle,
    angle], in a plane of its own, drawn uniformly. The test inputs are those of the task itself, in
    all poses.

    The truth is that of the task itself. An equivariant model has the same error in the pose and in
    all poses; what other models learn of the symmetry from rotated inputs is missing here. The
    metric ``pose`` measures both errors on the same test examples. The control is the task itself,
    which shows all poses, and whose threshold this task has.
    """

    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = _SIZES
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    published: ClassVar[tuple[Published, ...]] = ()
    angle: ClassVar[float] = 0.0  # degrees
    places: ClassVar[tuple[slice, slice]]  # of the two vectors in space that define the pose

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n examples, in the poses of training except in the test split."""
        x = self.inputs(n, self.generator(seed, split))
        if split != "test":
            x = self.in_pose(x, self.generator(seed, split, "pose"))
        x = x.float().double()
        return Data(x.to(dtype), self.target(x).to(dtype))

    def in_pose(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Return the inputs [n, input_size] rotated into poses of training, in float64."""
        first, second = (x[:, place] for place in self.places)
        posed = self._rotated(x, frames(first, second).mT)
        posed = torch.where(posed.abs() < _ROUNDING, 0.0, posed)
        if self.angle == 0:
            return posed
        turns = small_rotations(len(x), first.shape[1], math.radians(self.angle), generator)
        return self._rotated(posed, turns)

    def _rotated(self, x: Tensor, R: Tensor) -> Tensor:
        """Return inputs moved by rotations R [n, k, k] of the last k coordinates of each vector."""
        d, k = self.symmetry.group.dim, R.shape[-1]
        g = torch.eye(d, dtype=x.dtype).repeat(len(x), 1, 1)
        g[:, d - k :, d - k :] = R
        return self.symmetry.input.act(g, x)


def frames(first: Tensor, second: Tensor) -> Tensor:
    """Return rotations [n, k, k], k > 2, whose columns are a right-handed orthonormal frame.

    The first column has the direction of ``first`` [n, k]. The second lies in the plane of both
    vectors, on the side of ``second``.
    """
    Q, R = torch.linalg.qr(torch.stack([first, second], -1), mode="complete")
    signs = torch.ones(len(Q), 1, Q.shape[-1], dtype=Q.dtype)
    signs[:, 0, :2] = R.diagonal(dim1=1, dim2=2).sign()
    Q = Q * signs
    signs = torch.ones_like(signs)
    signs[:, 0, -1] = torch.linalg.det(Q).sign()
    right_handed: Tensor = Q * signs
    return right_handed


def small_rotations(n: int, k: int, largest: float, generator: torch.Generator) -> Tensor:
    """Draw rotations [n, k, k] by angles uniform in ± ``largest`` (radians) in uniform planes."""
    plane = torch.linalg.qr(gaussian(n * k, 2, generator).view(n, k, 2)).Q
    a, b = plane[..., :1], plane[..., 1:]
    angle = (2 * torch.rand(n, 1, 1, generator=generator, dtype=a.dtype) - 1) * largest
    within, across = a @ a.mT + b @ b.mT, b @ a.mT - a @ b.mT
    identity = torch.eye(k, dtype=a.dtype)
    turned: Tensor = identity + (angle.cos() - 1) * within + angle.sin() * across
    return turned


class PosedO5(PosedTask, O5Invariant):
    name = "posed-o5-invariant"
    summary = "o5-invariant, trained in one pose and tested in all"
    sizes = _SIZES
    places = slice(0, 5), slice(5, 10)


class PosedO5Within30(PosedO5):
    name = "posed-o5-invariant-30"
    summary = "o5-invariant, trained within 30° of one pose and tested in all"
    sizes = _SIZES
    angle = 30.0


class PosedO5Within90(PosedO5):
    name = "posed-o5-invariant-90"
    summary = "o5-invariant, trained within 90° of one pose and tested in all"
    sizes = _SIZES
    angle = 90.0


class PosedInertia(PosedTask, O3Inertia):
    name = "posed-o3-inertia"
    summary = "o3-inertia, trained in one pose and tested in all"
    places = slice(5, 8), slice(8, 11)


class PosedInertiaWithin30(PosedInertia):
    name = "posed-o3-inertia-30"
    summary = "o3-inertia, trained within 30° of one pose and tested in all"
    angle = 30.0


class PosedInertiaWithin90(PosedInertia):
    name = "posed-o3-inertia-90"
    summary = "o3-inertia, trained within 90° of one pose and tested in all"
    angle = 90.0


class PosedCross(PosedTask, SO3Cross):
    name = "posed-so3-cross"
    summary = "so3-cross, trained in one pose and tested in all"
    places = slice(0, 3), slice(3, 6)


class PosedCrossWithin30(PosedCross):
    name = "posed-so3-cross-30"
    summary = "so3-cross, trained within 30° of one pose and tested in all"
    angle = 30.0


class PosedCrossWithin90(PosedCross):
    name = "posed-so3-cross-90"
    summary = "so3-cross, trained within 90° of one pose and tested in all"
    angle = 90.0


class PosedScattering(PosedTask, LorentzScattering):
    name = "posed-lorentz-scattering"
    summary = "lorentz-scattering, trained in one pose and tested in all"
    places = slice(1, 4), slice(5, 8)


class PosedScatteringWithin30(PosedScattering):
    name = "posed-lorentz-scattering-30"
    summary = "lorentz-scattering, trained within 30° of one pose and tested in all"
    angle = 30.0


class PosedScatteringWithin90(PosedScattering):
    name = "posed-lorentz-scattering-90"
    summary = "lorentz-scattering, trained within 90° of one pose and tested in all"
    angle = 90.0

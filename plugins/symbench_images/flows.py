"""Digits moved by other flows than rotations, and a control whose labels depend on the pose."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from symbench import Data, InputError, Split
from symbench.groups import Group
from symbench_images.digits import CLASSES, SIDE
from symbench_images.rotation import (
    MAX_ANGLE,
    PixelRotation,
    pixel_derivatives,
    pixel_grid,
    polynomial_fields,
)
from symbench_images.tasks import Digits, pixel_rotations

# Affine vector fields (a x + b y + c) ∂x + (d x + e y + f) ∂y, as rows (a, b, c), (d, e, f); the
# origin is the image's centre and the unit half its side.
MOTIONS: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "translation": ((0, 0, 1), (0, 0, 0)),
    "scaling": ((1, 0, 0), (0, 1, 0)),
    "shear": ((0, 1, 0), (0, 0, 0)),
}


@final
class PixelFlow(Group):
    """A one-parameter group of affine motions of the plane, on the pixels of a square image.

    Its elements sample an image at exp(tG) p instead of p, with bilinear interpolation and zeros
    outside, so they form a group only approximately (``is_exact``). The algebra is exact for
    band-limited images.

    Args:
        side: pixels along each edge.
        motion: a name of ``MOTIONS``.
        reach: elements have t uniform in ± this; for a translation, in units of half the side.

    Raises:
        InputError: there is no such motion.
    """

    is_exact: ClassVar[bool] = False

    def __init__(self, side: int, motion: str, reach: float) -> None:
        if motion not in MOTIONS:
            raise InputError(f"no motion {motion!r}: choose one of {', '.join(MOTIONS)}")
        self.side, self.motion, self.reach = side, motion, reach
        self.sampler_law = f"t uniform in ±{reach:g}, bilinear"
        super().__init__(f"{motion}({side}, ±{reach:g})", flow_generator(side, motion)[None])

    @property
    def is_compact(self) -> bool:
        """False: no motion returns."""
        return False

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, side², side²]."""
        t = self.reach * (2 * torch.rand(count, generator=generator, dtype=torch.float64) - 1)
        return self.elements(t)

    def elements(self, t: Tensor) -> Tensor:
        """Return the elements [count, side², side²] of the parameters t [count]."""
        pixels = self.side**2
        one = torch.eye(pixels, dtype=torch.float64).view(1, pixels, self.side, self.side)
        images = one.expand(len(t), -1, -1, -1)
        return moved(images, t, self.motion).flatten(2).mT


def flow_generator(side: int, motion: str) -> Tensor:
    """Return the vector field of a motion as an operator [side², side²] on row-major images."""
    x, y = (axis / (side / 2) for axis in pixel_grid(side))
    place = torch.stack([x, y, torch.ones_like(x)])
    field = torch.tensor(MOTIONS[motion], dtype=torch.float64) @ place * (side / 2)
    along_x, along_y = pixel_derivatives(side)
    generator: Tensor = field[0, :, None] * along_x + field[1, :, None] * along_y
    return generator


def moved(images: Tensor, t: Tensor, motion: str) -> Tensor:
    """Return images [n, channels, side, side], each sampled at exp(tG) p for its own t [n].

    G is the matrix of the motion; sampling is bilinear, and zero outside the image.
    """
    G = torch.zeros(3, 3, dtype=torch.float64)
    G[:2] = torch.tensor(MOTIONS[motion], dtype=torch.float64)
    rows = torch.linalg.matrix_exp(t.double()[:, None, None] * G)[:, :2]
    grid = affine_grid(rows.to(images.dtype), list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)


@lru_cache(maxsize=4)
def _flow(motion: str, reach: float) -> PixelFlow:
    return PixelFlow(SIDE, motion, reach)


@lru_cache(maxsize=1)
def _candidates() -> Tensor:
    return polynomial_fields(SIDE)


class _Moved(Digits):
    """Digits, each moved by its own element of a one-parameter group, t uniform in ± ``reach``.

    The candidate algebra is that of all tasks on images, the 12 vector fields of degree ≤ 2; the
    true algebra is the one field of the motion.
    """

    rotated, is_scrambled = True, False
    motion: ClassVar[str]
    reach: ClassVar[float]

    @property
    def group(self) -> PixelFlow:
        """The motions of the task's pixels."""
        return _flow(self.motion, self.reach)

    def candidate_algebra(self) -> Tensor:
        """Return the 12 vector fields of degree ≤ 2, [12, side², side²]."""
        return _candidates()

    def _moved(self, images: Tensor, angles: Tensor) -> Tensor:
        return moved(images, angles / MAX_ANGLE * self.reach, self.motion)


@final
class Translated(_Moved):
    """Digits, each moved along its rows by up to two pixels."""

    name = "moved-digits-translation"
    summary = "8×8 digits, each moved sideways by up to two pixels"
    threshold = 0.2
    motion, reach = "translation", 0.5


@final
class Scaled(_Moved):
    """Digits, each shrunk or enlarged by a factor of up to 1.5."""

    name = "moved-digits-scaling"
    summary = "8×8 digits, each shrunk or enlarged by up to a factor of 1.5"
    threshold = 0.2
    motion, reach = "scaling", 0.405


@final
class Sheared(_Moved):
    """Digits, each sheared along its rows by up to half a pixel per pixel."""

    name = "moved-digits-shear"
    summary = "8×8 digits, each sheared sideways"
    threshold = 0.2
    motion, reach = "shear", 0.5


@final
class Posed(Digits):
    """Digits, each rotated by its own angle, with a label that depends on the angle: a control.

    The label of a digit d is d if it is turned counter-clockwise, and d + 5 modulo 10 if it is
    turned clockwise. So the inputs have the law of ``scrambled-digits-rotated``, but the labels do
    not have its symmetry: a rotation that changes the sign of the angle changes the label. A method
    that reports rotations sees the inputs only.
    """

    name = "posed-digits"
    summary = "8×8 digits whose labels depend on how they are turned, a control"
    threshold = 0.35
    discovery = "control"
    rotated, is_scrambled = True, False

    @property
    def group(self) -> None:
        """None: the labels have no symmetry."""
        return

    def rotations(self) -> PixelRotation:
        """Return the rotations of the pixels, of which the inputs have the law."""
        return pixel_rotations(scrambled=False)

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n images and labels as ``ScrambledImages`` does, and change the labels."""
        data = super().sample(n, seed, split, dtype)
        clockwise = self.drawn(n, seed, split)[1] < 0
        return Data(data.x, (data.y + CLASSES // 2 * clockwise) % CLASSES)

"""The base class of the tasks on rotated and scrambled images: draws, symmetry, candidates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from symbench import Data, InputError, Split, Symmetry, Task, seeded
from symbench.groups import Group, Scalar, V
from symbench_images.rotation import PixelRotation, disk, polynomial_fields, uniform_angles

_AT_ONCE = 1024  # images rotated at once


@dataclass(frozen=True)
class Stock:
    """All images of a data set, and the indices of each split.

    Attributes:
        x: grey values or colours [total, channels, side, side].
        y: labels [total].
        white: the value of x that counts as 1.
        parts: the indices of each split, in the order in which they are drawn.
    """

    x: Tensor
    y: Tensor
    white: float
    parts: Mapping[Split, Tensor]

    def images(self, indices: Tensor) -> Tensor:
        """Return images [n, channels, side, side] in float64, in [0, 1]."""
        return self.x[indices].double() / self.white


def turned(images: Tensor, angles: Tensor) -> Tensor:
    """Return images [n, channels, side, side], each rotated by its own angle [n] (radians).

    It equals ``PixelRotation(side).rotation(angles)`` on every channel, without computing the
    matrices: counter-clockwise on the screen, bilinear about the centre, and zero outside the
    inscribed disk.
    """
    side = images.shape[-1]
    inside = disk(side).view(side, side).to(images.dtype)
    cosine, sine = angles.double().cos(), angles.double().sin()
    zero = torch.zeros_like(cosine)
    rows = torch.stack([cosine, -sine, zero, sine, cosine, zero], 1).view(-1, 2, 3)
    grid = affine_grid(rows.to(images.dtype), list(images.shape), align_corners=False)
    return inside * grid_sample(inside * images, grid, align_corners=False)


@lru_cache(maxsize=2)
def _candidates(group: PixelRotation) -> Tensor:
    return group.scrambled(polynomial_fields(group.side))


class ScrambledImages(Task):
    """Classification of images, each rotated by its own fixed angle, with permuted pixels.

    The tasks of a data set share images, splits and angles. They differ only in whether images are
    rotated, and whether their pixels are permuted. ``key`` seeds the random order, the angles and
    the draws.
    """

    kind = "image"
    loss = "cross-entropy"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, appendix D"
    key: str
    rotated: bool
    is_scrambled: bool

    @abstractmethod
    def stock(self) -> Stock:
        """Return the images, which are read at the first call."""

    @abstractmethod
    def rotations(self) -> PixelRotation:
        """Return the group in the order of the task's pixels."""

    @property
    def group(self) -> Group | None:
        """The rotations of the task's pixels; None if the images are not rotated."""
        return self.rotations() if self.rotated else None

    @property
    def symmetry(self) -> Symmetry | None:
        """One V per channel -> one Scalar per class; None if the images are upright."""
        if (group := self.group) is None:
            return None
        channels, classes = self.input_shape[0], self.output_shape[0]
        return Symmetry(group, (channels * V)(group), (classes * Scalar)(group))

    def candidate_algebra(self) -> Tensor:
        """Return the 12 vector fields of degree ≤ 2 [12, side², side²], scrambled as the images.

        The control has them too. The correct discovery there is that none is a symmetry.
        """
        return _candidates(self.rotations())

    def pixel_order(self) -> Tensor:
        """Return the row-major place [side²] of each scrambled pixel."""
        return self.rotations().permutation

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n images [n, channels, side, side], values in [0, 1], and their labels [n].

        The seed determines the order of the training images, which are drawn without replacement;
        a smaller set is the beginning of a larger one. ``valid`` and ``test`` give the first n
        images of a fixed order, at most all. Every image has one fixed angle, which depends on the
        seed but not in ``test``.

        Raises:
            InputError: n is less than 1 or larger than the number of training images.
        """
        stock = self.stock()
        at, angles = self.drawn(n, seed, split)
        x = torch.empty(len(at), *self.input_shape, dtype=dtype)
        for rows in torch.split(torch.arange(len(at)), _AT_ONCE):
            x[rows] = self._moved(stock.images(at[rows]), angles[rows]).to(dtype)
        return Data(x, stock.y[at])

    def drawn(self, n: int, seed: int, split: Split) -> tuple[Tensor, Tensor]:
        """Return the indices of the images [n] and their angles [n]; see ``sample``."""
        pool = self.stock().parts[split]
        if n < 1 or (split == "train" and n > len(pool)):
            raise InputError(
                f"{self.name} has {len(pool)} training images: choose n_train from 1 to "
                f"{len(pool)}, not {n}"
            )
        seed = 0 if split == "test" else seed
        order = torch.arange(len(pool))
        if split == "train":
            order = torch.randperm(len(pool), generator=seeded(self.key, seed, "draw"))
        angles = uniform_angles(len(pool), seeded(self.key, seed, split, "angles"))
        return pool[order[:n]], angles[order[:n]]

    def _moved(self, images: Tensor, angles: Tensor) -> Tensor:
        """Rotate images [n, channels, side, side] by ``angles`` [n] and scramble their pixels."""
        if self.rotated:
            images = turned(images, angles)
        if not self.is_scrambled:
            return images
        return self.rotations().scramble(images.flatten(2)).view_as(images)

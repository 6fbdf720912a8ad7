"""Digits, plain, rotated, and rotated and scrambled: what is a convolution worth?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Data, InputError, Symmetry, Task, seeded
from symbench.contract import Split
from symbench.groups import Scalar, V
from symbench_images.digits import CLASSES, PARTS, SIDE, digits, parts
from symbench_images.rotation import PixelRotation, polynomial_fields, uniform_angles


@lru_cache(maxsize=2)
def pixel_rotations(*, scrambled: bool) -> PixelRotation:
    """Return the group of the rotated digits; the scramble is one permutation, fixed for ever."""
    generator = seeded("digits", "scramble")
    return PixelRotation(SIDE, torch.randperm(SIDE**2, generator=generator) if scrambled else None)


class _Digits(Task):
    """Digits of 8×8 pixels; n_train of them are drawn without replacement from 1,000.

    The three tasks share their images, splits and angles, so that they differ in nothing but the
    rotation and the scramble. A smaller training set is a part of the larger one of its seed. The
    published experiments report the best epoch on a part of the training set; here 297 images
    are for selection, and 500 are never looked at before the end.
    """

    version = "1"
    kind = "image"
    loss = "cross-entropy"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, appendix D"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100, 300),
        "quick": (100, 300, 1000),
        "full": (100, 300, 1000),
    }
    input_shape, output_shape = (1, SIDE, SIDE), (CLASSES,)
    test_size, valid_size = PARTS["test"], PARTS["valid"]

    @property
    @abstractmethod
    def group(self) -> PixelRotation | None:
        """The rotations that the images have undergone; None if they have not."""

    @property
    def symmetry(self) -> Symmetry | None:
        """PixelRotation: V -> 10 Scalar; None where the images stand upright."""
        if self.group is None:
            return None
        return Symmetry(self.group, V(self.group), (CLASSES * Scalar)(self.group))

    def candidate_algebra(self) -> Tensor:
        """Return the vector fields of degree ≤ 2, scrambled as the images are, [12, 64, 64].

        The control has them too: to find no generator among them is right there.
        """
        fields = polynomial_fields(SIDE)
        return fields if self.group is None else self.group.scrambled(fields)

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n images [n, 1, 8, 8], grey values in [0, 1], and their labels [n].

        From ``valid`` and ``test`` come the first n images of a fixed order, at most all (297 and
        500). Every image has one angle for good: of the seed, and in ``test`` the same for all.

        Raises:
            InputError: n is more than the 1,000 images to train on, or less than 1.
        """
        images, labels = digits()
        pool = parts()[split]
        if n < 1 or (split == "train" and n > len(pool)):
            raise InputError(
                f"{self.name} has {len(pool)} images to train on: choose n_train from 1 to "
                f"{len(pool)}, not {n}"
            )
        seed = 0 if split == "test" else seed
        order = torch.arange(len(pool))
        if split == "train":
            order = torch.randperm(len(pool), generator=seeded("digits", seed, "draw"))
        angles = uniform_angles(len(pool), seeded("digits", seed, split, "angles"))
        chosen = order[:n]
        x = self._moved(images[pool[chosen]], angles[chosen])
        return Data(x.to(dtype).view(-1, *self.input_shape), labels[pool[chosen]])

    def _moved(self, images: Tensor, angles: Tensor) -> Tensor:
        """Rotate images [n, 64] by ``angles`` [n] and scramble them, as the group does."""
        if self.group is None:
            return images
        return (self.group.rotation(angles) @ self.group.scramble(images).unsqueeze(-1)).squeeze(-1)


@final
class Plain(_Digits):
    """Digits as they are, the control: there is no symmetry to be told or discovered.

    Convolutional networks cross the threshold near 100 images, perceptrons before 300.
    """

    name = "scrambled-digits-plain"
    summary = "8×8 digits as they are: the control"
    threshold = 0.1

    @property
    def group(self) -> None:
        """None: the digits stand upright."""
        return None


@final
class Rotated(_Digits):
    """Digits, each rotated by its own angle from U(-90°, 90°): bilinear, inside the disk.

    Perceptrons cross the threshold near 1,000 images, convolutional networks near 400; upright
    digits need about 100, which is what is left to win. The disk holds 98 % of the grey.
    """

    name = "scrambled-digits-rotated"
    summary = "8×8 digits, each rotated by a random angle"
    threshold = 0.2

    @property
    def group(self) -> PixelRotation:
        """Rotations of the pixels."""
        return pixel_rotations(scrambled=False)


@final
class RotatedScrambled(_Digits):
    """``scrambled-digits-rotated`` with the pixels of all images permuted alike.

    What remains of a convolution's advantage over a perceptron here, the symmetry did not give.
    """

    name = "scrambled-digits-rotated-scrambled"
    summary = "8×8 digits, rotated, then their pixels permuted by one fixed permutation"
    threshold = 0.2

    @property
    def group(self) -> PixelRotation:
        """Rotations of the pixels, conjugated by the scramble."""
        return pixel_rotations(scrambled=True)

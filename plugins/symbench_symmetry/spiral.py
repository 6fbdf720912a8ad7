"""Two spirals under a told mirror that is correct, incorrect or extrinsic.

Two classes of points (a, b, c) lie on two arms of a spiral in the plane of a and b, at c = -1 or
c = 1. The mirror c ↦ -c is told as a symmetry of the labels. Along the arms the radius is cut into
16 pieces, and each piece is one of three kinds:

- correct: every point appears at both c, with one label. The label alternates from piece to piece.
- incorrect: both classes lie on the first arm, the first at c = -1 and the second at c = 1.
- extrinsic: the first class lies on the first arm at c = -1, the second on the second arm at c = 1.
  The mirror moves a point to where there are no data.

An invariant classifier cannot tell the classes apart in incorrect pieces. Its error is at least
half of their share, which is ``floor``, and an invariant classifier that knows the arms has it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch

from symbench import Data, Split, Symmetry, Task
from symbench.groups import O, Scalar, Trivial, V

_PIECES = 16
_TURNS = 2.25  # of each arm
_APART = 3.0  # radians between the arms


class SpiralTask(Task):
    """Classification of points on two arms of a spiral, with shares of the three kinds of pieces.

    ``correct`` and ``incorrect`` are multiples of 2/16 and of 1/16, the rest is extrinsic. The
    pieces of each kind follow each other from the centre outwards. Radii are uniform in (0, 1);
    Wang et al. have (0, 0.5), and a third coordinate of 0 or 1.
    """

    version = "1"
    reference = (
        "Wang et al. 2023, A general theory of correct, incorrect, and extrinsic equivariance"
    )
    loss = "cross-entropy"
    chance = 0.5
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100,),
        "quick": (),
        "standard": (1000,),
        "full": (200, 1000, 3000, 10000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"test_size": 2000}}
    input_shape, output_shape = (3,), (2,)
    correct: ClassVar[float] = 0.0
    incorrect: ClassVar[float] = 0.0

    @property
    def told(self) -> Symmetry:
        """The mirror of the third coordinate, Trivial(2) × O(1): V -> 2 Scalar."""
        group = Trivial(2) * O(1)
        return Symmetry(group, V(group), (2 * Scalar)(group))

    @property
    def symmetry(self) -> Symmetry | None:
        """The told mirror if all pieces are correct, or else none."""
        return self.told if self.correct == 1 else None

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw points [n, 3] and their classes [n]."""
        generator = self.generator(seed, split)
        radius = torch.rand(n, generator=generator, dtype=torch.float64)
        second = torch.randint(2, (n,), generator=generator).bool()
        label = second.long()
        piece = (radius * _PIECES).long()
        correct = piece < round(self.correct * _PIECES)
        incorrect = ~correct & (piece < round((self.correct + self.incorrect) * _PIECES))
        label = torch.where(correct, piece % 2, label)
        arm = torch.where(incorrect, 0, label)
        angle = 2 * math.pi * _TURNS * radius + _APART * arm
        level = torch.where(second, 1.0, -1.0)
        x = torch.stack([radius * angle.cos(), radius * angle.sin(), level], 1)
        return Data(x.float(), label)


@final
class SpiralCorrect(SpiralTask):
    """The labels have the told mirror, on 16 pieces of alternating class."""

    name = "spiral-correct"
    summary = "two spirals whose labels keep the told mirror"
    threshold = 0.1
    correct = 1.0


@final
class SpiralIncorrect(SpiralTask):
    """Half of the pieces contradict the told mirror: no invariant classifier errs less than 0.25.

    The threshold is below that floor. The third coordinate tells the classes of those pieces apart.
    """

    name = "spiral-incorrect"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {**SpiralTask.sizes, "quick": (1000,)}
    summary = "two spirals, half of whose labels contradict the told mirror"
    threshold = 0.1
    floor = 0.25
    correct = 0.5
    incorrect = 0.5


@final
class SpiralExtrinsic(SpiralTask):
    """The told mirror moves every point off the data: neither right nor wrong.

    The third coordinate is the class, so that a model which sees it errs nowhere. An invariant one
    has to learn the arms, which also has no floor.
    """

    name = "spiral-extrinsic"
    summary = "two spirals that the told mirror moves off the data"
    threshold = 0.02

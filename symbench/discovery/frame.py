"""Coordinates of the spaces of a layout, in which affine maps are matrices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

_FLAT = 1e-10  # variances below this part of the largest are rounding


@dataclass(frozen=True)
class Frame:
    """Coordinates z = W (v - μ) of the space V in which the data have unit variance.

    Attributes:
        centre: μ [d], the mean over all rows and copies.
        whiten: W [r, d], on the span of the data.
        colour: W⁺ [d, r].
    """

    centre: Tensor
    whiten: Tensor
    colour: Tensor

    @classmethod
    def of(cls, v: Tensor, *, centred: bool = True) -> Frame:
        """Return the frame of vectors v [n, d]."""
        centre = v.mean(0) if centred else torch.zeros_like(v[0])
        scale = (v - centre).square().mean(0).sqrt()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        u = (v - centre) / scale
        values, vectors = torch.linalg.eigh(u.mT @ u / len(u))
        spanning = values > _FLAT * values[-1]
        root = values[spanning].sqrt()
        # the symmetric square root keeps the axes of V where they can be kept
        inverse = vectors[:, spanning] / root
        direct = vectors[:, spanning] * root
        turn = vectors if bool(spanning.all()) else torch.eye(len(root), dtype=v.dtype)
        turn = turn[:, spanning] if bool(spanning.all()) else turn
        return cls(centre, turn @ (inverse / scale[:, None]).mT, scale[:, None] * direct @ turn.mT)

    @property
    def size(self) -> int:
        """r."""
        return len(self.whiten)

    def points(self, v: Tensor) -> Tensor:
        """Return (z, 1) [..., r + 1] of points v [..., d]."""
        z = (v - self.centre) @ self.whiten.mT
        return torch.cat([z, torch.ones_like(z[..., :1])], -1)

    def vectors(self, v: Tensor) -> Tensor:
        """Return (W v, 0) [..., r + 1] of differences v [..., d]."""
        z = v @ self.whiten.mT
        return torch.cat([z, torch.zeros_like(z[..., :1])], -1)

    def matrices(self, v: Tensor) -> Tensor:
        """Return W v Wᵀ [..., r + 1, r + 1], padded with zeros, of matrices v [..., d, d]."""
        z = self.whiten @ v @ self.whiten.mT
        return torch.nn.functional.pad(z, (0, 1, 0, 1))

    def original(self, A: Tensor) -> Tensor:
        """Return affine maps A [..., r + 1, r + 1] of (z, 1) as maps [..., d + 1, d + 1] of (v, 1).

        Generators are meant; for elements of a group use ``element``.
        """
        there, back = self._homogeneous()
        moved: Tensor = back @ A @ there
        moved[..., -1, :] = 0
        return moved

    def element(self, g: Tensor) -> Tensor:
        """Return affine maps g [..., d + 1, d + 1] of (v, 1) as maps of (z, 1)."""
        there, back = self._homogeneous()
        moved: Tensor = there @ g @ back
        return moved

    def outer(self, g: Tensor) -> Tensor:
        """Return affine maps g [..., r + 1, r + 1] of (z, 1) as maps of (v, 1)."""
        there, back = self._homogeneous()
        moved: Tensor = back @ g @ there
        return moved

    def _homogeneous(self) -> tuple[Tensor, Tensor]:
        """Return the maps (v, 1) -> (z, 1) and back."""
        r, d = self.whiten.shape
        there = torch.zeros(r + 1, d + 1, dtype=self.whiten.dtype)
        back = torch.zeros(d + 1, r + 1, dtype=self.whiten.dtype)
        there[:r, :d], there[:r, d] = self.whiten, -self.whiten @ self.centre
        back[:d, :r], back[:d, r] = self.colour, self.centre
        there[r, d] = back[d, r] = 1.0
        return there, back


@dataclass(frozen=True)
class Spaces:
    """The spaces of a layout side by side, in the homogeneous coordinates (z_1, 1, z_2, 1, …).

    A vector of one space is zero in the coordinates of the others. Affine maps of each space are
    therefore block-diagonal matrices [R, R], and maps that mix spaces lead out of the data.

    Attributes:
        frames: of each space, by its dimension, in the order of the layout.
    """

    frames: Mapping[int, Frame]

    @property
    def size(self) -> int:
        """R, the number of the coordinates."""
        return sum(frame.size + 1 for frame in self.frames.values())

    @property
    def maps(self) -> int:
        """The number of affine maps."""
        return sum(frame.size * (frame.size + 1) for frame in self.frames.values())

    @property
    def places(self) -> dict[int, slice]:
        """Where the coordinates of each space stand."""
        places, start = {}, 0
        for dimension, frame in self.frames.items():
            places[dimension] = slice(start, start + frame.size + 1)
            start += frame.size + 1
        return places

    @cached_property
    def whole(self) -> Frame:
        """The frame of the direct sum of the spaces."""
        frames = list(self.frames.values())
        if len(frames) == 1:
            return frames[0]
        return Frame(
            torch.cat([frame.centre for frame in frames]),
            torch.block_diag(*[frame.whiten for frame in frames]),
            torch.block_diag(*[frame.colour for frame in frames]),
        )

    def together(self, A: Tensor) -> Tensor:
        """Return block-diagonal maps A [..., R, R] as maps [..., r + 1, r + 1] of (z_1, z_2, 1)."""
        from_ones = self._from_ones
        rows = [
            place for part in self.places.values() for place in range(part.start, part.stop - 1)
        ]
        rows.append(next(iter(self.places.values())).stop - 1)
        moved: Tensor = A[..., rows, :] @ from_ones
        return moved

    def apart(self, g: Tensor) -> Tensor:
        """Return maps g [..., r + 1, r + 1] of (z_1, z_2, 1) as block-diagonal ones [..., R, R]."""
        ones = torch.block_diag(
            *[torch.ones(f.size + 1, f.size + 1, dtype=g.dtype) for f in self.frames.values()]
        )
        moved: Tensor = (self._from_ones @ g @ self._from_ones.mT) * ones
        return moved

    @cached_property
    def _from_ones(self) -> Tensor:
        """The map [R, r + 1] of (z_1, z_2, 1) to (z_1, 1, z_2, 1)."""
        size, r = self.size, self.size - len(self.frames)
        found, column = torch.zeros(size, r + 1, dtype=torch.float64), 0
        for place in self.places.values():
            for row in range(place.start, place.stop - 1):
                found[row, column] = 1.0
                column += 1
            found[place.stop - 1, r] = 1.0
        return found

    def points(self, dimension: int, v: Tensor) -> Tensor:
        """Return the coordinates [..., R] of points v [..., d] of one space."""
        return self._placed(dimension, self.frames[dimension].points(v), 1)

    def vectors(self, dimension: int, v: Tensor) -> Tensor:
        """Return the coordinates [..., R] of differences v [..., d] in one space."""
        return self._placed(dimension, self.frames[dimension].vectors(v), 1)

    def matrices(self, dimension: int, v: Tensor) -> Tensor:
        """Return the coordinates [..., R, R] of matrices v [..., d, d] over one space."""
        return self._placed(dimension, self.frames[dimension].matrices(v), 2)

    def _placed(self, dimension: int, z: Tensor, axes: int) -> Tensor:
        place = self.places[dimension]
        around = (place.start, self.size - place.stop)
        return torch.nn.functional.pad(z, around * axes)

"""What is asked of a table: which affine maps of one space its targets keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from symbench.contract import Data, Symmetry
from symbench.errors import InputError
from symbench.groups import GL, Representation, Scalar, V
from symbench.tables import Block, Layout

_FLAT = 1e-10  # variances below this part of the largest are rounding
_LARGEST = 40  # dimensions of the space: 1,640 affine maps
_LEAST = 2  # rows per affine map and output


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
class Question:
    """Rows of a table in coordinates in which affine maps of V are matrices.

    Attributes:
        frame: of V.
        law: how GL(r + 1) acts on the rows: points are V, as (z, 1).
        data: rows for fitting, float64.
        test: held-out rows.
        inputs: the blocks of the inputs, with the scalars that follow them.
        outputs: the same of the outputs.
    """

    frame: Frame
    law: Symmetry
    data: Data
    test: Data
    inputs: tuple[Block, ...]
    outputs: tuple[Block, ...]

    @classmethod
    def of(cls, train: Data, test: Data, layout: Layout | None) -> Question:
        """Return the question for rows x [n, d], y [n, k], float64.

        Raises:
            InputError: the layout does not fit, holds several spaces or no vector, or there are too
                few rows for the space.
        """
        width, outputs = train.x.shape[1], train.y.shape[1]
        if width < 2:
            raise InputError("one input is no space to look for symmetries in: give at least two")
        layout = layout or Layout((Block(1, width),))
        layout.check(width, outputs)
        sizes = layout.dimensions
        if len(sizes) != 1:
            what = "scalars only" if not sizes else f"spaces of dimensions {list(sizes)}"
            raise InputError(
                f"layout {str(layout)!r} holds {what}: discover looks at one space at a time, "
                "such as '2 x 3', and takes the other columns as scalars"
            )
        blocks = _filled(layout.inputs, width, sizes[0])
        points = [part for block, part in _parts(train.x, blocks) if _is_vector(block, sizes[0])]
        if not points:
            raise InputError(f"layout {str(layout)!r} has no vector among the inputs: name one")
        frame = Frame.of(torch.cat([part.flatten(0, 1) for part in points]))
        return cls._in(frame, train, test, blocks, _filled(layout.outputs, outputs, sizes[0]))

    @classmethod
    def _in(
        cls, frame: Frame, train: Data, test: Data, inputs: tuple[Block, ...],
        outputs: tuple[Block, ...],
    ) -> Question:  # fmt: skip
        d = len(frame.centre)
        _check_rows(len(train), frame.size, train.y.shape[1])
        group = GL(frame.size + 1)
        law = Symmetry(group, _acting(inputs, d, group), _acting(outputs, d, group))
        x = _Encoder(frame, train.x, inputs, points=True)
        y = _Encoder(frame, train.y, outputs, points=False)
        rows, held_out = (Data(x(part.x), y(part.y)) for part in (train, test))
        return cls(frame, law, rows, held_out, inputs, outputs)

    @property
    def one_space(self) -> bool:
        """Whether all inputs are one vector and all outputs are invariant."""
        return [block.copies for block in self.inputs] == [1] and all(
            block.dimension == 1 for block in self.outputs
        )

    @property
    def unvaried(self) -> int:
        """How many dimensions of V the data do not leave."""
        return len(self.frame.centre) - self.frame.size

    def without(self, directions: Tensor) -> Question:
        """Return the question on the orthogonal complement of directions [t, r] of z.

        The inputs are one vector. It keeps the part of it on which the targets depend.
        """
        kept = torch.linalg.svd(directions)[2][len(directions) :]
        frame = Frame(self.frame.centre, kept @ self.frame.whiten, self.frame.colour @ kept.mT)
        full = torch.zeros(len(kept) + 1, self.frame.size + 1, dtype=kept.dtype)
        full[:-1, :-1], full[-1, -1] = kept, 1.0
        group = GL(len(kept) + 1)
        law = Symmetry(group, V(group), (self.data.y.shape[1] * Scalar)(group))
        data, test = (Data(part.x @ full.mT, part.y) for part in (self.data, self.test))
        return replace(self, frame=frame, law=law, data=data, test=test)


def _is_vector(block: Block, d: int) -> bool:
    return block.dimension == d and block.rank == 1


def _filled(blocks: tuple[Block, ...], width: int, d: int) -> tuple[Block, ...]:
    """Return the blocks, followed by one of the columns that they leave over, as scalars."""
    for block in blocks:
        if block.rank > 2 or (block.rank == 2 and block.dimension != d):
            raise InputError(f"block {str(block)!r}: discover moves vectors and matrices (^2) only")
    rest = width - sum(block.size for block in blocks)
    return (*blocks, Block(rest, 1)) if rest else blocks


def _parts(rows: Tensor, blocks: tuple[Block, ...]) -> list[tuple[Block, Tensor]]:
    """Return each block's columns [n, copies, size of one]."""
    parts, start = [], 0
    for block in blocks:
        columns = rows[:, start : start + block.size]
        parts.append((block, columns.unflatten(1, (block.copies, -1))))
        start += block.size
    return parts


def _acting(blocks: tuple[Block, ...], d: int, group: GL) -> Representation:
    """Return the representation of the encoded blocks."""
    parts = []
    for block in blocks:
        moved = block.dimension == d
        parts.append(block.copies * (V**block.rank if moved else Scalar))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole(group)


def _check_rows(rows: int, r: int, outputs: int) -> None:
    if r > _LARGEST:
        raise InputError(
            f"{r} inputs are one space, discover searches up to {_LARGEST} dimensions: "
            "say by --layout where copies of a smaller space stand, or choose fewer inputs"
        )
    maps = r * (r + 1)
    if rows * outputs < _LEAST * maps:
        raise InputError(
            f"{rows} rows for fitting are too few for the {maps} affine maps of {r} dimensions, "
            f"at least {-(-_LEAST * maps // outputs)} are needed: give more rows, fewer inputs, or "
            "a layout of copies of a smaller space"
        )


class _Encoder:
    """Encodes rows: vectors in the frame, scalars standardised."""

    def __init__(
        self, frame: Frame, rows: Tensor, blocks: tuple[Block, ...], *, points: bool
    ) -> None:
        self._frame, self._blocks, self._points = frame, blocks, points
        self._d = len(frame.centre)
        self._scales = [self._scale(block, part) for block, part in _parts(rows, blocks)]

    def _scale(self, block: Block, part: Tensor) -> tuple[Tensor, Tensor]:
        """Return shift and unit of a block: of each scalar, or one for all vectors."""
        if block.dimension == self._d:
            if self._points:
                return torch.zeros(()), torch.ones((), dtype=part.dtype)
            size = self._moved(block, part).square().mean().sqrt()
            return torch.zeros(()), torch.where(size > 0, size, torch.ones_like(size))
        spread = part.std(0, correction=0)
        return part.mean(0), torch.where(spread > 0, spread, torch.ones_like(spread))

    def _moved(self, block: Block, part: Tensor) -> Tensor:
        if block.rank == 2:
            matrices = part.unflatten(2, (self._d, self._d))
            return self._frame.matrices(matrices).flatten(2)
        return self._frame.points(part) if self._points else self._frame.vectors(part)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return encoded rows [n, size]."""
        encoded = []
        for (block, part), (shift, unit) in zip(
            _parts(rows, self._blocks), self._scales, strict=True
        ):
            moved = self._moved(block, part) if block.dimension == self._d else part - shift
            encoded.append((moved / unit).flatten(1))
        return torch.cat(encoded, 1)

"""What is asked of a table: which affine maps of its spaces the targets keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from symbench.contract import Data, Symmetry
from symbench.discovery.frame import Frame, Spaces
from symbench.errors import InputError
from symbench.groups import GL, Representation, Scalar, V
from symbench.tables import Block, Layout

_LARGEST = 40  # dimensions of the spaces together: 1,640 affine maps of one
_LEAST = 2  # rows per affine map and output


@dataclass(frozen=True)
class Question:
    """Rows of a table in coordinates in which affine maps of V are matrices.

    V is the space of the layout, or the direct sum of its spaces, each of which is then mapped by
    itself.

    Attributes:
        spaces: of the layout.
        law: how GL(R) acts on the rows: points are V, as (z_1, 1, z_2, 1, …).
        data: rows for fitting, float64.
        test: held-out rows.
        inputs: the blocks of the inputs, with the scalars that follow them.
        outputs: the same of the outputs.
    """

    spaces: Spaces
    law: Symmetry
    data: Data
    test: Data
    inputs: tuple[Block, ...]
    outputs: tuple[Block, ...]

    @classmethod
    def of(cls, train: Data, test: Data, layout: Layout | None) -> Question:
        """Return the question for rows x [n, d], y [n, k], float64.

        Raises:
            InputError: the layout does not fit, a space has no vector among the inputs, or there
                are too few rows for the spaces.
        """
        width, outputs = train.x.shape[1], train.y.shape[1]
        if width < 2:
            raise InputError("one input is no space to look for symmetries in: give at least two")
        layout = layout or Layout((Block(1, width),))
        layout.check(width, outputs)
        if not layout.dimensions:
            raise InputError(f"layout {str(layout)!r} holds scalars only: name a block of vectors")
        blocks = _filled(layout.inputs, width)
        spaces = _spaces(layout, train.x, blocks)
        _check_rows(len(train), spaces, outputs)
        return cls._in(spaces, train, test, blocks, _filled(layout.outputs, outputs))

    @classmethod
    def _in(
        cls, spaces: Spaces, train: Data, test: Data, inputs: tuple[Block, ...],
        outputs: tuple[Block, ...],
    ) -> Question:  # fmt: skip
        group = GL(spaces.size)
        law = Symmetry(group, _acting(inputs, group), _acting(outputs, group))
        x = _Encoder(spaces, train.x, inputs, points=True)
        y = _Encoder(spaces, train.y, outputs, points=False)
        rows, held_out = (Data(x(part.x), y(part.y)) for part in (train, test))
        return cls(spaces, law, rows, held_out, inputs, outputs)

    @property
    def frame(self) -> Frame:
        """The frame of V."""
        return self.spaces.whole

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
        (dimension,) = self.spaces.frames
        return replace(self, spaces=Spaces({dimension: frame}), law=law, data=data, test=test)


def _spaces(layout: Layout, x: Tensor, blocks: tuple[Block, ...]) -> Spaces:
    """Return the spaces, with the frames that rows x [n, inputs] give them.

    Raises:
        InputError: a space has no vector among the inputs.
    """
    parts = _parts(x, blocks)
    frames = {}
    for d in layout.dimensions:
        points = [part.flatten(0, 1) for block, part in parts if is_vector(block, d)]
        if not points:
            of = f" of dimension {d}" if len(layout.dimensions) > 1 else ""
            raise InputError(f"layout {str(layout)!r} has no vector{of} among the inputs: name one")
        frames[d] = Frame.of(torch.cat(points))
    return Spaces(frames)


def is_vector(block: Block, d: int) -> bool:
    """Whether a block holds vectors of the space of dimension d."""
    return block.dimension == d and block.rank == 1


def _filled(blocks: tuple[Block, ...], width: int) -> tuple[Block, ...]:
    """Return the blocks, followed by one of the columns that they leave over, as scalars."""
    for block in blocks:
        if block.rank > 2 or (block.rank == 2 and block.dimension == 1):
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


def _acting(blocks: tuple[Block, ...], group: GL) -> Representation:
    """Return the representation of the encoded blocks."""
    parts = []
    for block in blocks:
        parts.append(block.copies * (V**block.rank if block.dimension > 1 else Scalar))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole(group)


def _check_rows(rows: int, spaces: Spaces, outputs: int) -> None:
    if (r := spaces.whole.size) > _LARGEST:
        raise InputError(
            f"{r} inputs are {'one space' if len(spaces.frames) == 1 else 'spaces'}, discover "
            f"searches up to {_LARGEST} dimensions: "
            "say by --layout where copies of a smaller space stand, or choose fewer inputs"
        )
    if rows * outputs < _LEAST * spaces.maps:
        raise InputError(
            f"{rows} rows for fitting are too few for the {spaces.maps} affine maps of {r} "
            f"dimensions, at least {-(-_LEAST * spaces.maps // outputs)} are needed: give more "
            "rows, fewer inputs, or a layout of copies of a smaller space"
        )


class _Encoder:
    """Encodes rows: vectors in the frame, scalars standardised."""

    def __init__(
        self, spaces: Spaces, rows: Tensor, blocks: tuple[Block, ...], *, points: bool
    ) -> None:
        self._spaces, self._blocks, self._points = spaces, blocks, points
        self._scales = [self._scale(block, part) for block, part in _parts(rows, blocks)]

    def _scale(self, block: Block, part: Tensor) -> tuple[Tensor, Tensor]:
        """Return shift and unit of a block: of each scalar, or one for all vectors."""
        if block.dimension > 1:
            if self._points:
                return torch.zeros(()), torch.ones((), dtype=part.dtype)
            size = self._moved(block, part).square().mean().sqrt()
            return torch.zeros(()), torch.where(size > 0, size, torch.ones_like(size))
        spread = part.std(0, correction=0)
        return part.mean(0), torch.where(spread > 0, spread, torch.ones_like(spread))

    def _moved(self, block: Block, part: Tensor) -> Tensor:
        d = block.dimension
        if block.rank == 2:
            return self._spaces.matrices(d, part.unflatten(2, (d, d))).flatten(2)
        return self._spaces.points(d, part) if self._points else self._spaces.vectors(d, part)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return encoded rows [n, size]."""
        encoded = []
        for (block, part), (shift, unit) in zip(
            _parts(rows, self._blocks), self._scales, strict=True
        ):
            moved = self._moved(block, part) if block.dimension > 1 else part - shift
            encoded.append((moved / unit).flatten(1))
        return torch.cat(encoded, 1)

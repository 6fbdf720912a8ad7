"""Which block of its inputs a function does not move: its defect, block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from symbench.contract import Symmetry
from symbench.groups import Representation, V
from symbench.groups import expression as ex
from symbench.metrics.network import Network, acted, in_blocks, spaced, variance

if TYPE_CHECKING:
    from symbench.groups import Group

EXACT = 1e-6  # a defect below it is rounding, in float32 too
_EXPLAINED = 0.01  # of the defect: what is left if the changed blocks explain it
_BETTER = 0.9  # of the defect: what a further block has to reach
_EXAMPLES, _ELEMENTS = 256, 2**22  # examples, and numbers in their elements
_MOST, _TOGETHER = 256, 4  # changes that are tried, and changed together


@dataclass(frozen=True)
class Block:
    """Neighbouring coordinates of one representation: one summand, or a run of scalars.

    ``number`` and ``columns`` (first and last) count from 1.
    """

    number: int
    columns: tuple[int, int]
    representation: str

    def __str__(self) -> str:
        first, last = self.columns
        where = f"column {first}" if first == last else f"columns {first}–{last}"
        return f"block {self.number} ({where}, {self.representation})"


@dataclass(frozen=True)
class Change:
    """The defect if one input block is moved otherwise than declared.

    ``moved_as`` is empty if the block is left still, otherwise the representation by which the
    ``columns`` (first and last, from 1) are moved.
    """

    block: Block
    columns: tuple[int, int]
    moved_as: str
    defect: float

    def __str__(self) -> str:
        first, last = self.columns
        how = f"columns {first}–{last} moved as {self.moved_as}" if self.moved_as else "left still"
        return f"{self.block} {how}"


@dataclass(frozen=True)
class Defects:
    """The defects of a function f under a symmetry.

    ``whole`` is sqrt(E||f(gx) - g f(x)||² / (2 E||f - E f||²)), 0 for an equivariant f. ``inputs``
    holds it for each change of one input block, ``outputs`` for each block of the output alone, in
    units of that block. ``culprits`` are the changes that one after the other remove the defect, so
    the last of them has what is left; none if the function is equivariant, or no few blocks
    explain it.
    """

    whole: float
    inputs: tuple[Change, ...]
    outputs: tuple[tuple[Block, float], ...]
    culprits: tuple[Change, ...]


def defects(f: Network, x: Tensor, symmetry: Symmetry, generator: torch.Generator) -> Defects:
    """Return the defects of f, of inputs x [n, *input_shape], at random group elements."""
    measure = _Measure(f, x, symmetry, generator)
    whole, alternatives = measure.defect([]), measure.alternatives()[:_MOST]
    changes = [measure.changed([one]) for one in alternatives]
    culprits = _culprits(measure, whole, alternatives)
    return Defects(whole, tuple(changes), measure.outputs(), culprits)


def _culprits(
    measure: _Measure, whole: float, alternatives: Sequence[_Alternative]
) -> tuple[Change, ...]:
    """Return the fewest changes that remove a defect, found one after the other.

    One moved block at least stays moved: nothing is tested if no input moves.
    """
    moved = {one[0] for one in alternatives if one[2] is None}
    chosen: list[_Alternative] = []
    found: list[Change] = []
    least = whole
    while least > max(EXACT, _EXPLAINED * whole) and len(found) < _TOGETHER:
        still = {one[0] for one in chosen if one[2] is None}
        left = [
            one for one in alternatives
            if not any(_meet(one, other) for other in chosen) and moved != still | {one[0]}
        ]  # fmt: skip
        tried = [(measure.changed([*chosen, one]), one) for one in left]
        best = min(tried, key=lambda pair: pair[0].defect, default=None)
        if best is None or not best[0].defect < _BETTER * least:
            return ()
        found, chosen, least = [*found, best[0]], [*chosen, best[1]], best[0].defect
    return tuple(found) if least <= max(EXACT, _EXPLAINED * whole) else ()


def _meet(one: _Alternative, other: _Alternative) -> bool:
    """Whether two changes are of a common column."""
    (first, last), (start, end) = _columns(one), _columns(other)
    return first <= end and start <= last


def _columns(alternative: _Alternative) -> tuple[int, int]:
    block, start, vector = alternative
    return block.columns if vector is None else (start + 1, start + vector.size)


def blocks_of(rep: Representation) -> list[Block]:
    """Return the blocks of a representation: its summands, neighbouring scalars as one."""
    blocks: list[Block] = []
    start, run = 0, 0
    summands = rep.summands
    for place, summand in enumerate(summands):
        run += summand.is_trivial
        last = place + 1 == len(summands) or not summands[place + 1].is_trivial
        if summand.is_trivial and not last:
            continue
        width = run if summand.is_trivial else summand.size
        name = str(summand) if width == summand.size else f"{run} {summand}"
        blocks.append(Block(len(blocks) + 1, (start + 1, start + width), name))
        start, run = start + width, 0
    return blocks


_Alternative = tuple[Block, int, Representation | None]  # the first column, from 0


class _Measure:
    """A function at pairs of inputs x [e, k, ...] and elements g [e, d, d]."""

    def __init__(
        self, f: Network, x: Tensor, symmetry: Symmetry, generator: torch.Generator
    ) -> None:
        self.f, self.symmetry = f, symmetry
        d = symmetry.group.dim
        x = spaced(x.cpu(), _EXAMPLES).to(f.dtype)
        count = min(len(x), max(16, _ELEMENTS // d**2))
        self.g = symmetry.group.sample(count, generator)
        self.x = x[: len(x) // count * count].unflatten(0, (count, -1))
        values = f(self.x.flatten(0, 1))
        self.scale = 2 * variance(values)
        self.values = values
        self.expected = self._acted(symmetry.output, values.unflatten(0, self.x.shape[:2]))
        self.moved = in_blocks(acted(symmetry.input, self.g, self.x).flatten(0, 1), self._size)
        self.still = in_blocks(self.x.flatten(0, 1), self._size)

    @property
    def _size(self) -> int:
        return self.symmetry.input.size

    def _acted(self, rep: Representation, values: Tensor) -> Tensor:
        return acted(rep, self.g, values).flatten(0, 1)

    def alternatives(self) -> list[_Alternative]:
        """Return for each moved block that it is still, for scalars that they are moved."""
        rep, found = self.symmetry.input, list[_Alternative]()
        summands = {str(summand): summand for summand in rep.summands}
        for block in blocks_of(rep):
            first, last = block.columns
            own = summands.get(block.representation)
            if own is not None and not own.is_trivial:
                found.append((block, first - 1, None))
                continue
            for vector in _vectors(rep.group):
                starts = range(first - 1, last - vector.size + 1)
                found += [(block, start, vector) for start in starts]
        return found

    def changed(self, alternatives: Sequence[_Alternative]) -> Change:
        """Return what the last of some changes does beside the others."""
        block, _, vector = alternatives[-1]
        moved_as = "" if vector is None else str(vector)
        return Change(block, _columns(alternatives[-1]), moved_as, self.defect(alternatives))

    def defect(self, alternatives: Sequence[_Alternative]) -> float:
        """Return the defect with some blocks moved otherwise."""
        squares = self._residual(alternatives).square().flatten(1).sum(1)
        return math.sqrt(float(squares.mean()) / self.scale) if self.scale > 0 else math.nan

    def _residual(self, alternatives: Sequence[_Alternative]) -> Tensor:
        moved = self.moved.clone()
        for alternative in alternatives:
            first, last = _columns(alternative)
            part, vector = slice(first - 1, last), alternative[2]
            own = self.still[..., part]
            if vector is not None:
                own = self._acted(vector, own.unflatten(0, self.x.shape[:2]))
            moved[..., part] = own
        outputs = self.f(moved.reshape(-1, *self.x.shape[2:]))
        return (outputs - self.expected).double()

    def outputs(self) -> tuple[tuple[Block, float], ...]:
        """Return the defect of each block of the output, in units of its own variance."""
        size = self.symmetry.output.size
        residual, values = in_blocks(self._residual([]), size), in_blocks(self.values, size)
        found = []
        for block in blocks_of(self.symmetry.output):
            part = slice(block.columns[0] - 1, block.columns[1])
            scale = 2 * variance(values[..., part])
            square = float(residual[..., part].square().flatten(1).sum(1).mean())
            # the defect of a block that does not vary has no unit: 0 if it is kept
            unit = math.inf if square > 0 else 0.0
            found.append((block, math.sqrt(square / scale) if scale > 0 else unit))
        return tuple(found)


def _vectors(group: Group) -> list[Representation]:
    """Return the defining representations of the factors of a group, or of the group itself."""
    if len(group.factors) == 1:
        return [V(group)]
    return [Representation(ex.Leaf(place), group) for place in range(len(group.factors))]

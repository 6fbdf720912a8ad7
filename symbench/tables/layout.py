"""Layouts: where in a row the copies of one space stand, written as ``2 x 3 + 1 x 4 -> 1 x 3``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symbench.errors import InputError

if TYPE_CHECKING:
    from symbench.contract import Symmetry
    from symbench.groups import Group, Representation

_BLOCK = re.compile(r"(?:(\d+)\s*[x×*]\s*)?(\d+)(?:\^(\d+))?", re.IGNORECASE)
_HOW = (
    "write copies x dimension, such as '2 x 3', '5 x 1 + 5 x 3' (1 for scalars), "
    "or '3 x 3 -> 1 x 3^2' (outputs after the arrow, ^2 for matrices)"
)


@dataclass(frozen=True)
class Block:
    """``copies`` of the tensors of a rank over a space, one after the other in a row.

    Dimension 1 stands for scalars, which no group moves. Rank 1 is a vector, rank 2 a matrix in
    row-major order.
    """

    copies: int
    dimension: int
    rank: int = 1

    @property
    def size(self) -> int:
        """The number of columns."""
        return self.copies * int(self.dimension**self.rank)

    def __str__(self) -> str:
        power = "" if self.rank == 1 else f"^{self.rank}"
        return f"{self.copies} x {self.dimension}{power}"


@dataclass(frozen=True)
class Layout:
    """The blocks of the inputs and of the outputs, in the order of the columns.

    Columns after the last block are scalars. Blocks of equal dimension are of one space, and a
    group acts on the spaces of different dimensions independently.
    """

    inputs: tuple[Block, ...]
    outputs: tuple[Block, ...] = ()

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The dimensions of the spaces, in the order of the blocks."""
        sizes = [block.dimension for block in (*self.inputs, *self.outputs)]
        return tuple(dict.fromkeys(size for size in sizes if size > 1))

    def check(self, inputs: int, outputs: int) -> None:
        """Require that the blocks fit rows of so many numbers.

        Raises:
            InputError: they need more columns than there are.
        """
        for what, blocks, have in (
            ("inputs", self.inputs, inputs),
            ("outputs", self.outputs, outputs),
        ):
            if (need := sum(block.size for block in blocks)) > have:
                raise InputError(
                    f"layout {str(self)!r} needs {need} {what}, the table has {have}: "
                    f"choose other blocks or other columns"
                )

    def symmetry(self, inputs: int, outputs: int, group: Group | None = None) -> Symmetry:
        """Return how a group acts on rows of so many inputs and outputs; by default GL.

        With several dimensions, the default is the direct product of one GL each.

        Raises:
            InputError: the blocks do not fit, or the group acts on other dimensions.
        """
        from symbench.contract import Symmetry

        self.check(inputs, outputs)
        group = group or self._everything()
        spaces = group.factors if len(self.dimensions) > 1 else (group,)
        if (have := [space.dim for space in spaces]) != list(self.dimensions):
            raise InputError(
                f"{group} acts on spaces of dimension {_listed(have)}, layout {str(self)!r} has "
                f"{_listed(self.dimensions) or 'none'}: choose another group or layout"
            )
        return Symmetry(
            group,
            self._acting(self.inputs, inputs, group),
            self._acting(self.outputs, outputs, group),
        )

    def _everything(self) -> Group:
        from symbench.groups import GL, DirectProduct

        if not self.dimensions:
            raise InputError(f"layout {str(self)!r} holds scalars only: name a block of vectors")
        groups = [GL(dimension) for dimension in self.dimensions]
        return groups[0] if len(groups) == 1 else DirectProduct(*groups)

    def _acting(self, blocks: Sequence[Block], size: int, group: Group) -> Representation:
        """Return the sum of the blocks' representations, with scalars for the other columns."""
        from symbench.groups import Representation, Scalar, V
        from symbench.groups.expression import Leaf

        several = len(self.dimensions) > 1
        parts = []
        for block in blocks:
            place = self.dimensions.index(block.dimension) if block.dimension > 1 else None
            space = Representation(Leaf(place)) if several and place is not None else V
            one = Scalar if block.dimension == 1 else space**block.rank
            parts.append(block.copies * one)
        if rest := size - sum(block.size for block in blocks):
            parts.append(rest * Scalar)
        whole = parts[0]
        for part in parts[1:]:
            whole = whole + part
        return whole(group)

    def __str__(self) -> str:
        inputs = " + ".join(map(str, self.inputs))
        return f"{inputs} -> {' + '.join(map(str, self.outputs))}" if self.outputs else inputs


def parse_layout(text: str) -> Layout:
    """Return the layout of ``2 x 3``, ``5 x 1 + 5 x 3`` or ``3 x 3 -> 1 x 3^2``.

    Raises:
        InputError: the text is not a layout.
    """
    inputs, arrow, outputs = text.partition("->")
    return Layout(_blocks(text, inputs), _blocks(text, outputs) if arrow else ())


def _blocks(text: str, side: str) -> tuple[Block, ...]:
    blocks = []
    for part in side.split("+"):
        found = _BLOCK.fullmatch(part.strip())
        numbers = [] if found is None else [int(digits or 1) for digits in found.groups()]
        if not numbers or 0 in numbers:
            raise InputError(
                f"layout {text!r}: {part.strip()!r} is not a block{_meant(part)}: {_HOW}"
            )
        blocks.append(Block(*numbers))
    return tuple(blocks)


def _meant(part: str) -> str:
    """Return what the notation of something else in place of a block stands for."""
    if "," in part or ";" in part:
        return " (blocks are joined by +)"
    if re.fullmatch(r"\s*\d*\s*\*?\s*(V|S|Scalar)(\*|\^\d+)?\s*", part):
        return " (vectors and scalars are written by their dimension: 1 x 3 and 1 x 1)"
    return ""


def _listed(sizes: Sequence[int]) -> str:
    return " and ".join(map(str, sizes))

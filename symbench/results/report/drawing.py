"""The parts of a page for a terminal, drawn in colours by rich or as plain text.

Plain text is what a file or a pipe gets. Rich takes ten times as long for the same characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from symbench.results.report.columns import Cell
from symbench.results.report.printing import printed

_STYLES = {"plain": "", "best": "bold green", "dim": "dim", "bad": "red"}
GAP = 2  # columns between two columns of a grid


@dataclass(frozen=True)
class Line:
    """A line of text, which is wrapped at the width."""

    text: str
    style: str = ""
    indent: int = 0


@dataclass(frozen=True)
class Grid:
    """Rows of cells under headings; ``numeric`` says which columns are aligned to the right."""

    headings: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[Cell]]
    title: str = ""


def drawn(parts: Iterable[Line | Grid], width: int, *, colour: bool) -> str:
    """Return the parts one below the other, in lines of at most ``width`` columns."""
    if colour:
        return printed(map(_renderable, parts), width, colour=True)
    return "".join(f"{line.rstrip()}\n" for part in parts for line in _plain(part, width))


def fitting(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return the positions of columns in groups that fit into the room, at least one in each."""
    groups: list[list[int]] = [[]]
    left = room
    for index, width in enumerate(widths):
        if groups[-1] and width + 1 > left:  # the last column has one space behind it
            groups.append([])
            left = room
        groups[-1].append(index)
        left -= width + GAP
    return groups


def _renderable(part: Line | Grid) -> RenderableType:
    if isinstance(part, Line):
        text = Text(part.text, style=part.style)
        return Padding(text, (0, 0, 0, part.indent)) if part.indent else text
    grid = Table(
        box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim",
        title=Text(part.title) if part.title else None, title_justify="left",
    )  # fmt: skip
    for heading, numeric in zip(part.headings, part.numeric, strict=True):
        justify: Literal["left", "right"] = "right" if numeric else "left"
        grid.add_column(Text(heading), justify=justify, overflow="fold")
    for cells in part.rows:
        grid.add_row(*(Text(cell.text, style=_STYLES[cell.style]) for cell in cells))
    return grid


def _plain(part: Line | Grid, width: int) -> Iterable[str]:
    if isinstance(part, Line):
        space = " " * part.indent
        return wrap(
            part.text, width, initial_indent=space, subsequent_indent=space, break_on_hyphens=False
        ) or [""]
    columns = [
        (heading, *(cells[index].text for cells in part.rows))
        for index, heading in enumerate(part.headings)
    ]
    widths = [max(map(cell_len, texts)) for texts in columns]
    if not cell_len(part.title) <= _total(widths) <= width:  # something has to be folded
        return printed([_renderable(part)], width, colour=False).splitlines()
    return _lines(part, columns, widths)


def _lines(part: Grid, columns: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    aligned = [
        [_aligned(text, width, numeric) for text in texts]
        for texts, width, numeric in zip(columns, widths, part.numeric, strict=True)
    ]
    head, *body = zip(*aligned, strict=True)
    if part.title:
        yield part.title
    yield (" " * GAP).join(head)
    yield SIMPLE_HEAD.head_row_horizontal * _total(widths)
    yield from ((" " * GAP).join(cells) for cells in body)


def _total(widths: Sequence[int]) -> int:
    """Return the width of a grid, whose last column has a space behind it."""
    return sum(widths) + GAP * len(widths) - 1


def _aligned(text: str, width: int, numeric: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if numeric else text + space

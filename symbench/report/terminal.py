"""Tables for a terminal: what does not fit the width is set as two tables, never cut."""

from __future__ import annotations

from io import StringIO
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from symbench.leaderboard import Leaderboard
from symbench.report.clean import plain
from symbench.report.tables import LEGEND, Block, Table, coverage, tables

_STYLES = {"plain": "", "best": "bold green", "dim": "dim", "bad": "red"}
_LONGEST_NAME = 64
_GAP = 2


def render(board: Leaderboard, width: int = 120, *, colour: bool = False) -> str:
    """Return the tables, the legend and the coverage as text of at most ``width`` columns."""
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False,
        legacy_windows=False, color_system="standard" if colour else None,
    )  # fmt: skip
    for table in tables(board):
        console.print(Text(plain(table.title), style="bold"))
        for part in _parts(table, width):
            console.print(part)
            console.print()
        for note in table.notes:
            console.print(Padding(Text(plain(note), style="dim"), (0, 0, 0, 2)))
        console.print()
    for line in LEGEND if board.rows else ():
        console.print(Text(line, style="dim"))
    console.print(Text(coverage(board)))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _parts(table: Table, width: int) -> list[Grid]:
    every: tuple[Block, ...] = ("row", "learning", "symmetry")
    if _width(table) <= width:
        return [_grid(table, every)] if table.rows else []
    parts = (
        _grid(table, ("row", "learning")),
        _grid(table, ("row", "symmetry"), filled="symmetry"),
    )
    return [part for part in parts if part.rows]


def _width(table: Table) -> int:
    widest = [cell_len(column.title) for column in table.columns]
    for cells in table.rows:
        lengths = (cell_len(plain(cell.text)) for cell in cells)
        widest = [max(pair) for pair in zip(widest, lengths, strict=True)]
    return sum(width + _GAP for width in widest)


def _grid(table: Table, blocks: tuple[Block, ...], filled: Block | None = None) -> Grid:
    """Return the columns of some blocks, of the rows that have something in block ``filled``."""
    chosen = [index for index, column in enumerate(table.columns) if column.block in blocks]
    needed = [index for index in chosen if table.columns[index].block == filled]
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for index in chosen:
        column = table.columns[index]
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        grid.add_column(Text(plain(column.title)), justify=justify, overflow="fold")
    for cells in table.rows:
        if filled is None or any(cells[index].text for index in needed):
            grid.add_row(*(_text(cells[index].text, cells[index].style) for index in chosen))
    return grid


def _text(text: str, style: str) -> Text:
    return Text(plain(text, _LONGEST_NAME), style=_STYLES[style])

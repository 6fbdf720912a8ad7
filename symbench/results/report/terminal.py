"""Tables for a terminal: a table too wide for it is split in two or more, never cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from symbench.results.leaderboard import Leaderboard
from symbench.results.report.columns import Block, Cell
from symbench.results.report.drawing import GAP, Grid, Line, drawn, fitting
from symbench.results.report.escape import plain
from symbench.results.report.tables import LEGEND, Table, coverage, tables

_LONGEST_NOTE = 600
_LONGEST_NAME = 64
_BLOCKS: tuple[Block, ...] = ("symmetry", "extracted", "announced", "defects", "cost")
_WITH = {"rollout_error": "conservation_error"}  # which say nothing without it


def render(
    leaderboard: Leaderboard,
    width: int = 120,
    *,
    colour: bool = False,
    columns: Sequence[str] = (),
) -> str:
    """Return the tables, the legend and the coverage as text of at most ``width`` columns."""
    return drawn(_page(leaderboard, width, columns), width, colour=colour)


def render_tables(leaderboard: Leaderboard, width: int = 120, columns: Sequence[str] = ()) -> str:
    """Return the tables, without notes, as text of at most ``width`` columns."""
    return drawn(
        (line for table in tables(leaderboard, columns) for line in _grids(table, width)),
        width,
        colour=False,
    )


def _page(leaderboard: Leaderboard, width: int, columns: Sequence[str]) -> Iterator[Line | Grid]:
    shown = tables(leaderboard, columns)
    for table in shown:
        yield from _grids(table, width)
        for note in table.notes:
            yield Line(plain(note, _LONGEST_NOTE), "dim", indent=2)
        yield Line("")
    if any(table.rows for table in shown):
        yield from (Line(line, "dim") for line in LEGEND)
    yield Line(coverage(leaderboard))


def _grids(table: Table, width: int) -> Iterator[Line | Grid]:
    yield Line(plain(table.title), "bold")
    for part in _parts(table, width):
        yield from (part, Line(""))


def _parts(table: Table, width: int) -> list[Grid]:
    """Return one table if it fits, else one for each block and each family of extras.

    A block that does not fit is divided further, so that no heading and no name is broken.
    """
    if sum(_width(table, index) + GAP for index in range(len(table.columns))) <= width:
        return [_grid(table, range(len(table.columns)))] if table.rows else []
    row, learning = _of(table, "row"), _of(table, "learning")
    first, *others = _fitting(table, row, learning, width)
    parts = [_grid(table, [*row, *first])]
    row = [index for index in row if table.columns[index].title != "flags"]  # once is enough
    parts += [_grid(table, [*row, *mine], filled=mine) for mine in others]
    for block in _BLOCKS:
        for mine in _fitting(table, row, _of(table, block), width):
            parts += [_grid(table, [*row, *mine], filled=mine)] if mine else []
    extra = _of(table, "extra")
    for family in sorted({_family(table.columns[index].title) for index in extra}):
        whole = [index for index in extra if _family(table.columns[index].title) == family]
        parts += [
            _grid(table, [*row, *mine], filled=mine, family=family)
            for mine in _fitting(table, row, whole, width, family)
        ]
    return [part for part in parts if part.rows]


def _fitting(
    table: Table, row: Sequence[int], block: Sequence[int], width: int, family: str = ""
) -> list[list[int]]:
    """Return the columns of a block in groups that fit beside those of the row."""
    room = width - sum(_width(table, index) + GAP for index in row)
    groups = fitting([_width(table, index, family) for index in block], room)
    return [[block[position] for position in group] for group in groups]


def _of(table: Table, block: Block) -> list[int]:
    return [index for index, column in enumerate(table.columns) if column.block == block]


def _family(name: str) -> str:
    """Return the score that a part (``conservation_error.energy``) is shown with."""
    family = name.partition(".")[0]
    return _WITH.get(family, family)


def _width(table: Table, index: int, family: str = "") -> int:
    """Return how many columns of the terminal a column of the table takes."""
    texts = [_heading(table.columns[index].title, family)]
    texts += [plain(cells[index].text) for cells in table.rows]
    return max(map(cell_len, texts))


def _heading(title: str, family: str) -> str:
    """Return the heading of a column below the name of its family, if it has one."""
    shown = title.removeprefix(f"{family}.") if family else title
    return plain("all" if shown == family else shown)


def _grid(
    table: Table, columns: Sequence[int], filled: Sequence[int] = (), family: str = ""
) -> Grid:
    """Return the columns at these positions, without rows that are empty in all of ``filled``.

    The name of a family is above its columns; the score of that name has the heading ``all``.
    """
    headings = [_heading(table.columns[index].title, family) for index in columns]
    rows = [
        [Cell(plain(cells[index].text, _LONGEST_NAME), cells[index].style) for index in columns]
        for cells in table.rows
        if not filled or any(cells[index].text for index in filled)
    ]
    return Grid(headings, [table.columns[index].numeric for index in columns], rows, plain(family))

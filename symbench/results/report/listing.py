"""Plain listings for the terminal: aligned columns, and cards of labelled values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from symbench.results.report.escape import plain

_GAP, _NARROWEST = 2, 10  # characters between columns; smallest width of the last column
_LIMIT = 4000  # characters of one value: room for definitions, a bound for hostile text


def listing(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int = 120,
    *,
    colour: bool = False,
) -> str:
    """Return aligned columns under headings; the last column wraps."""
    cells = [[plain(cell, _LIMIT) for cell in row] for row in rows]
    columns = list(zip(headings, *cells, strict=True))[:-1]
    last = max(_NARROWEST, width - sum(max(map(len, column)) + _GAP for column in columns))
    text = tabulate(
        cells,
        headings,
        tablefmt="plain",
        disable_numparse=True,
        maxcolwidths=[None] * (len(headings) - 1) + [last],
    )
    head, *body = (line.rstrip() for line in text.splitlines())
    return "\n".join([f"\x1b[2m{head}\x1b[0m" if colour else head, *body]) + "\n"


def heading(text: str, *, colour: bool = False) -> str:
    """Return the heading of a group of lines."""
    shown = plain(text)
    return f"\x1b[2m{shown}\x1b[0m\n" if colour else f"{shown}\n"


def lines(entries: Sequence[tuple[str, str]], width: int = 120) -> str:
    """Return a line for each (name, summary), indented, aligned and cut to the width."""
    named = [(plain(name), plain(summary, _LIMIT)) for name, summary in entries]
    column = max(len(name) for name, _ in named) + _GAP
    shown = (f"{'':{_GAP}}{name:<{column}}{summary}".rstrip() for name, summary in named)
    return "".join(shortened(line, width) + "\n" for line in shown)


def shortened(line: str, width: int) -> str:
    """Return the line, with an ellipsis for what exceeds the width."""
    return line if len(line) <= width else line[: max(1, width - 1)].rstrip() + "…"


def card(
    title: str, body: str, values: Mapping[str, Any], width: int = 120, *, colour: bool = False
) -> str:
    """Return a title, paragraphs, and one labelled line for every value that is not empty."""
    from rich.table import Table
    from rich.text import Text

    from symbench.results.report.printing import printed

    grid = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in values.items():
        if value is not None and value not in ([], {}, ""):
            grid.add_row(Text(plain(label)), Text(text_of(value)))
    paragraphs = [Text(plain(part, _LIMIT) + "\n") for part in body.split("\n\n") if part.strip()]
    head = Text(plain(title), style="bold")
    return printed([head, *paragraphs, grid], width, colour=colour)


def text_of(value: Any) -> str:
    """Return a JSON value as text: lists separated by commas, lists of objects by line breaks."""
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(str(key))} {text_of(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        nested = any(isinstance(item, Mapping) for item in value)
        return ("\n" if nested else ", ").join(text_of(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else plain(str(value), _LIMIT)

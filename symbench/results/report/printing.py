"""Rich renderables -> text."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, RenderableType
from rich.text import Text

from symbench.results.report.escape import plain


def printed(parts: Iterable[RenderableType], width: int, *, colour: bool) -> str:
    """Return the parts one below the other, in lines of at most ``width`` columns."""
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False,
        legacy_windows=False, color_system="standard" if colour else None,
    )  # fmt: skip
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def wrapped(lines: Iterable[str], width: int) -> str:
    """Return texts of any origin, each broken between words into lines of at most ``width``."""
    return printed((Text(plain(line, 1000)) for line in lines), width, colour=False)

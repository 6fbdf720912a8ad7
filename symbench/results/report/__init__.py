"""Rows -> terminal, markdown, HTML, LaTeX, CSV or JSON; every cell is cleaned for its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from symbench.errors import InputError

if TYPE_CHECKING:
    from symbench.results.leaderboard import Leaderboard

Format = Literal["table", "md", "html", "latex", "csv", "json"]
FORMATS: tuple[str, ...] = get_args(Format)

__all__ = ["FORMATS", "Format", "render"]


def render(board: Leaderboard, form: str, width: int = 120, *, colour: bool = False) -> str:
    """Return the leaderboard in one of ``FORMATS``; width and colour are the terminal's.

    Raises:
        InputError: an unknown format.
    """
    from symbench.results.report import csv_json as flat
    from symbench.results.report import documents, terminal

    if form == "table":
        return terminal.render(board, width, colour=colour)
    drawn = {
        "md": documents.render_markdown,
        "html": documents.render_html,
        "latex": documents.render_latex,
        "csv": flat.render_csv,
        "json": flat.render_json,
    }
    if form not in drawn:
        raise InputError(f"unknown format {form!r}: take one of {', '.join(FORMATS)}")
    return drawn[form](board)

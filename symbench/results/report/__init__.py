"""Rows -> terminal, markdown, HTML, LaTeX, CSV or JSON; every cell is cleaned for its format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from symbench.errors import InputError

if TYPE_CHECKING:
    from symbench.results.leaderboard import Leaderboard

Format = Literal["table", "md", "html", "latex", "csv", "json"]
FORMATS: tuple[str, ...] = get_args(Format)
SUMMARY_FORMATS = ("table", "md", "csv", "json")  # of the rankings over tasks
DISCOVERY_FORMATS = ("table", "md", "json")  # of the discovery board
BOARD_FORMATS = ("table", "md", "json")  # of a board

__all__ = [
    "BOARD_FORMATS", "DISCOVERY_FORMATS", "FORMATS", "SUMMARY_FORMATS", "Format", "check_format",
    "render",
]  # fmt: skip


def check_format(form: str, allowed: Sequence[str] = FORMATS) -> None:
    """Refuse an unknown format.

    Raises:
        InputError: the format is not one of ``allowed``.
    """
    if form not in allowed:
        raise InputError(f"unknown format {form!r}: choose one of {', '.join(allowed)}")


def render(
    leaderboard: Leaderboard,
    form: str,
    width: int = 120,
    *,
    colour: bool = False,
    columns: Sequence[str] = (),
) -> str:
    """Return the leaderboard in one of ``FORMATS``.

    Args:
        leaderboard: the rows.
        form: the format.
        width: of the terminal.
        colour: whether the terminal has colours.
        columns: names of scores or headings, of the columns to show; all if there are none.

    Raises:
        InputError: an unknown format or column, or columns of a JSON document.
    """
    from symbench.results.report import csv_json, documents, terminal

    check_format(form)
    if form == "table":
        return terminal.render(leaderboard, width, colour=colour, columns=columns)
    if form == "json":
        if columns:
            raise InputError("--columns with --format json: a JSON document holds every score")
        return csv_json.render_json(leaderboard)
    renderers = {
        "md": documents.render_markdown,
        "html": documents.render_html,
        "latex": documents.render_latex,
        "csv": csv_json.render_csv,
    }
    return renderers[form](leaderboard, columns)

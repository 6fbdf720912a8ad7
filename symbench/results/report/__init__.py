"""Rows -> terminal, markdown, HTML, LaTeX, CSV or JSON; every cell is cleaned for its format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

from symbench.errors import InputError

if TYPE_CHECKING:
    from symbench.results.leaderboard import Leaderboard

Format = Literal["table", "md", "html", "latex", "csv", "json"]
FORMATS: tuple[str, ...] = get_args(Format)
SUMMARY_FORMATS = ("table", "md", "json")  # of the rankings over tasks

__all__ = ["FORMATS", "SUMMARY_FORMATS", "Format", "check_format", "render"]


def check_format(form: str, allowed: Sequence[str] = FORMATS) -> None:
    """Refuse an unknown format.

    Raises:
        InputError: the format is not one of ``allowed``.
    """
    if form not in allowed:
        raise InputError(f"unknown format {form!r}: choose one of {', '.join(allowed)}")


def render(leaderboard: Leaderboard, form: str, width: int = 120, *, colour: bool = False) -> str:
    """Return the leaderboard in one of ``FORMATS``; width and colour are the terminal's.

    Raises:
        InputError: an unknown format.
    """
    from symbench.results.report import csv_json, documents, terminal

    check_format(form)
    if form == "table":
        return terminal.render(leaderboard, width, colour=colour)
    renderers = {
        "md": documents.render_markdown,
        "html": documents.render_html,
        "latex": documents.render_latex,
        "csv": csv_json.render_csv,
        "json": csv_json.render_json,
    }
    return renderers[form](leaderboard)

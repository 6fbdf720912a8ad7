"""Make text of unknown origin safe to show: names and reasons come from anybody's records."""

from __future__ import annotations

import html
import re
import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}  # controls, bidi and zero-width marks, surrogates
_MARKDOWN = re.compile(r"([\\`*_{}|~#!])")
_LINK_END = re.compile(r"\](?=[(\[:])")  # other brackets stay: intervals are written with them
_AUTOLINKS = {"://": "&#58;//", "www.": "www&#46;", "@": "&#64;"}
_LATEX_SYMBOLS = {
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "×": r"$\times$",
    "–": "--",
    "·": r"$\cdot$",
    "…": r"\ldots{}",
    "²": r"$^2$",
    "∂": r"$\partial$",
}
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **_LATEX_SYMBOLS,
}
_FORMULA = ("=", "+", "-", "@")


def plain(text: str, limit: int = 200) -> str:
    """Return the text on one line, without control, bidi or invisible characters, cut at limit."""
    spaced = " ".join(text.split())
    visible = "".join(c for c in spaced if unicodedata.category(c) not in _HIDDEN)
    shown = " ".join(visible.split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def markdown(text: str) -> str:
    """Return the text for a cell of a markdown table: no markup, HTML, link or mention works."""
    escaped = _MARKDOWN.sub(r"\\\1", plain(text).replace("&", "&amp;").replace("<", "&lt;"))
    escaped = _LINK_END.sub(r"\\]", escaped)
    for mark, entity in _AUTOLINKS.items():
        escaped = escaped.replace(mark, entity)
    return escaped


def hypertext(text: str) -> str:
    """Return the text for HTML content or a quoted attribute."""
    return html.escape(plain(text), quote=True)


def latex(text: str) -> str:
    """Return the text for LaTeX; what the usual font encodings cannot show becomes ``?``."""
    return "".join(_LATEX.get(c, c if c.isascii() else "?") for c in plain(text))


def spreadsheet(text: str) -> str:
    """Return the text for a CSV field that no spreadsheet takes for a formula."""
    shown = plain(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown

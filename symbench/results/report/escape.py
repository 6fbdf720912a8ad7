"""Make foreign text safe to show: names and reasons come from records from unknown sources."""

from __future__ import annotations

import html
import re
import unicodedata

FOREIGN = 200  # characters of a text of unknown origin
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}  # controls, bidi and zero-width marks, surrogates
_LOOK_ALIKE = ("CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "FULLWIDTH", "MATHEMATICAL")
_GREEK = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲϳ")  # other Greek letters are those of formulas
_WORD = re.compile(r"\w+")
_MARKDOWN = re.compile(r"([\\`*_{}|~#!])")
_LINK_END = re.compile(r"\](?=[(\[:])")  # other brackets are unchanged: intervals need them
_ENTITIES = {"://": "&#58;//", "www.": "www&#46;", "@": "&#64;", "$": "&#36;"}  # links, formulas
_LATEX_SYMBOLS = {
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "×": r"$\times$",
    "–": "--",
    "·": r"$\cdot$",
    "…": r"\ldots{}",
    "∂": r"$\partial$",
    "÷": r"$\div$",
    "±": r"$\pm$",
    "√": r"$\surd$",
    "°": r"$^\circ$",
    "‡": r"$\ddagger$",
    "→": r"$\to$",
    "−": r"$-$",
    "∞": r"$\infty$",
    "‖": r"$\|$",
    **dict(zip("αβγδεζηθικλμνξπρστυφχψω", (
        rf"$\{name}$"
        for name in (
            "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
            "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi",
            "psi", "omega",
        )
    ), strict=True)),
    **{c: f"$^{i}$" for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"$_{i}$" for i, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r",
    "\u030c": "v", "\u0327": "c",
}  # fmt: skip
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    **_LATEX_SYMBOLS,
}
_FORMULA = re.compile(r"(?:^|(?<=;))(\s*)(?=[=+\-@＝﹦＋﹢－﹣＠﹫−])")


def plain(text: str, limit: int | None = FOREIGN) -> str:
    """Return the text on one line, without control, bidi or invisible characters.

    In a text of unknown origin, letters that look Latin are written as escapes in a word that has
    Latin letters, too.

    Args:
        text: of any origin.
        limit: the number of characters at which the text is cut; None for the project's own text.
    """
    spaced = " ".join(text.split())
    visible = "".join(c for c in spaced if unicodedata.category(c) not in _HIDDEN)
    shown = " ".join(visible.split())
    if limit is not None and not shown.isascii():
        shown = _WORD.sub(_unmixed, shown)
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


def visible(text: str) -> str:
    """Return a text of several lines without control, bidi or invisible characters."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _HIDDEN)


def _unmixed(match: re.Match[str]) -> str:
    word = match[0]
    alike = {c for c in word if c in _GREEK or unicodedata.name(c, "").startswith(_LOOK_ALIKE)}
    latin = any(unicodedata.name(c, "").startswith("LATIN") for c in word)
    if not alike or not latin:
        return word
    return "".join(f"\\u{ord(c):04x}" if c in alike else c for c in word)


def markdown(text: str, limit: int | None = FOREIGN) -> str:
    """Return the text for a cell of a markdown table: no markup, HTML, link or mention works."""
    escaped = _MARKDOWN.sub(r"\\\1", plain(text, limit).replace("&", "&amp;").replace("<", "&lt;"))
    escaped = _LINK_END.sub(r"\\]", escaped)
    for mark, entity in _ENTITIES.items():
        escaped = escaped.replace(mark, entity)
    return escaped


def hypertext(text: str, limit: int | None = FOREIGN) -> str:
    """Return the text for HTML content or a quoted attribute."""
    return html.escape(plain(text, limit), quote=True)


def latex(text: str, limit: int | None = FOREIGN) -> str:
    """Return the text for LaTeX in ASCII; a character without a command becomes its number."""
    return "".join(_LATEX.get(c) or _latex(c) for c in plain(text, limit))


def _latex(character: str) -> str:
    if character.isascii():
        return character
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS:  # a letter and its accent
        return f"\\{_ACCENTS[parts[1]]}{{{parts[0]}}}"
    return f"U+{ord(character):04X}"


def spreadsheet(text: str) -> str:
    """Return the text for a CSV field that no spreadsheet reads as a formula.

    Where ``;`` separates fields, a formula may follow it.
    """
    return _FORMULA.sub(r"\1'", plain(text))

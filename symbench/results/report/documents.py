"""Tables for documents: markdown, HTML (one self-contained page) and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from tabulate import tabulate

from symbench.results.leaderboard import Leaderboard
from symbench.results.report.columns import Cell
from symbench.results.report.escape import hypertext, latex, markdown
from symbench.results.report.tables import LEGEND, Table, coverage, tables

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # no script, no request to anywhere
_NO_LABEL = re.compile(r"[^A-Za-z0-9]+")
_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem;
  color: #1c1e21; background: #fff; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #8884; text-align: left; }
th { font-weight: 600; border-bottom-width: 2px; }
.dim, .note { color: #6b7280; } .best { font-weight: 600; } .bad { color: #b42318; }
.note { font-size: .85rem; margin: .2rem 0; }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #16181c; }
  .dim, .note { color: #9aa1ab; } .bad { color: #f97066; } }
"""


def render_markdown(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> str:
    """Return the tables as GitHub markdown."""
    parts = []
    for table in tables(leaderboard, columns):
        parts.append(f"### {markdown(table.title)}")
        parts.append(_drawn(table, "github", _markdown_cell, markdown))
        parts += ["\n".join(f"- {markdown(note)}" for note in table.notes)]
    parts += [markdown(line, limit=None) for line in (*LEGEND, coverage(leaderboard))]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_html(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> str:
    """Return one page without scripts or external resources."""
    title = hypertext(f"symbench leaderboard, tier {leaderboard.tier}")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n<h1>{title}</h1>",
    ]
    parts += _html_tables(leaderboard, columns)
    parts += [f'<p class="note">{hypertext(line, limit=None)}</p>' for line in LEGEND]
    parts.append(f"<p>{hypertext(coverage(leaderboard), limit=None)}</p>\n</body>\n</html>")
    return "\n".join(parts) + "\n"


def render_fragment(leaderboard: Leaderboard) -> str:
    """Return the tables as HTML to be shown inside another page, such as a notebook."""
    parts = [*_html_tables(leaderboard, ()), f"<p>{hypertext(coverage(leaderboard), None)}</p>"]
    return "\n".join(parts) + "\n"


def _html_tables(leaderboard: Leaderboard, columns: Sequence[str]) -> Iterator[str]:
    for table in tables(leaderboard, columns):
        yield f"<h2>{hypertext(table.title)}</h2>"
        yield f'<div class="scroll">{_drawn(table, "unsafehtml", _html_cell, hypertext)}'
        yield "</div>"
        yield from (f'<p class="note">{hypertext(note)}</p>' for note in table.notes)


def render_latex(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> str:
    """Return one float per task with a caption (``\\usepackage{booktabs}``); notes are comments."""
    parts = []
    for table in tables(leaderboard, columns):
        parts += _float(table)
        parts += [f"% {_in_full(note)}" for note in table.notes]
    parts += [f"% {_in_full(line)}" for line in (*LEGEND, coverage(leaderboard))]
    return "\n".join(parts) + "\n"


def _in_full(sentence: str) -> str:
    """Return a sentence for LaTeX, escaped word by word, so that only long words are cut."""
    return " ".join(latex(word) for word in sentence.split())


def _float(table: Table) -> list[str]:
    if not table.rows:
        return [f"% {latex(table.title)}"]
    label = _NO_LABEL.sub("-", table.title.partition(" · ")[0]).strip("-")
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex(table.title)}. {_in_full(_caption(table))}}}",
        rf"\label{{tab:{label}}}",
        *_tabular(table),
        r"\end{table}",
    ]


def _caption(table: Table) -> str:
    """Return what a reader of the table alone must know."""
    best = any(cell.style == "best" for cells in table.rows for cell in cells)
    bold = " Bold: not distinguished from the best." if best else ""
    return f"Medians over seeds with 95 % intervals.{bold}"


def _drawn(
    table: Table, style: str, cell: Callable[[Cell], str], heading: Callable[[str], str]
) -> str:
    if not table.rows:
        return ""
    return str(
        tabulate(
            [[cell(one) for one in cells] for cells in table.rows],
            headers=[heading(column.title) for column in table.columns],
            tablefmt=style,
            disable_numparse=True,
            colalign=["right" if column.numeric else "left" for column in table.columns],
        )
    )


def _latex_row(cells: list[str]) -> str:
    """Return one row; a ``*`` or ``[`` after a line break would be read as its argument."""
    row = " & ".join(cells)
    return f"{'{}' if row[:1] in ('*', '[') else ''}{row} \\\\"


def _tabular(table: Table) -> list[str]:
    if not table.rows:
        return []
    layout = "".join("r" if column.numeric else "l" for column in table.columns)
    heading = [latex(column.title) for column in table.columns]
    body = [[_latex_cell(cell) for cell in cells] for cells in table.rows]
    lines = [_latex_row(cells) for cells in (heading, *body)]
    rules = [rf"\begin{{tabular}}{{{layout}}}", r"\toprule", lines[0], r"\midrule"]
    return [*rules, *lines[1:], r"\bottomrule", r"\end{tabular}"]


def _markdown_cell(cell: Cell) -> str:
    text = markdown(cell.text)
    return f"**{text}**" if cell.style == "best" and text else text


def _html_cell(cell: Cell) -> str:
    text = hypertext(cell.text)
    return text if cell.style == "plain" else f'<span class="{cell.style}">{text}</span>'


def _latex_cell(cell: Cell) -> str:
    text = latex(cell.text)
    return rf"\textbf{{{text}}}" if cell.style == "best" and text else text

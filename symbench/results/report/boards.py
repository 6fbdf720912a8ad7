"""Boards: findings and standings for the terminal, markdown or JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from tabulate import tabulate

from symbench.contract.board import RATIO
from symbench.results.leaderboard.boards import Entry, Standings
from symbench.results.leaderboard.findings import Supported
from symbench.results.report import BOARD_FORMATS, check_format
from symbench.results.report.escape import markdown, plain
from symbench.results.report.numbers import interval, number
from symbench.results.report.printing import printed
from symbench.results.statistics import Nemenyi

HEADINGS = ("#", "model", "prior", "own", "all", "without")
_FIGURES = {
    "error": "the geometric mean over tasks and seeds of error ÷ chance error; 0 is perfect, 1 is "
    "a guess; errors below 1e-6 count as 1e-6.",
    "headline": "how many pairs were told apart, of all pairs.",
    "discovery": "the mean figure of merit; 0 is a guess, 1 is exactly the truth.",
}
WHAT = {
    "error": "Error ÷ that of a guess, on all tasks.",
    "headline": "Pairs told apart.",
    "discovery": "Figure of merit on all tasks.",
}
_CHARGED = (
    "all: over all tasks of the board, of which one that the model declines or fails counts as a "
    "guess. Models are ordered by it: one of few tasks comes late, however good it is on them. "
    "own: over the tasks on which the model has a result. without: the number of the others."
)
_PLACES = (
    "#: the places that the seeds leave open: two models differ if the 95 % interval of the "
    "difference of their figures excludes 0, seeds resampled within each task."
)
_UNRANKED = (
    "*: not ranked, with fewer than 5 seeds on a task, or a result that is missing or not compared."
)


def rows(standings: Standings) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each model, under ``HEADINGS``."""
    for entry in standings.entries:
        yield (
            place(entry),
            entry.model,
            entry.prior or "",
            own(standings, entry),
            charged(standings, entry),
            without(entry),
        )


def place(entry: Entry) -> str:
    """Return the range of places; an asterisk for a model that is not ranked."""
    if entry.place is None:
        return "*"
    first, last = entry.place
    return str(first) if first == last else f"{first}–{last}"


def own(standings: Standings, entry: Entry) -> str:
    """Return the figure over the model's own tasks, without its interval."""
    if standings.board.ranks == "headline":
        return f"{_count(entry.own.value)} of {entry.own_most:.0f}"
    return number(entry.own.value)


def charged(standings: Standings, entry: Entry) -> str:
    """Return the figure over all tasks of the board, with its interval."""
    one = entry.charged
    if standings.board.ranks != "headline":
        return interval(one)
    sure = one.low is None or one.high is None or one.low == one.high
    ends = "" if sure else f" [{_count(one.low or 0)}, {_count(one.high or 0)}]"
    return f"{_count(one.value)}{ends} of {standings.most:.0f}"


def _count(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def without(entry: Entry) -> str:
    """Return ``4 declined``: what became of the tasks on which the model has no result."""
    counts = Counter(entry.without.values())
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


def sentence(one: Supported) -> str:
    """Return a finding with its number, its interval, and what it was computed from."""
    finding = one.finding
    ratio = f"{'at least ' if one.at_least else ''}{interval(one.ratio)}"
    score = "error" if finding.score == "error" else finding.score
    count = len(finding.tasks)
    where = finding.tasks[0] if count == 1 else f"{count} tasks"
    return (
        f"{finding.claim.replace(RATIO, ratio)} "
        f"({score} of {finding.larger} ÷ {finding.smaller}, {where}, {one.seeds} seeds)."
    )


def notes(standings: Standings) -> Iterator[str]:
    """Yield what a reader must know to judge the standings."""
    yield f"tasks: {', '.join(standings.tasks) or 'none'}"
    if standings.not_run:
        yield f"tasks of the board without results here: {', '.join(standings.not_run)}"
    if (answer := generality(standings)) is not None:
        yield f"Would this order hold on other tasks? {answer}"
    yield from legend(standings)


def legend(standings: Standings) -> Iterator[str]:
    """Yield how to read the table."""
    yield f"figure: {_FIGURES[standings.board.ranks]}"
    yield _CHARGED
    if standings.board.ranks != "discovery":
        yield _PLACES
    if any(entry.place is None for entry in standings.entries):
        yield _UNRANKED


def generality(standings: Standings) -> str | None:
    """Return the answer to whether the order would hold on other tasks, if there is one."""
    if (ranks := standings.nemenyi) is None:
        return None
    models = len(ranks.mean_ranks)
    if telling_ranks(standings) is None:
        return (
            f"{ranks.tasks} tasks cannot show it for {models} models: mean ranks would have to "
            f"differ by {ranks.difference:.1f} (Nemenyi, 5 %)."
        )
    return (
        f"Only for mean ranks more than {ranks.difference:.1f} apart (Nemenyi, 5 %; the {models} "
        f"models that have a result on each of the {ranks.tasks} tasks)."
    )


def telling_ranks(standings: Standings) -> Nemenyi | None:
    """Return the mean ranks, if any two of them could differ by the critical difference."""
    ranks = standings.nemenyi
    return ranks if ranks and ranks.difference < len(ranks.mean_ranks) - 1 else None


def render(
    standings: Standings,
    findings: Sequence[Supported],
    form: str,
    width: int = 120,
    *,
    colour: bool = False,
) -> str:
    """Return one board in one of ``BOARD_FORMATS``; width and colour are the terminal's.

    Raises:
        InputError: another format.
    """
    check_format(form, BOARD_FORMATS)
    sentences = [sentence(one) for one in findings]
    if form == "table":
        return printed(_parts(standings, sentences), width, colour=colour)
    if form == "md":
        return _markdown(standings, sentences)
    document = {**standings.document(), "findings": sentences}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def title(standings: Standings) -> str:
    """Return the question, and the name, tier and number of tasks of the board."""
    board, count = standings.board, len(standings.tasks)
    of = f"{count}" if not standings.not_run else f"{count} of {len(board.tasks)}"
    return f"{board.question} {board.name} · {standings.tier} · {of} tasks"


def _parts(standings: Standings, sentences: Sequence[str]) -> Iterator[RenderableType]:
    yield Text(plain(title(standings), 500), style="bold")
    yield ""
    for one in sentences:
        yield Padding(Text(plain(one, 500)), (0, 0, 0, 2))
    if sentences:
        yield ""
    if standings.entries:
        grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
        for heading in HEADINGS:
            grid.add_column(Text(heading), no_wrap=heading != HEADINGS[-1], overflow="fold")
        for cells in rows(standings):
            grid.add_row(*(Text(plain(cell)) for cell in cells))
        yield grid
        yield ""
    for note in notes(standings):
        yield Padding(Text(plain(note, None), style="dim"), (0, 0, 0, 2))


def _markdown(standings: Standings, sentences: Sequence[str]) -> str:
    cells = [[markdown(cell) for cell in row] for row in rows(standings)]
    table = tabulate(cells, HEADINGS, tablefmt="github", disable_numparse=True)
    lists = [[f"- {markdown(one, 500)}" for one in sentences],
             [f"- {markdown(note, None)}" for note in notes(standings)]]  # fmt: skip
    parts = [f"### {markdown(title(standings), 500)}", "\n".join(lists[0]), table if cells else "",
             "\n".join(lists[1])]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"

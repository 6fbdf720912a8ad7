"""Write the page of findings: every number in it is computed from stored records.

python scripts/findings.py > docs/findings.md

The text is the template ``docs/findings.md.j2``. A finding whose interval no longer supports it
ends the script with an error. Numbers that no stored record has are read from tables of other
pages, which name the commands that make them.
"""

from __future__ import annotations

import argparse
import re
import statistics as plain_statistics
import textwrap
from collections import defaultdict
from functools import cache
from pathlib import Path

import worth
from jinja2 import Environment, StrictUndefined

from symbench.contract.board import RATIO, Board, Finding
from symbench.records.record import Record
from symbench.results import leaderboard, statistics
from symbench.results.leaderboard.discovery import DiscoveryBoard, discovery_board
from symbench.results.leaderboard.findings import supported
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.report import discovery as report
from symbench.results.report.numbers import interval, number, samples
from symbench.results.report.summaries import rate
from symbench.results.sources import open_source

ROOT = Path(__file__).parents[1]
FOLDER, DOCS = ROOT / "leaderboards", ROOT / "docs"
MAIN = "main"  # the publication of every model on every task
_MARKS = re.compile(r"[`*]")


class Source:
    """The numbers of the template; each method returns text and counts it as held."""

    def __init__(self) -> None:
        self.held = 0

    def ratio(
        self, folder: str, larger: str, smaller: str, *tasks: str, score: str = "error"
    ) -> str:
        """Return the ratio of a score of two models over tasks and seeds, with its interval.

        Raises:
            LookupError: the interval includes 1, or a result is missing.
        """
        claim = Finding(RATIO, larger, smaller, tasks, score)
        board = Board("findings", "", tasks, "error", findings=(claim,))
        found = records(folder)
        tier = found[0].identity.tier
        if not (shown := supported(board, found, tier)):
            raise LookupError(f"{folder}: no support for {score} of {larger} ÷ {smaller}, {tasks}")
        return self._held(("≥ " if shown[0].at_least else "") + interval(shown[0].ratio), 3)

    def value(
        self, folder: str, task: str, model: str, score: str = "error", n: int | None = None
    ) -> str:
        """Return the median of a score over seeds, with its interval; by default at the largest n.

        Raises:
            LookupError: there is none.
        """
        summary = RecordSummary(record(folder, task, model))
        size = max(summary.sizes) if n is None else n
        if not (values := summary.values(score, size)):
            raise LookupError(f"{folder}: no {score} of {task} {model} at {size}")
        floor = summary.smallest_error if score == "error" else None
        shown = interval(statistics.interval(values, floor=floor))
        return self._held(shown, len(re.findall(r"\d[\d.e-]*", shown)))

    def tasks(self, folder: str) -> str:
        """Return the number of tasks that have trained cells."""
        return self._held(str(len({one.identity.task for one in records(folder) if one.trials})))

    def size(self, folder: str, task: str) -> str:
        """Return the largest number of training examples of a task."""
        sizes = {n for one in records(folder) if one.identity.task == task
                 for n in one.identity.sizes}  # fmt: skip
        return self._held(f"{max(sizes):,}")

    def tier(self, folder: str) -> str:
        """Return the tier of the records of a folder."""
        return records(folder)[0].identity.tier

    def needed(self, folder: str, task: str, model: str) -> str:
        """Return the number of examples from which a task is solved: ``≤ 30`` or ``> 1000``."""
        (row,) = [one for one in rows(folder) if (one.task, one.model) == (task, model)]
        return self._held(samples(row.scores["n_to_threshold"]))

    def full(self, task: str, model: str, n: int, score: str = "error") -> str:
        """Return the median over the seeds of the reproductions at one n, with their range."""
        values = reproduced(task, model, n, score)
        middle, low, high = (
            number(value, 3)
            for value in (plain_statistics.median(values), min(values), max(values))
        )
        return self._held(f"{middle} ({low} to {high})" if low != high else middle, 3)

    def method(self, name: str, kind: str = "") -> str:
        """Return the figure of a method of the discovery board, over all kinds or on one."""
        (found,) = [one for one in discovered().methods if one.model == name]
        if kind == "false findings" and found.false is not None:
            shown = rate(found.false)
        else:
            shown = interval(found.figures[kind] if kind else found.overall)
        return self._held(shown, len(re.findall(r"\d[\d.]*", shown)))

    def ahead(self, name: str) -> str:
        """Return the methods of the discovery board whose intervals are above that of another.

        Raises:
            LookupError: there is none.
        """
        ends = {one.model: one.overall for one in discovered().methods}
        high = ends[name].high
        found = [one for one, own in ends.items() if high and own.low and own.low > high]
        if not found:
            raise LookupError(f"no method of the discovery board is ahead of {name}")
        return self._held(", ".join(f"`{one}`" for one in found))

    def found(self, task: str, method: str, column: str) -> str:
        """Return a cell of the table of one task of the discovery board."""
        (cells,) = [one for one in report.of_task(discovered(), task) if one[0] == method]
        return self._held(cells[report.TASK_HEADINGS.index(column)])

    def worth(self, task: str, model: str, n: int = 100) -> str:
        """Return the error of a model that uses a discovery ÷ that of the plain perceptron.

        Raises:
            LookupError: one of them has no records at that size.
        """
        found = worth.ratio(worth.errors(records("discovery-use"), n), task, model)
        if found is None:
            raise LookupError(f"discovery-use: no error of {model} on {task} at {n}")
        return self._held(interval(found), 3)

    def cell(self, page: str, row: str, column: str, nth: int = 0) -> str:
        """Return a cell of a table of another page: the ``nth`` table with that row and column."""
        return self._held(table_cell(page, row, column, nth))

    def _held(self, text: str, numbers: int = 1) -> str:
        self.held += numbers
        return text


@cache
def records(folder: str) -> list[Record]:
    """Return the records of one folder of leaderboards."""
    return open_source(FOLDER / folder).records()


def record(folder: str, task: str, model: str) -> Record:
    """Return the one record of a pair."""
    (found,) = [one for one in records(folder) if one.trials
                and (one.identity.task, one.identity.model) == (task, model)]  # fmt: skip
    return found


@cache
def rows(folder: str) -> list[leaderboard.Row]:
    """Return the rows of the leaderboard of one folder."""
    found = records(folder)
    return leaderboard.make(found, found[0].identity.tier, planned=len(found)).rows


@cache
def discovered() -> DiscoveryBoard:
    """Return the discovery board of the stored records."""
    found = records("discovery")
    return discovery_board(found, found[0].identity.tier)


def reproduced(task: str, model: str, n: int, score: str) -> list[float]:
    """Return a score of the reproductions by seed, of the record with the most seeds.

    Raises:
        LookupError: there is none.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for one in records("reproductions"):
        if (one.identity.task, one.identity.model) == (task, model):
            for trial in one.trials:
                if trial.n_train == n and score in trial.scores:
                    found[one.key].append(trial.scores[score])
    if not found:
        raise LookupError(f"no {score} of {task} {model} at {n} among the reproductions")
    return max(found.values(), key=len)


def table_cell(page: str, row: str, column: str, nth: int = 0) -> str:
    """Return a cell of a Markdown table, by the first cell of its row and its heading.

    Raises:
        LookupError: there are not as many tables with both.
    """
    found: list[str] = []
    heads: list[str] = []
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        cells = [_MARKS.sub("", cell).strip() for cell in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|"):
            heads = []
        elif not heads:
            heads = cells
        elif cells[0] == row and column in heads:
            found.append(cells[heads.index(column)])
    return found[nth]


def page() -> tuple[str, int]:
    """Return the page, and how many numbers of it are computed."""
    template = (DOCS / "findings.md.j2").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701 - Markdown
    source = Source()
    blocks = environment.from_string(template).render(s=source, main=MAIN).rstrip().split("\n\n")
    return "\n\n".join(map(_wrapped, blocks)) + "\n", source.held


def _wrapped(block: str) -> str:
    """Return a paragraph or a list in lines of the width of the documentation."""
    if block.startswith(("|", "#")):
        return block
    return "\n".join(
        textwrap.fill(" ".join(item.split()), 100, subsequent_indent="  " * item.startswith("- "),
                      break_long_words=False, break_on_hyphens=False)
        for item in re.split(r"\n(?=- )", block)
    )  # fmt: skip


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    print(page()[0], end="")

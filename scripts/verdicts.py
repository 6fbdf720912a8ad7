"""Which published curves the stored records reproduce: the verdicts of ``reproductions.py``."""

from __future__ import annotations

import re
import statistics
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping

from tabulate import tabulate

from symbench.contract import Published, Task
from symbench.records.record import Record

# Models beside a published one: our stronger recipes of the Scalars, and for EMLP-SO(5) the network
# of O(5), which is the same one at the published number of channels.
BESIDE = {
    "scalars-2021": ("scalars",),
    "scalars-perm": ("scalars", "scalars-2021"),
    "emlp-so5": ("emlp",),
}

Scores = Mapping[int, list[float]]


def scores_of(records: Iterable[Record], task: str, model: str, score: str) -> Scores:
    """Return a score by n_train, one per seed, after the tier's number of updates.

    Of several records the one with the most seeds counts.
    """
    best: dict[int, list[float]] = {}
    for record in records:
        if record.identity.protocol.get("experiment"):
            continue
        for n, values in by_size(record, task, model, score).items():
            if len(values) > len(best.get(n, ())):
                best[n] = values
    return best


def by_size(record: Record, task: str, model: str, score: str) -> Mapping[int, list[float]]:
    """Return a score of a record by n_train, one per seed; nothing if it is of something else."""
    identity = record.identity
    found: dict[int, list[float]] = defaultdict(list)
    if (identity.task, identity.model, identity.tier) == (task, model, "full"):
        for trial in record.trials if record.status == "ok" else ():
            if score in trial.scores:
                found[trial.n_train].append(trial.scores[score])
    return found


# Scores of which more is better; of the others less is.
MORE = ("pairs_", "pixel-generator.")
MOST_ERROR, LEAST_SCORE = 2.0, 0.95  # reproduced: at most, or at least, this times the published
_SOURCE = re.compile(r"(.*?\b\d{4}(?: \([^)]*\))?)(?:[,:] ?(.*))?")
COLUMNS = ("paper", "figure", "task", "curve", "published", "ours", "ratio", "verdict")


def verdicts(tasks: Iterable[Task], records: list[Record]) -> list[list[str]]:
    """Return one row of ``COLUMNS`` for each published curve that has records."""
    return [
        row
        for task in tasks
        for published in task.published
        if (row := verdict(task, published, records)) is not None
    ]


def readme(table: list[list[str]]) -> str:
    """Return the README of the records: how many curves are reproduced, and which are not."""
    missed = [row for row in table if row[-1] != "reproduced"]
    found = (
        f"{len(table) - len(missed)} of {len(table)} published curves are reproduced: the error is "
        f"at most {MOST_ERROR:g} times the published one, or the count or cosine at least "
        f"{LEAST_SCORE:g} times it. These are not:"
    )
    kept = [COLUMNS.index(name) for name in ("curve", "task", *COLUMNS[4:])]
    shown = tabulate(
        [[row[i] for i in kept] for row in missed], [COLUMNS[i] for i in kept],
        tablefmt="github", disable_numparse=True,
    )  # fmt: skip
    rest = (
        "Published and ours are those of the largest n_train, the ratio is that of all sizes. "
        "[All curves](../../docs/reproductions.md), with the commands that make the records, and "
        "the reasons. `symbench leaderboard --store leaderboards/reproductions` prints the tables."
    )
    return "\n".join(
        ["# Published results and ours", "", filled(found), "", shown, "", filled(rest)]
    )


def summary(table: list[list[str]]) -> str:
    """Return the Markdown of all verdicts."""
    text = tabulate(table, COLUMNS, tablefmt="github", disable_numparse=True)
    note = (
        "Published and ours are those of the largest n_train, ours a median over seeds. The ratio "
        "is ours ÷ published, from the least to the largest over n_train. Reproduced means: an "
        f"error of at most {MOST_ERROR:g} times the published, or a count or cosine of at least "
        f"{LEAST_SCORE:g} times it.\n"
    )
    return "\n".join(["## Summary", "", filled(note), text, ""])


def verdict(task: Task, published: Published, records: list[Record]) -> list[str] | None:
    """Return the row of a published curve, or None without records of its sizes."""
    for model in (published.model, *BESIDE.get(published.model, ())):
        scores = scores_of(records, task.name, model, published.score)
        if sizes := sorted(set(scores) & set(published.values)):
            break
    else:
        return None
    ours = {n: statistics.median(scores[n]) for n in sizes}
    held = sum(_is_reproduced(published, n, ours[n]) for n in sizes)
    said = {0: "not reproduced", len(sizes): "reproduced"}.get(
        held, f"at {held} of {len(sizes)} sizes"
    )
    ratios = [ours[n] / published.values[n] for n in sizes if published.values[n]]
    spread = sorted({f"{ratio:.2g}" for ratio in ratios}, key=float)
    ratio = " to ".join(dict.fromkeys((spread[0], spread[-1]))) if spread else ""
    found = _SOURCE.fullmatch(published.source)
    paper, figure = found.groups(default="") if found else (published.source, "")
    values = (f"{published.values[sizes[-1]]:.3g}", f"{ours[sizes[-1]]:.3g}")
    curve = f"{published.label} (`{model}`)"
    return [paper, figure, task.name, curve, *values, ratio, said]


def _is_reproduced(published: Published, n: int, ours: float) -> bool:
    theirs = published.values[n]
    if published.score.startswith(MORE):
        return ours >= LEAST_SCORE * theirs
    return ours <= MOST_ERROR * theirs


def filled(text: str) -> str:
    """Return a paragraph in lines of at most 100 characters; a last newline is preserved."""
    lines = textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
    return lines + "\n" * text.endswith("\n")

"""Print the comparison of stored records with published figures, as Markdown.

python docs/reproductions.py --store leaderboards/reproductions > docs/reproductions.md
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tabulate import tabulate

import symbench
from symbench.contract import Published, Task
from symbench.record import Record
from symbench.store import Store, records_of

# The paper's Scalars networks are also compared with our stronger recipe of the same idea.
STRONGER = {
    "scalars-2021": ("scalars",),
    "scalars-perm": ("scalars",),
    "scalars": ("scalars-perm",),
}

Scores = Mapping[int, list[float]]


def scores_of(records: Iterable[Record], task: str, model: str, score: str) -> Scores:
    """Return a score by n_train, one a seed, of the full-tier record with the most trials."""
    mine = [r for r in records if (r.identity.task, r.identity.model) == (task, model)]
    mine = [r for r in mine if r.status == "ok" and r.identity.tier == "full"]
    found: dict[int, list[float]] = defaultdict(list)
    for trial in max(mine, key=lambda r: len(r.trials)).trials if mine else ():
        if score in trial.scores:
            found[trial.n_train].append(trial.scores[score])
    return found


def rows(published: Published, model: str, scores: Scores) -> list[list[str]]:
    """Return one row for each size that both sides have measured."""
    table = []
    for n, theirs in sorted(published.values.items()):
        if ours := scores.get(n):
            spread = f"{statistics.stdev(ours):.2g}" if len(ours) > 1 else ""
            table.append(
                [
                    model, published.score, str(n), f"{statistics.median(ours):.3g}",
                    f"{statistics.mean(ours):.3g} ± {spread}", f"{min(ours):.2g} … {max(ours):.2g}",
                    str(len(ours)), f"{theirs:.3g}", f"{statistics.median(ours) / theirs:.2f}",
                ]
            )  # fmt: skip
    return table


HEADERS = (
    "model", "score", "n_train", "ours (median)", "mean ± sd", "min … max", "seeds", "published",
    "ratio",
)  # fmt: skip


def section(task: Task, records: list[Record]) -> str:
    """Return the Markdown of one task."""
    parts = [f"## {task.name}", ""]
    for published in task.published:
        table: list[list[str]] = []
        for model in (published.model, *STRONGER.get(published.model, ())):
            found = scores_of(records, task.name, model, published.score)
            table += rows(published, model, found)
        if table:
            parts += [f"### {published.label}", "", f"Published figures: {published.source}.", ""]
            parts += [tabulate(table, HEADERS, tablefmt="github", disable_numparse=True), ""]
    return "\n".join(parts)


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, action="append", required=True)
    stores = [Store(path) for path in parser.parse_args().store]
    records = records_of(stores)
    notes = Path(__file__).with_name("reproductions-notes.md")
    print(notes.read_text())
    for name in symbench.tasks():
        task = symbench.task(name)
        if task.published and any(r.identity.task == name for r in records):
            print(section(task, records))


if __name__ == "__main__":
    main()

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

Errors = Mapping[int, list[float]]


def errors_of(records: Iterable[Record], task: str, model: str) -> Errors:
    """Return the paper's error by n_train, one a seed, of the record with the most trials."""
    mine = [r for r in records if (r.identity.task, r.identity.model) == (task, model)]
    mine = [r for r in mine if r.status == "ok"]
    if not mine:
        return {}
    errors: dict[int, list[float]] = defaultdict(list)
    for trial in max(mine, key=lambda r: len(r.trials)).trials:
        if "paper_error" in trial.scores:
            errors[trial.n_train].append(trial.scores["paper_error"])
    return errors


def rows(published: Published, model: str, errors: Errors) -> list[list[str]]:
    """Return one row for each size that both sides have measured."""
    table = []
    for n, theirs in sorted(published.values.items()):
        if ours := errors.get(n):
            median = statistics.median(ours)
            spread = f"{min(ours):.2g} … {max(ours):.2g}"
            ratio = f"{median / theirs:.2f}"
            table.append(
                [model, str(n), f"{median:.3g}", spread, str(len(ours)), f"{theirs:.3g}", ratio]
            )
    return table


def section(task: Task, records: list[Record]) -> str:
    """Return the Markdown of one task."""
    parts = [f"## {task.name}", ""]
    headers = ["model", "n_train", "ours (median)", "min … max", "seeds", "published", "ratio"]
    for published in task.published:
        table: list[list[str]] = []
        for model in (published.model, *STRONGER.get(published.model, ())):
            table += rows(published, model, errors_of(records, task.name, model))
        if table:
            parts += [f"### {published.label}", "", f"Published figures: {published.source}.", ""]
            parts += [tabulate(table, headers, tablefmt="github", disable_numparse=True), ""]
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

"""Print the comparison of stored records with published results, as Markdown.

python scripts/reproductions.py --store leaderboards/reproductions > docs/reproductions.md
python scripts/reproductions.py --store leaderboards/reproductions --readme > README.md
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections import defaultdict
from pathlib import Path

from tabulate import tabulate
from verdicts import BESIDE, Scores, by_size, filled, readme, scores_of, summary, verdicts

import symbench
from symbench.contract import Published, Task
from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.registry import load
from symbench.results.sources import open_source
from symbench.runs.staleness import is_stale


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
                    str(len(ours)), f"{theirs:.3g}", _ratio(statistics.median(ours), theirs),
                ]
            )  # fmt: skip
    return table


def _ratio(ours: float, theirs: float) -> str:
    """Return ours ÷ theirs; two zeros are equal, and nothing is a multiple of zero."""
    if theirs == 0:
        return "1.00" if ours == 0 else ""
    return f"{ours / theirs:.2f}"


GENERATOR = {
    "pixel-generator.raw": "raw",
    "pixel-generator.skew": "antisymmetrised",
    "pixel-generator.skew_masked": "and on the disk",
    "pixel-generator.paper": "raw, paper's centre",
    "pixel-generator.raw.reference": "reference of raw",
    "paper_error": "paper_error",
}
FORMER = {"pixel-generator.raw.reference": "pixel-generator.raw.ceiling"}  # in earlier records


def generators(task: Task, records: list[Record]) -> list[str]:
    """Return the Markdown of all learned generators of a task's pixels, at the largest n_train."""
    table = []
    for model in sorted({r.identity.model for r in records if r.identity.task == task.name}):
        by_score = {
            name: scores_of(records, task.name, model, name)
            or scores_of(records, task.name, model, FORMER.get(name, name))
            for name in GENERATOR
        }
        if not (raw := by_score["pixel-generator.raw"]):
            continue
        n = max(raw)
        values = [by_score[name].get(n, []) for name in GENERATOR]
        shown = [
            f"{statistics.mean(v):.4g} ± {statistics.stdev(v):.1g}" if len(v) > 1 else ""
            for v in values
        ]
        table.append([model, str(n), str(len(raw[n])), *shown])
    if not table:
        return []
    headers = ("model", "n_train", "seeds", *GENERATOR.values())
    text = tabulate(table, headers, tablefmt="github", disable_numparse=True)
    return ["### Learned generators: cosine with the true one, mean ± sd", "", text, ""]


def errors(task: Task, records: list[Record]) -> list[str]:
    """Return the Markdown of every model's error on a classification, at the largest n_train."""
    table = []
    for record in records:
        if task.loss != "cross-entropy" or record.identity.task != task.name:
            continue
        model, n = record.identity.model, max(record.identity.sizes)
        values = scores_of(records, task.name, model, "error").get(n, [])
        if len(values) > 1:
            parameters = f"{record.trials[0].cost['parameters']:,.0f}"
            shown = f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"
            table.append([model, parameters, str(n), str(len(values)), shown])
    if not table:
        return []
    table.sort(key=lambda row: row[-1])
    headers = ("model", "parameters", "n_train", "seeds", "test error, mean ± sd")
    text = tabulate(table, headers, tablefmt="github", disable_numparse=True)
    return ["### All models", "", text, ""]


# Scores whose parts are shown side by side: what a network can distinguish, and what it learned to.
FAMILIES = ("pairs_structural", "pairs_trained", "classes_structural", "count_error")
NOT_PARTS = ("truth", "noise", "margin", "float32", "float32_noise")


def families(task: Task, records: list[Record]) -> list[str]:
    """Return the Markdown of every model's parts of a family of scores, medians over seeds."""
    mine = [r for r in records if r.identity.task == task.name and r.identity.tier == "full"]
    names = sorted({name for r in mine for trial in r.trials for name in trial.scores})
    parts = [
        name
        for name in names
        if name.partition(".")[0] in FAMILIES and name.rpartition(".")[2] not in NOT_PARTS
    ]
    if not parts:
        return []
    table = []
    for record in mine:
        shown = {name: _median(record, name) for name in ("error", *parts)}
        if any(shown.values()):
            sizes = ", ".join(str(n) for n in record.identity.sizes)
            table.append(
                [record.identity.model, sizes, len(record.identity.seeds), *shown.values()]
            )
    table.sort(key=lambda row: (row[0], row[1]))
    headers = ("model", "n_train", "seeds", "error", *(name.replace("_", " ") for name in parts))
    columns = [0, 1, 2, *(i for i in range(3, len(headers)) if any(row[i] for row in table))]
    cells = [[row[i] for i in columns] for row in table]
    text = tabulate(cells, [headers[i] for i in columns], tablefmt="github", disable_numparse=True)
    return ["### Side by side, medians", "", text, ""]


def _median(record: Record, name: str) -> str:
    last = max(record.identity.sizes)
    values = [t.scores[name] for t in record.trials if t.n_train == last and name in t.scores]
    return f"{statistics.median(values):.3g}" if values else ""


# The published number of updates, where it is larger than that of the full tier.
UPDATES = {
    ("o5-invariant", "scalars-2021"): 8000,
    ("lorentz-scattering", "scalars-2021"): 4000,
    ("two-body", "node-mlp"): 10_000,
    ("two-body", "hnn-mlp"): 10_000,
    ("three-body", "node-mlp"): 10_000,
    ("three-body", "hnn-mlp"): 10_000,
    ("double-pendulum", "lnn-mlp"): 502_000,
    ("double-pendulum", "node-mlp"): 502_000,
    ("rotation-angle-large", "lconv-recursive"): 59_375,
}
_FEWEST = 3  # budgets for a fit


def over_updates(task: Task, published: Published, records: list[Record]) -> list[str]:
    """Return the Markdown of a score after several numbers of updates, and what its fit predicts.

    The fit is a power law, by least squares on logarithms of the medians.
    """
    parts: list[str] = []
    model = published.model
    for n, theirs in published.values.items():
        budgets: dict[int, list[float]] = defaultdict(list)
        for record in records:
            values = by_size(record, task.name, model, published.score).get(n, [])
            budgets[record.identity.protocol["updates"]] += values
        medians = {k: statistics.median(v) for k, v in sorted(budgets.items()) if v}
        if len(medians) < _FEWEST:
            continue
        rows = [[str(k), f"{m:.3g}", str(len(budgets[k]))] for k, m in medians.items()]
        headers = ("updates", f"{model}, n_train = {n}: median {published.score}", "seeds")
        parts += [tabulate(rows, headers, tablefmt="github", disable_numparse=True), ""]
        slope, intercept = statistics.linear_regression(
            [math.log(k) for k in medians], [math.log(m) for m in medians.values()]
        )
        law = f"The fit is updates^{slope:.2f}."
        wanted = UPDATES.get((task.name, model), 0)
        if wanted > max(medians):
            predicted = math.exp(intercept + slope * math.log(wanted))
            law += (
                f" *Prediction*, not measured: {predicted:.2g} after the published {wanted:,} "
                f"updates (published: {theirs:.3g})."
            )
        parts += [filled(law), ""]
    return parts


HEADERS = (
    "model", "score", "n_train", "ours (median)", "mean ± sd", "min … max", "seeds", "published",
    "ratio",
)  # fmt: skip


def section(task: Task, records: list[Record]) -> str:
    """Return the Markdown of one task."""
    parts = [f"## {task.name}", ""]
    for published in task.published:
        table: list[list[str]] = []
        for model in (published.model, *BESIDE.get(published.model, ())):
            scores = scores_of(records, task.name, model, published.score)
            table += rows(published, model, scores)
        if table:
            parts += [
                f"### {published.label}",
                "",
                filled(f"Published results: {published.source}."),
                "",
            ]
            parts += [tabulate(table, HEADERS, tablefmt="github", disable_numparse=True), ""]
        parts += over_updates(task, published, records)
    parts += errors(task, records) + generators(task, records) + families(task, records)
    return "\n".join(parts)


def origin(records: list[Record]) -> str:
    """Return one sentence on the code and the machines that made the records."""
    commits = sorted({str(r.provenance.get("git")) for r in records})
    machines = sorted({str(r.provenance.get("machine")) for r in records})
    return filled(
        f"{len(records)} records of commits {', '.join(commits)}; {'; '.join(machines)}, "
        "several cells at a time, so that their times cannot be compared.\n"
    )


def outdated(records: list[Record]) -> str:
    """Return one sentence on the records whose model or task has changed since; "" if none has."""
    registry = load()
    stale = [is_stale(registry, r.identity) for r in records]
    if not any(stale):
        return ""
    if all(stale):
        return filled("The code has changed since they were made, and all of them are stale.\n")
    most = 2 * sum(stale) > len(records)
    named = zip(stale, records, strict=True)
    names = {f"{r.identity.model} on {r.identity.task}" for old, r in named if old != most}
    which = "All but these are stale" if most else "These are stale"
    return filled(
        f"The code has changed since some of them were made. {which}: {', '.join(sorted(names))}.\n"
    )


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store", type=Path, action="append", required=True, metavar="DIR",
        help="a store of records; repeatable",
    )  # fmt: skip
    parser.add_argument("--readme", action="store_true", help="print the README of the records")
    given = parser.parse_args()
    records = records_of(map(open_source, given.store))
    notes = Path(__file__).parents[1] / "docs" / "reproductions-notes.md"
    title, rest = notes.read_text().split("\n", 1)
    stored = {record.identity.task for record in records}
    tasks = [symbench.task(name) for name in symbench.tasks() if name in stored]
    table = verdicts(tasks, records)
    if given.readme:
        print(readme(table))
        return
    print(title + "\n")
    print(summary(table))
    print("## How, and what differs")
    print(rest)
    print(origin(records))
    print(outdated(records))
    for task in tasks:
        print(section(task, records))


if __name__ == "__main__":
    main()

"""What a discovery is worth: the error of models that use it ÷ that of the plain perceptron.

python scripts/worth.py --store leaderboards/discovery-use > table

A cell is the geometric mean over paired seeds, with its 95 % interval, at one number of training
examples. Below 1 the model errs less than ``mlp``. Models are in the order of their mean over the
tasks; those that are told the symmetry come last.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import geometric_mean

from tabulate import tabulate

from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.report.numbers import interval
from symbench.results.sources import open_source
from symbench.results.statistics import Interval, Panel, mean_ratio

BASELINE = "mlp"
FINDING = "discovers"  # the prior of models that are not told the symmetry

Errors = dict[tuple[str, str], dict[int, float]]


def errors(records: Iterable[Record], n: int) -> Errors:
    """Return the errors at n_train = n by task and model, then by seed."""
    found: Errors = {}
    for record in records:
        by_seed = {one.seed: one.scores["error"] for one in record.trials
                   if one.n_train == n and "error" in one.scores}  # fmt: skip
        pair = record.identity.task, record.identity.model
        if len(by_seed) > len(found.get(pair, ())):
            found[pair] = by_seed
    return found


def ratio(found: Errors, task: str, model: str) -> Interval | None:
    """Return the error of a model ÷ that of the baseline, or None if one has no paired seeds."""
    ours, theirs = found.get((task, model), {}), found.get((task, BASELINE), {})
    if not (seeds := sorted(ours.keys() & theirs.keys())):
        return None
    values = {BASELINE: [[theirs[s] for s in seeds]], "": [[ours[s] for s in seeds]]}
    return mean_ratio(Panel.of(values))


def rows(found: Errors, tasks: Sequence[str], priors: Mapping[str, str]) -> list[list[str]]:
    """Return one row for each model but the baseline, the least mean ratio first."""
    ratios = {
        model: [ratio(found, task, model) for task in tasks]
        for model in {model for _, model in found} - {BASELINE}
    }

    def place(model: str) -> tuple[bool, float]:
        values = [one.value for one in ratios[model] if one is not None]
        return priors[model] != FINDING, geometric_mean(values)

    return [
        [
            f"`{model}`" if priors[model] == FINDING else f"`{model}`, told",
            *("" if one is None else interval(one) for one in ratios[model]),
        ]
        for model in sorted(ratios, key=place)
    ]


def main() -> None:
    """Print the table of each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store", type=Path, action="append", required=True, help="a store; repeatable"
    )
    parser.add_argument("--size", type=int, default=100, metavar="N", help="default: %(default)s")
    asked = parser.parse_args()
    records = records_of(map(open_source, asked.store))
    found = errors(records, asked.size)
    priors = {r.identity.model: str(r.identity.protocol.get("prior")) for r in records}
    if not any(model == BASELINE for _, model in found):
        parser.error(f"no record of {BASELINE} with {asked.size} examples in these stores")
    tasks = sorted({task for task, _ in found})
    headings = (f"n = {asked.size:,}", *(f"`{task}`" for task in tasks))
    print(tabulate(rows(found, tasks, priors), headings, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

"""Error against the operations of training, beside error against n, from records of several runs.

python scripts/compute_axis.py --store DIR -t o5-invariant [--figure compute.png] > table

Runs that differ in --updates give the points of a curve. For each task, the figure has two panels:
the error against n at one number of updates, and the error against the floating-point operations
of training at the largest n. The table has the operations at which the median error
reaches the task's threshold, a bound where it does not.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from statistics import median

import matplotlib as mpl
from tabulate import tabulate

from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source
from symbench.results.statistics.curves import Crossing, n_to_threshold

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

HEADERS = ("task", "model", "n", "updates", "operations", "error", "operations to threshold")
_BACKWARD = 3  # a gradient takes twice the operations of the forward pass


@dataclass(frozen=True)
class Point:
    """The errors of all seeds for one number of examples and of updates.

    Attributes:
        n: number of training examples.
        updates: number of updates.
        operations: floating-point operations of the products of one training.
        errors: one per seed.
    """

    n: int
    updates: int
    operations: float
    errors: tuple[float, ...]


Curves = Mapping[tuple[str, str], Sequence[Point]]


def points(record: Record) -> list[Point]:
    """Return the points of a record; none if symbench's engine did not train.

    Augmentation, penalties and elementwise operations are not counted.
    """
    protocol = record.identity.protocol
    if record.status != "ok" or not (recipe := protocol.get("recipe")):
        return []
    trials = defaultdict(list)
    for trial in record.trials:
        if "flops" in trial.scores and "error" in trial.scores:
            trials[trial.n_train].append(trial)
    found = []
    for n, same in sorted(trials.items()):
        each = _BACKWARD * same[0].scores["flops"] * min(recipe["batch_size"], n)
        errors = tuple(trial.scores["error"] for trial in same)
        found.append(Point(n, protocol["updates"], each * protocol["updates"], errors))
    return found


def curves(records: Iterable[Record], tasks: Sequence[str], models: Sequence[str]) -> Curves:
    """Return the points by task and model, by n and then by operations."""
    found: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for record in records:
        pair = record.identity.task, record.identity.model
        wanted = zip(pair, (tasks, models), strict=True)
        if all(any(fnmatch(name, pattern) for pattern in some) for name, some in wanted):
            found[pair] += points(record)
    return {
        pair: sorted(some, key=lambda point: (point.n, point.operations))
        for pair, some in sorted(found.items())
        if some
    }


def by_compute(curve: Sequence[Point]) -> list[Point]:
    """Return the points of the largest n, by operations."""
    largest = max(point.n for point in curve)
    return [point for point in curve if point.n == largest]


def by_size(curve: Sequence[Point]) -> list[Point]:
    """Return the points by n, all of the number of updates that was run at the most sizes.

    Of two such numbers the larger one counts.
    """
    sizes: dict[int, dict[int, Point]] = defaultdict(dict)
    for point in curve:
        sizes[point.updates][point.n] = point
    updates = max(sizes, key=lambda number: (len(sizes[number]), number))
    return list(sizes[updates].values())


def to_threshold(curve: Sequence[Point], threshold: float) -> Crossing:
    """Return the operations at which the median error at the largest n reaches the threshold."""
    chosen = by_compute(curve)
    sizes = [round(point.operations) for point in chosen]
    return n_to_threshold(sizes, [point.errors for point in chosen], threshold)


def shown(crossing: Crossing) -> str:
    """Return a crossing as text; a bound if it is censored."""
    sign = {"above": "> ", "below": "≤ ", None: ""}[crossing.censored]
    return f"{sign}{crossing.value:.2g}"


def rows(found: Curves, thresholds: Mapping[str, float]) -> list[list[str]]:
    """Return the table's rows, one for each budget at the largest n of a task and model."""
    table = []
    for (task, model), curve in found.items():
        crossing = to_threshold(curve, thresholds[task])
        for point in by_compute(curve):
            numbers = [str(point.n), str(point.updates), f"{point.operations:.2g}"]
            error = f"{median(point.errors):.3g}"
            table.append([task, model, *numbers, error, shown(crossing)])
    return table


def draw(found: Curves, thresholds: Mapping[str, float], to: Path) -> None:
    """Write the figure: a row of two panels for each task."""
    tasks = sorted({task for task, _ in found})
    figure, axes = plt.subplots(
        len(tasks), 2, figsize=(9, 3.6 * len(tasks)), squeeze=False, layout="constrained"
    )
    for task, (left, right) in zip(tasks, axes, strict=True):
        for (_, model), curve in ((pair, c) for pair, c in found.items() if pair[0] == task):
            _line(left, model, [(point.n, point.errors) for point in by_size(curve)])
            _line(right, model, [(p.operations, p.errors) for p in by_compute(curve)])
        left.set(xlabel="n_train", ylabel="error", title=task)
        right.set(xlabel="floating-point operations of training", ylabel="error")
        for axis in (left, right):
            axis.set(xscale="log", yscale="log")
            axis.xaxis.set_minor_formatter(NullFormatter())
            axis.axhline(thresholds[task], color="grey", linestyle=":", linewidth=1)
        right.legend(fontsize="small")
    figure.savefig(to, dpi=120)
    plt.close(figure)


def _line(axis: Axes, name: str, places: Sequence[tuple[float, Sequence[float]]]) -> None:
    """Draw the medians, with bars from the least to the largest error of the seeds."""
    x = [place for place, _ in places]
    middle = [median(errors) for _, errors in places]
    low = [value - min(errors) for value, (_, errors) in zip(middle, places, strict=True)]
    high = [max(errors) - value for value, (_, errors) in zip(middle, places, strict=True)]
    axis.errorbar(x, middle, yerr=[low, high], marker="o", markersize=3, capsize=2, label=name)


def main() -> None:
    """Print the table; draw the figure if it is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store", action="append", type=Path, required=True, help="a store; repeatable"
    )
    parser.add_argument("-t", "--task", action="append", help="a task or pattern; default: all")
    parser.add_argument("-m", "--model", action="append", help="a model or pattern; default: all")
    parser.add_argument("--figure", type=Path, metavar="PNG", help="draw the curves here")
    asked = parser.parse_args()
    records = records_of(map(open_source, asked.store))
    found = curves(records, asked.task or ["*"], asked.model or ["*"])
    if not found:
        parser.error("no record of these stores matches and was trained by symbench's engine")
    thresholds = {r.identity.task: float(r.identity.protocol["threshold"]) for r in records}
    if asked.figure:
        draw(found, thresholds, asked.figure)
    print(tabulate(rows(found, thresholds), HEADERS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

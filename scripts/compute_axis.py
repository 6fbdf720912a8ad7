"""Error against the operations of training, from records of runs that differ in --updates.

python scripts/compute_axis.py --store leaderboards/compute --figure compute.svg > table

The runs give the points of a curve. For each task, the figure has a panel with the error
against the floating-point operations of training at the largest n. The table has, for every n, the
operations at which the median error reaches the task's threshold, a bound where it does not.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from statistics import median

from panels import Panel, Series, chart, spread_of
from tabulate import tabulate

from symbench.plot.chart import Chart
from symbench.plot.style import style
from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source
from symbench.results.statistics.curves import Crossing, n_to_threshold

HEADERS = ("task", "model", "n", "updates", "operations", "error", "operations to threshold")
LABELS = ("operations of training [10⁹ floating-point operations]",
          "error, share of the variance (median and range of seeds)")  # fmt: skip
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


Curves = Mapping[tuple[str, int, str], Sequence[Point]]  # by task, n and model


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
    """Return the points by task, n and model, in the order of their operations."""
    found: dict[tuple[str, int, str], list[Point]] = defaultdict(list)
    for record in records:
        task, model = record.identity.task, record.identity.model
        if any(fnmatch(task, one) for one in tasks) and any(fnmatch(model, one) for one in models):
            for point in points(record):
                found[task, point.n, model].append(point)
    return {
        which: sorted(some, key=lambda point: point.operations)
        for which, some in sorted(found.items())
    }


def to_threshold(curve: Sequence[Point], threshold: float) -> Crossing:
    """Return the operations at which the median error reaches the threshold."""
    sizes = [round(point.operations) for point in curve]
    return n_to_threshold(sizes, [point.errors for point in curve], threshold)


def shown(crossing: Crossing) -> str:
    """Return a crossing as text; a bound if it is censored."""
    sign = {"above": "> ", "below": "≤ ", None: ""}[crossing.censored]
    return f"{sign}{crossing.value:.2g}"


def rows(found: Curves, thresholds: Mapping[str, float]) -> list[list[str]]:
    """Return the table's rows, one for each budget of a task, n and model."""
    table = []
    for (task, n, model), curve in found.items():
        crossing = to_threshold(curve, thresholds[task])
        for point in curve:
            numbers = [str(n), str(point.updates), f"{point.operations:.2g}"]
            error = f"{median(point.errors):.3g}"
            table.append([task, model, *numbers, error, shown(crossing)])
    return table


def settings(records: Iterable[Record]) -> tuple[dict[str, float], dict[str, str]]:
    """Return the thresholds by task and the priors by model."""
    protocols = [(r.identity.task, r.identity.model, r.identity.protocol) for r in records]
    thresholds = {task: float(protocol["threshold"]) for task, _, protocol in protocols}
    return thresholds, {m: p["prior"] for _, m, p in protocols if p.get("prior")}


def solvers(found: Curves, thresholds: Mapping[str, float]) -> list[str]:
    """Return the models whose median error reaches the threshold wherever they were trained.

    Empty if another model reaches it somewhere, or there is none.
    """
    reached: dict[str, set[bool]] = defaultdict(set)
    for (task, _, model), curve in found.items():
        reached[model].add(to_threshold(curve, thresholds[task]).censored != "above")
    if any(len(some) > 1 for some in reached.values()):
        return []
    return sorted(model for model, some in reached.items() if True in some)


def figure(found: Curves, thresholds: Mapping[str, float], priors: Mapping[str, str]) -> Chart:
    """Return the chart, a panel for each task at its largest n."""
    panels, ends = [], []
    largest = dict(sorted((task, n) for task, n, _ in found))  # the last n of a task stands
    for task, n in largest.items():
        curves = {m: curve for (*which, m), curve in found.items() if which == [task, n]}
        drawn = [_line(model, curve, priors.get(model)) for model, curve in curves.items()]
        ends += [f"{task} {one.name} {one.points[-1][1]:.2g}" for one in drawn]
        panels.append(Panel(f"{task}, {n:,} examples", LABELS, drawn,
                            level=("solved", thresholds[task])))  # fmt: skip
    first = " and ".join(solvers(found, thresholds))
    said = f"Of these only {first} solve their task" if first else "Error against operations"
    return chart(said, panels, f"errors at the most operations: {', '.join(ends)}")


def _line(model: str, curve: Sequence[Point], prior: str | None) -> Series:
    values = [(point.operations / 1e9, point.errors) for point in curve]
    return spread_of(model, values, style(model, prior))


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
    parser.add_argument("--figure", type=Path, metavar="FILE.svg", help="draw the curves here")
    asked = parser.parse_args()
    records = records_of(map(open_source, asked.store))
    found = curves(records, asked.task or ["*"], asked.model or ["*"])
    if not found:
        parser.error("no record of these stores matches and was trained by symbench's engine")
    thresholds, priors = settings(records)
    if asked.figure:
        figure(found, thresholds, priors).save(asked.figure)
    print(tabulate(rows(found, thresholds), HEADERS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

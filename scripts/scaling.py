"""Simulate the full grid on 1 to 512 GPUs, from the times of cells in a store.

python scripts/scaling.py --store leaderboards/quick [--figure scaling.svg] > table

The measured seconds of training are multiplied by the updates and trials that the cell has at the
full tier, those of a model without parameters and of all that is not training only by the trials.
Nothing is trained here.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import statistics
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from panels import Panel, Series, chart
from tabulate import tabulate

from symbench.plot.chart import Chart
from symbench.plot.style import Shape, Style
from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.registry import Registry, load
from symbench.results.sources import open_source
from symbench.runs.parts import LONG
from symbench.runs.protocol import TIERS

WORKERS = (1, 8, 64, 512)
LONGEST, PARTS = "longest first", "longest first, long cells in parts"
ORDERS = (LONGEST, "with estimates 2x off", "as planned", "random")
SHUFFLES = 20
_LOOKS: tuple[tuple[int, str, Shape], ...] = (
    (4, "", "circle"), (3, "6 3", "square"), (2, "", "triangle"), (5, "2 2", "diamond"),
    (0, "", "diamond"),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A cell at the full tier: its seconds on the machine of the store, and how many sizes it has.

    ``operations`` are those of its training, at least; None where it was not the engine's.
    """

    name: str
    family: str
    training: float
    rest: float
    sizes: int
    operations: float | None

    @property
    def seconds(self) -> float:
        """All that the cell takes."""
        return self.training + self.rest


@dataclass(frozen=True)
class Machine:
    """What is assumed of a worker: its speed relative to the store's, seconds to start a task."""

    speed: float
    overhead: float

    def cells(self, measured: Sequence[Measured]) -> list[float]:
        """Return the seconds of every task if each cell is one task."""
        return [one.seconds / self.speed + self.overhead for one in measured]

    def in_parts(self, measured: Sequence[Measured], workers: int) -> list[float]:
        """Return the seconds of every task if long cells are cut by size, as executors do.

        The parts of a cell take equal times: each size has as many updates.
        """
        limit = LONG * sum(one.seconds for one in measured) / workers
        counts = [one.sizes if workers > 1 and one.seconds > limit else 1 for one in measured]
        shares = [
            one.seconds / n for one, n in zip(measured, counts, strict=True) for _ in range(n)
        ]
        return [share / self.speed + self.overhead for share in shares]


def full_tier(records: Iterable[Record], registry: Registry) -> list[Measured]:
    """Return every measured (task, model) as it would be at the full tier, in the plan's order.

    Of several records of one pair the one with the longest time counts.
    """
    cells: dict[tuple[str, str], Measured] = {}
    for record in records:
        pair = record.identity.task, record.identity.model
        if not record.trials or pair[0] not in registry.tasks or pair[1] not in registry.models:
            continue
        cell = at_full_tier(record, registry)
        if pair not in cells or cell.seconds > cells[pair].seconds:
            cells[pair] = cell
    return [cells[pair] for pair in sorted(cells)]


def at_full_tier(record: Record, registry: Registry) -> Measured:
    """Return what the record's cell would take with the sizes, seeds and updates of that tier."""
    identity, budget = record.identity, TIERS["full"]
    task = registry.task(identity.task)
    sizes = len(set(task.sizes["full"]))
    longer = task.updates.get("full", budget.updates) / max(1, identity.protocol["updates"])
    training = sum(trial.cost.get("train_seconds", 0.0) for trial in record.trials)
    rest = max(0.0, float(record.provenance["seconds"]) - training)
    if not any(trial.cost.get("parameters", 0.0) for trial in record.trials):
        longer = 1.0  # a closed form, or nothing to learn
    more = sizes * budget.seeds / len(record.trials)
    name = f"{identity.task} · {identity.model}"
    family = registry.card("task", identity.task).plugin
    operations = products(record)
    if operations is not None:
        operations *= more * longer
    return Measured(name, family, training * more * longer, rest * more, sizes, operations)


def products(record: Record) -> float | None:
    """Return the floating-point operations of the products of the record's training.

    A gradient takes twice those of the forward pass (``flops``). Augmentation, penalties and
    elementwise operations are not counted.
    """
    protocol = record.identity.protocol
    if not (recipe := protocol.get("recipe")):
        return None
    each = (
        3 * trial.scores["flops"] * min(recipe["batch_size"], trial.n_train)
        for trial in record.trials
        if "flops" in trial.scores
    )
    return sum(each) * protocol["updates"]


def makespan(times: Sequence[float], workers: int) -> float:
    """Return when the last cell ends if each worker takes the next one as soon as it is free."""
    free_at = [0.0] * workers
    for seconds in times:
        heapq.heapreplace(free_at, free_at[0] + seconds)
    return max(free_at)


def ordered(times: Sequence[float], order: str, chance: random.Random) -> list[float]:
    """Return the times in the order in which the cells start."""
    if order == "longest first":
        return sorted(times, reverse=True)
    if order == "with estimates 2x off":  # log-normal, one standard deviation
        return sorted(times, key=lambda t: t * 2 ** chance.gauss(0, 1), reverse=True)
    return chance.sample(times, len(times)) if order == "random" else list(times)


def simulated(times: Sequence[float], workers: int, order: str) -> float:
    """Return the makespan; the median of twenty where the order is random."""
    chance = random.Random(0)  # noqa: S311 - a simulation
    repeats = 1 if order in (LONGEST, "as planned") else SHUFFLES
    return statistics.median(
        makespan(ordered(times, order, chance), workers) for _ in range(repeats)
    )


def table(measured: Sequence[Measured], machine: Machine) -> str:
    """Return the markdown table: makespans in hours, efficiencies, and how far above the bound.

    The bound of one task per cell is max(all work / workers, longest cell).
    """
    rows, times = [], machine.cells(measured)
    for workers in WORKERS:
        bound = max(sum(times) / workers, *times)
        spans = {order: simulated(times, workers, order) for order in ORDERS}
        spans[PARTS] = simulated(machine.in_parts(measured, workers), workers, LONGEST)
        for order, span in spans.items():
            efficiency = f"{sum(times) / (workers * span):.0%}"
            rows.append([workers, order, f"{span / 3600:.2f}", efficiency, f"{span / bound:.2f}"])
    heads = ["workers", "order", "makespan [h]", "efficiency", "times the bound"]
    aligned = ["right", "left", "right", "right", "right"]
    return tabulate(rows, heads, "pipe", disable_numparse=True, colalign=aligned)


def summary(measured: Sequence[Measured], machine: Machine) -> str:
    """Say what went into the table."""
    times = machine.cells(measured)
    total, longest = sum(times), max(times)
    by_length = sorted(zip(times, measured, strict=True), key=lambda pair: -pair[0])
    names = ", ".join(f"{cell.name} {t / 3600:.1f} h" for t, cell in by_length[:5])
    text = (
        f"{len(times)} cells; {total / 3600:.1f} hours of one worker; a cell takes "
        f"{statistics.median(times) / 60:.1f} minutes in the median. The longest: {names}. More "
        f"than {math.ceil(total / longest)} workers cannot help while a cell is one task. Assumed: "
        f"a worker {machine.speed:g} times as fast as the machine of the store, "
        f"{machine.overhead:g} s to start a task."
    )
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def families(measured: Sequence[Measured]) -> str:
    """Return the Markdown table of hours and operations per second, by the task's plugin."""
    by_family: dict[str, list[Measured]] = defaultdict(list)
    for cell in measured:
        by_family[cell.family].append(cell)
    rows = []
    for family, cells in sorted(by_family.items()):
        training, rest = (sum(getattr(c, part) for c in cells) for part in ("training", "rest"))
        work = sum(c.operations or 0.0 for c in cells)
        seconds = sum(c.training for c in cells if c.operations)
        speed = f"{work / seconds / 1e9:.0f}" if seconds else ""
        hours = [f"{training / 3600:.1f}", f"{rest / 3600:.1f}"]
        rows.append([f"`{family}`", len(cells), *hours, f"{work / 1e12:.0f}", speed])
    heads = [
        "tasks of", "cells", "training [h]", "scoring and data [h]", "products [TFLOP]", "GFLOP/s",
    ]  # fmt: skip
    aligned = ["left", *["right"] * 5]
    return tabulate(rows, heads, "pipe", disable_numparse=True, colalign=aligned)


def figure(measured: Sequence[Measured], machine: Machine) -> Chart:
    """Return the makespan over the number of workers, with the bounds."""
    counts, times = [2**k for k in range(10)], machine.cells(measured)
    spans = {order: [simulated(times, n, order) / 3600 for n in counts] for order in ORDERS}
    spans[PARTS] = [
        simulated(machine.in_parts(measured, n), n, LONGEST) / 3600 for n in counts
    ]  # fmt: skip
    lines = [
        Series(order, list(zip(map(float, counts), hours, strict=True)),
               Style(slot, dash, shape, 4.0 if order == LONGEST else 1.8))
        for (order, hours), (slot, dash, shape) in zip(spans.items(), _LOOKS, strict=True)
    ]  # fmt: skip
    shared = [(float(n), sum(times) / n / 3600) for n in counts]
    lines.append(Series("all work ÷ workers", shared, Style(None, "2 3"), marked=False))
    heading = f"{len(measured)} cells at the full tier, simulated"
    panel = Panel(
        heading, ("workers", "makespan [hours]"), lines,
        names={float(n): str(n) for n in counts}, level=("longest cell", max(times) / 3600),
    )  # fmt: skip
    at = counts.index(64)
    said = f"64 workers: {spans[PARTS][at]:.1f} hours with long cells in parts, "
    ends = ", ".join(f"{order} {hours[-1]:.2f}" for order, hours in spans.items())
    return chart(f"{said}{spans[LONGEST][at]:.1f} without", [panel], f"hours of 512: {ends}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", action="append", type=Path, required=True, metavar="DIR",
                        help="a store or a publication of records; repeatable")  # fmt: skip
    parser.add_argument(
        "--figure", type=Path, metavar="FILE.svg", help="draw the simulation as SVG"
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="speed of a worker ÷ that of the store's machine; default: %(default)s",
    )
    parser.add_argument(
        "--overhead", type=float, default=10.0, help="seconds to start a cell; default: %(default)s"
    )
    given = parser.parse_args()
    if not given.speed > 0 or not given.overhead >= 0:
        parser.error("--speed must be above 0, --overhead at least 0")
    if not (measured := full_tier(records_of(map(open_source, given.store)), load())):
        parser.error(f"no trained cell in {', '.join(map(str, given.store))}")
    machine = Machine(given.speed, given.overhead)
    print(summary(measured, machine), families(measured), table(measured, machine), sep="\n\n")
    if given.figure:
        figure(measured, machine).save(given.figure)


if __name__ == "__main__":
    main()

"""Measure an update together and apart for every cell that trains: the table behind the rule.

    python scripts/stacking.py scripts/stacking.csv [--tier quick] [--tasks GLOB …] [--models …]
    python scripts/stacking.py scripts/stacking.csv --summary

``symbench.training.stacking`` decides by shapes whether the trials of a cell train together. Its
limit is fitted to this table; ``--summary`` prints how much time it loses, by family of tasks and
for other limits. Times are CPU seconds of one thread for all trials of the cell's largest stack.
Each is the least of several samples that alternate between both ways, so that other processes
hardly disturb them. Rows that the file already has are not measured again. Cells whose trials
cannot be stacked have no times; cells that train nothing have no row.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from symbench import registry
from symbench.contract import Fits
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.runs.plan import Cell, Selection, make_plan
from symbench.training import train as training
from symbench.training.setup import TrainingSetup, TrialKey, trainable
from symbench.training.stacking import NUMBERS, _stacks, update_work
from symbench.training.update import Update

SAMPLES = 5  # of each way, by turns
SAMPLE_SECONDS = 0.03  # a sample has as many updates as fit into this
ENOUGH_SECONDS = 12.0  # of one way, after which no further sample is taken
COLUMNS = (
    "task", "model", "family", "updates", "trials", "batch", "parameters", "operations", "numbers",
    "together_seconds", "apart_seconds",
)  # fmt: skip


class Stopwatch:
    """Times the updates of a stack; ``least`` is the CPU seconds of the fastest sample."""

    def __init__(self, update: Update, updates: int) -> None:
        self._update, self._updates = update, updates
        self._step, self._spent = 0, 0.0
        self.least = math.inf
        self._take(1)  # a warm-up
        self._repeats = max(1, min(50, round(SAMPLE_SECONDS / self._take(1))))

    def sample(self) -> None:
        """Take a sample, unless enough time has been spent."""
        if self.least == math.inf or self._spent < ENOUGH_SECONDS:
            self.least = min(self.least, self._take(self._repeats))

    def _take(self, repeats: int) -> float:
        started = time.process_time()
        for _ in range(repeats):
            self._update(self._step % self._updates)
            self._step += 1
        took = time.process_time() - started
        self._spent += took
        return took / repeats


def measured(known: registry.Registry, cell: Cell) -> dict[str, Any] | None:
    """Return the row of one cell; None if it trains nothing."""
    task = known.task(cell.task).for_tier(cell.identity.tier)
    model_class = known.model(cell.model)
    model = model_class(model_class.Config(**cell.identity.config))
    if isinstance(model, Fits) or task.loss == "none":
        return None
    updates = int(cell.identity.protocol["updates"])
    problem_of = partial(make_problem, known, task, model)
    setup = TrainingSetup(Draws.of(task), model, problem_of, updates, torch.device("cpu"))
    keys = [TrialKey(max(cell.identity.sizes), seed) for seed in cell.identity.seeds]
    stack = [training._prepare(setup, key) for key in keys]
    if not any(trainable(trial.module) for trial in stack):
        return None
    recipe = model.recipe(problem_of())
    row: dict[str, Any] = {
        "task": cell.task,
        "model": cell.model,
        "family": known.card("task", cell.task).plugin.removeprefix("symbench_"),
        "updates": updates,
        "trials": len(stack),
        "batch": min(recipe.batch_size, len(stack[0].data)),
        "parameters": trainable(stack[0].module),
    }
    if not _stacks(stack[0], setup):
        return row
    work = update_work(stack[0], recipe, setup)
    together, apart = (Stopwatch(Update(t, recipe, setup), updates) for t in (stack, stack[:1]))
    for _ in range(SAMPLES):
        together.sample()
        apart.sample()
    return row | {
        "operations": work.operations,
        "numbers": work.numbers,
        "together_seconds": f"{together.least:.4g}",
        "apart_seconds": f"{apart.least * len(stack):.4g}",
    }


def measure(file: Path, selection: Selection) -> None:
    """Append a row for each cell that the file lacks."""
    torch.set_num_threads(1)
    known = registry.load()
    rows = read(file) if file.exists() else []
    if not rows:
        file.write_text(",".join(COLUMNS) + "\n")
    done = {(row["task"], row["model"]) for row in rows}
    with file.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS, restval="", lineterminator="\n")
        for cell in make_plan(known, selection):
            if cell.reason is not None or (cell.task, cell.model) in done:
                continue
            try:
                row = measured(known, cell)
            except Exception as error:  # a model may raise anything
                print(f"{cell.task} {cell.model}: {error!r}", file=sys.stderr)
                continue
            if row is not None:
                writer.writerow(row)
                lines.flush()
                print(*row.values(), flush=True)


def read(file: Path) -> list[dict[str, str]]:
    """Return the rows of the table."""
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def seconds(rows: Iterable[dict[str, str]], stacks: Callable[[dict[str, str]], bool]) -> float:
    """Return the training time of the rows' cells if ``stacks`` decides."""
    return sum(
        int(row["updates"]) * float(row["together_seconds" if stacks(row) else "apart_seconds"])
        for row in rows
    )


def within(limit: float) -> Callable[[dict[str, str]], bool]:
    """Return the rule with another limit of numbers per operation."""
    return lambda row: int(row["numbers"]) <= limit * int(row["operations"])


def faster(row: dict[str, str]) -> bool:
    """Whether stacking was the faster way in the measurement."""
    return float(row["together_seconds"]) <= float(row["apart_seconds"])


def summarise(file: Path) -> None:
    """Print the time by family and by limit, as Markdown."""
    rows = [row for row in read(file) if row["together_seconds"]]
    rule, best = within(NUMBERS), seconds(rows, faster)
    print("| tasks | cells | together is faster | the rule stacks | together | apart | faster way "
          "| rule | loss |\n" + "| --- " * 9 + "|")  # fmt: skip
    families = sorted({row["family"] for row in rows})
    for family in [*families, "all"]:
        mine = [row for row in rows if family in (row["family"], "all")]
        ways = lambda _: True, lambda _: False, faster, rule
        together, apart, least, ruled = (seconds(mine, way) for way in ways)
        print(f"| {family} | {len(mine)} | {sum(map(faster, mine))} | {sum(map(rule, mine))} "
              f"| {together:.0f} s | {apart:.0f} s | {least:.0f} s | {ruled:.0f} s "
              f"| {ruled / least - 1:.1%} |")  # fmt: skip
    print("\n| limit | loss |\n| --- | --- |")
    for power in range(11, 20):
        print(f"| 2^{power} | {seconds(rows, within(2**power)) / best - 1:.1%} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE.csv", help="the table; rows are added")
    parser.add_argument("--summary", action="store_true", help="measure nothing; sum up the table")
    parser.add_argument("--tier", default="quick", help="whose cells; default: %(default)s")
    parser.add_argument("--tasks", nargs="*", default=(), help="names or globs; default: all")
    parser.add_argument("--models", nargs="*", default=(), help="names or globs; default: all")
    given = parser.parse_args()
    if given.summary:
        summarise(given.file)
    else:
        measure(given.file, Selection(tuple(given.tasks), tuple(given.models), given.tier))

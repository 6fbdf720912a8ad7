"""Train every (task, model) of a tier with 1, 2 and 4 times its updates, and keep the errors.

    python scripts/fidelity.py --tier quick [--tasks GLOB …] [--models GLOB …] [--to FILE.csv]
    python scripts/fidelity.py --tier quick --summary

Each row is one training at the largest n_train of the tier: the errors of 2 seeds and the processor
seconds. Rows that the file already has are not measured again, so that the script can be
interrupted. ``--updates`` replaces the tier's number, to try a budget before a task states it.

A (task, model) that gains more than 1.5 times by twice the updates has not converged.
``--summary`` names these by task, with Kendall's tau between the order of the models at the tier's
updates and at four times as many. It counts the pairs that the longer training tells apart: mean
log errors differ by more than the range of the seeds of either model and of the median model.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from symbench import registry
from symbench.metrics import Error
from symbench.results import fidelity
from symbench.results.fidelity import Fidelity, Training
from symbench.results.statistics import FLOOR
from symbench.runs.plan import Cell, Selection, make_plan
from symbench.runs.score import score
from symbench.runs.setup import setup_of
from symbench.training.setup import TrialKey
from symbench.training.train import train

FACTORS = (1, 2, 4)
COLUMNS = ("date", *Training._fields, "errors", "seconds")


def planned(known: registry.Registry, selection: Selection) -> list[Cell]:
    """Return the cells that train something, at their largest n_train."""
    cells = [cell for cell in make_plan(known, selection) if cell.reason is None]
    return [cell for cell in cells if known.tasks[cell.task].details.get("loss") != "none"]


def longer(cell: Cell, factor: int) -> Cell:
    """Return the cell at its largest n_train, with that many times the updates."""
    identity = cell.identity
    protocol = {**identity.protocol, "updates": factor * identity.protocol["updates"]}
    changed = {"protocol": protocol, "sizes": [max(identity.sizes)]}
    return replace(cell, identity=identity.model_copy(update=changed))


def errors_of(known: registry.Registry, cell: Cell) -> list[float]:
    """Train the cell's seeds; return their errors, that of chance for a diverged one."""
    identity = cell.identity
    setup = setup_of(known, identity, torch.device("cpu"))
    trained = train(setup, [TrialKey(identity.sizes[0], seed) for seed in identity.seeds])
    scored = score(trained, setup.draws, setup.make_problem(None), [Error()])
    return [trial.scores.get("error", identity.protocol["chance_error"]) for trial in scored.trials]


def measure(file: Path, selection: Selection, factors: Sequence[int]) -> None:
    """Append the rows that the file lacks."""
    torch.set_num_threads(1)
    known = registry.load()
    done = fidelity.read(file).rows
    cells = [longer(cell, factor) for cell in planned(known, selection) for factor in factors]
    missing = [cell for cell in cells if Training.of(cell.identity) not in done]
    if not file.exists():
        file.write_text(",".join(COLUMNS) + "\n")
    with file.open("a", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        for place, cell in enumerate(missing, 1):
            training = Training.of(cell.identity)
            started = time.process_time()
            try:
                errors = errors_of(known, cell)
            except Exception as error:  # a model may raise anything
                print(f"{cell.task} {cell.model}: {error!r}", file=sys.stderr)
                continue
            seconds = time.process_time() - started
            shown = " ".join(f"{error:.6g}" for error in errors)
            date = datetime.now(UTC).date().isoformat()
            writer.writerow([date, *training, shown, f"{seconds:.2f}"])
            lines.flush()
            where = f"[{place}/{len(missing)}] {cell.task} {cell.model}"
            print(f"{where} {training.updates}: {shown} ({seconds:.1f} s)", flush=True)


def floor_of(cell: Cell) -> float:
    """Return the error below which differences mean nothing, as on the boards."""
    protocol = cell.identity.protocol
    return 0.5 / protocol["test_size"] if protocol["chance_error"] < 1 else FLOOR


def summarise(file: Path, selection: Selection) -> None:
    """Print one line per task as Markdown."""
    table, known = fidelity.read(file), registry.load()
    by_task: dict[str, list[Cell]] = defaultdict(list)
    for cell in planned(known, selection):
        by_task[cell.task].append(longer(cell, 1))
    print("| task | n | updates | models | not converged (gain by twice the updates) | τ | pairs "
          "| τ of the converged | seconds of all |\n" + "| --- " * 9 + "|")  # fmt: skip
    for task, cells in by_task.items():
        print("| " + " | ".join(line(table, task, cells)) + " |")


def line(table: Fidelity, task: str, cells: Sequence[Cell]) -> list[str]:
    """Return the cells of one line of the summary."""
    floor, updates = floor_of(cells[0]), cells[0].identity.protocol["updates"]
    trainings = {cell.model: Training.of(cell.identity) for cell in cells}
    gains = {model: table.gain(one, floor) for model, one in trainings.items()}
    measured = {model: gain for model, gain in gains.items() if gain is not None}
    open_ = {model: gain for model, gain in measured.items() if gain > fidelity.GAIN}
    everyone = table.agreement(trainings.values(), floor)
    ranked = table.agreement([trainings[m] for m in measured if m not in open_], floor)
    seconds = sum(table.rows[trainings[model]].seconds for model in measured)
    return [
        task, str(cells[0].identity.sizes[0]), str(updates), f"{len(measured)} of {len(cells)}",
        ", ".join(f"{model} {gain:.2g}" for model, gain in sorted(open_.items())) or "none",
        "" if everyone.tau is None else f"{everyone.tau:.2f}", str(everyone.pairs),
        "" if ranked.tau is None else f"{ranked.tau:.2f}", f"{seconds:.0f}",
    ]  # fmt: skip


def main() -> None:
    """Measure, or sum up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tier", default="quick", help="whose cells; default: %(default)s")
    parser.add_argument("--tasks", nargs="*", default=(), help="names or globs; default: all")
    parser.add_argument("--models", nargs="*", default=(), help="names or globs; default: all")
    parser.add_argument("--sizes", type=int, nargs="*", default=(), help="n_train; the tier's")
    parser.add_argument("--updates", type=int, help="instead of the tier's number")
    parser.add_argument("--seeds", type=int, default=2, help="default: %(default)s")
    parser.add_argument(
        "--factors", type=int, nargs="*", default=FACTORS, help="of the updates; default: 1 2 4"
    )
    parser.add_argument("--to", type=Path, default=fidelity.TABLE, metavar="FILE.csv",
                        help="the table; default: that of the package")  # fmt: skip
    parser.add_argument("--summary", action="store_true", help="measure nothing; sum up the table")
    given = parser.parse_args()
    selection = Selection(
        tuple(given.tasks), tuple(given.models), given.tier, tuple(given.sizes), given.seeds,
        given.updates,
    )  # fmt: skip
    if given.summary:
        summarise(given.to, selection)
    else:
        measure(given.to, selection, given.factors)


if __name__ == "__main__":
    main()

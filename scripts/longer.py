"""Run the full tier with more updates: does a result need a longer training?

python scripts/longer.py --updates 11250 --sizes 48000 -t scrambled-mnist-rotated-scrambled cnn

prints the scores of each cell's record, which no store takes. 11,250 updates of 128 images are the
30 epochs of Dehmamy et al. (2021).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from tabulate import tabulate

from symbench.registry import load
from symbench.runs.cell import run_cell
from symbench.runs.plan import Cell, Selection, make_plan

SCORES = ("error", "paper_error", "equivariance_error", "generator_cosine")


def trained_for(cell: Cell, updates: int) -> Cell:
    """Return the cell with another number of updates in its protocol."""
    protocol = {**cell.identity.protocol, "updates": updates}
    return replace(cell, identity=cell.identity.model_copy(update={"protocol": protocol}))


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or globs")
    parser.add_argument("-t", "--task", required=True, help="name or glob")
    parser.add_argument("--updates", type=int, required=True, help="updates of each training")
    parser.add_argument("--sizes", default="", help="n_train, separated by commas; the full tier's")
    parser.add_argument(
        "--seeds", type=int, default=1, help="number of seeds; default: %(default)s"
    )
    arguments = parser.parse_args()
    sizes = tuple(map(int, filter(None, arguments.sizes.split(","))))
    registry = load()
    selection = Selection(
        (arguments.task,), tuple(arguments.models), "full", sizes, arguments.seeds
    )
    rows = []
    for cell in make_plan(registry, selection):
        started = time.process_time()
        record = run_cell(registry, trained_for(cell, arguments.updates))
        seconds = time.process_time() - started
        for trial in record.trials:
            scores = [f"{trial.scores[s]:.4g}" if s in trial.scores else "" for s in SCORES]
            rows.append([cell.model, trial.n_train, trial.seed, *scores, f"{seconds:.0f}"])
            print(*rows[-1], flush=True)
        if record.error is not None:
            print(cell.model, record.status, record.error.message)
    heads = ("model", "n", "seed", *SCORES, "processor seconds of the cell")
    print(tabulate(rows, heads, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

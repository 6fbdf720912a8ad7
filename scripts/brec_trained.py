"""BREC's paired comparison of one model, category by category, with its time.

python scripts/brec_trained.py --model ppgn --nodes 40 [--eight]   # BREC in SYMBENCH_DATA

The column "separated" is what ``pairs_trained`` counts; --nodes leaves the larger graphs out, and
the column "pairs" says how many are left. --eight trains on all eight relabelings of a batch, as
the published code does, also where the network is invariant and one gives the same gradient.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch
from symbench_graphs.brec import BREC
from symbench_graphs.pair_contrast import untrained
from symbench_graphs.pair_fleet import Protocol
from symbench_graphs.paired import Comparison, PairVerdict
from symbench_graphs.pairs import Pair, PairTask
from tabulate import tabulate
from torch import nn

import symbench
from symbench import Trained

Q = 32
HEADERS = (
    "category", "pairs", "separated", "unreliable", "refused", "thinned", "least T² separated",
    "largest T² not separated", "processor seconds",
)  # fmt: skip


def untrained_trial(name: str, task: PairTask, seed: int) -> Trained:
    """Return what a metric would see of the model in the full tier: nothing is trained yet."""
    model = symbench.model(name).for_tier("full")
    problem = symbench.problem(task, model)
    test = task.sample(2, seed, "test")
    return Trained(model.build(problem), model, problem, Q, seed, test, test.y)


def row(category: str, verdicts: Sequence[PairVerdict | None], seconds: float) -> list[str]:
    """Return the counts of one category's verdicts."""
    protocol = Protocol()
    seen = [v for v in verdicts if v is not None]
    apart = [v.major for v in seen if v.separated(Q, protocol)]
    merged = [v.major for v in seen if not v.separated(Q, protocol)]
    counts = (
        len(verdicts), len(apart), sum(v.unreliable(Q, protocol) for v in seen),
        verdicts.count(None), sum(v.thinned for v in seen),
    )  # fmt: skip
    extremes = (f"{min(apart):.2g}" if apart else "", f"{max(merged):.2g}" if merged else "")
    return [category, *map(str, counts), *extremes, f"{seconds:.0f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, metavar="NAME", help="the model to train")
    parser.add_argument("--category", action="append", help="of BREC; repeatable; default: all")
    parser.add_argument(
        "--nodes", type=int, default=198, help="leave larger graphs out; default: %(default)s"
    )
    parser.add_argument(
        "--first", type=int, default=400, help="most pairs of a category; default: %(default)s"
    )
    parser.add_argument("--eight", action="store_true", help="train on all eight relabelings")
    parser.add_argument("--seed", type=int, default=0, help="random seed; default: %(default)s")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    task = BREC()
    trial = untrained_trial(asked.model, task, asked.seed)

    def fresh(pair: Pair) -> nn.Module:
        with untrained(trial, task, f"pair {pair.id}") as build:
            return build()

    comparison = Comparison(fresh, task, Q, asked.seed, Protocol(thin=not asked.eight))
    table = []
    for category in asked.category or dict.fromkeys(pair.category for pair in task.pairs()):
        fitting = [p for p in task.pairs() if p.category == category and p.nodes <= asked.nodes]
        pairs, started = fitting[: asked.first], time.process_time()
        by_pair = comparison.verdicts(pairs, torch.device("cpu"))
        verdicts = [by_pair[pair.id] for pair in pairs]
        table.append(row(category, verdicts, time.process_time() - started))
    print(tabulate(table, HEADERS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

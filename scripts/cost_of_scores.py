"""How long the scores of cells take, compared with their training.

    symbench run -t 'o5-*' --tier quick --store DIR
    python scripts/cost_of_scores.py DIR

All time of a cell that is not training counts as scores: draws, builds, probes and the error
included. A tier whose trainings take too long is run as an experiment with fewer updates, whose
training times are then scaled to the tier's own number of updates:

    symbench run -t 'o5-*' --tier full --updates 200 --store DIR
    python scripts/cost_of_scores.py DIR --tier full
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from symbench.records.record import Record
from symbench.records.store import Store
from symbench.registry import load
from symbench.runs.protocol import TIERS


def updates_of(task: str, tier: str) -> int:
    """Return how many updates the tier gives to a trial of a registered task."""
    return load().task(task).updates.get(tier, TIERS[tier].updates)


def times(record: Record) -> tuple[float, float]:
    """Return the seconds of all trainings at the tier's number of updates, and all others."""
    spent = sum(trial.cost.get("train_seconds", 0.0) for trial in record.trials)
    updates = record.identity.protocol["updates"]
    whole = updates_of(record.identity.task, record.identity.tier) if updates else 0
    scale = whole / updates if updates else 1.0
    return spent * scale, max(0.0, (record.provenance.seconds or 0.0) - spent)


def main() -> None:
    """Print a line for each task, the cells with most scoring, and the sum."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path, help="a store of records")
    parser.add_argument("--tier", default="quick", help="whose records count (default: quick)")
    parser.add_argument("--cells", type=int, default=10, help="how many cells to print")
    options = parser.parse_args()
    by_task: dict[str, list[tuple[float, float]]] = defaultdict(list)
    cells = []
    for record in Store(options.store).records():
        if record.status == "ok" and record.identity.tier == options.tier:
            training, others = times(record)
            by_task[record.identity.task].append((training, others))
            cells.append((others, training, f"{record.identity.task} {record.identity.model}"))
    for others, training, name in sorted(cells, reverse=True)[: options.cells]:
        print(f"{name}: training {training:.1f} s, the rest {others:.1f} s")
    for task, pairs in sorted(by_task.items()):
        print(f"{task}: {_share(pairs)}")
    print(f"all: {_share([pair for pairs in by_task.values() for pair in pairs])}")


def _share(pairs: list[tuple[float, float]]) -> str:
    training, others = (sum(part) for part in zip(*pairs, strict=True)) if pairs else (0.0, 0.0)
    share = f"{100 * others / training:.0f} %" if training else "no training"
    return f"{len(pairs)} cells, training {training:.0f} s, the rest {others:.0f} s: {share}"


if __name__ == "__main__":
    main()

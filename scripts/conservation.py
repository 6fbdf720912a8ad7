"""Does lower equivariance error go with lower conservation error? Plot and rank correlation.

python scripts/conservation.py --store symbench-results --to docs/figures/conservation.svg

One point is one trained network on one task and one conserved quantity, along a rollout or along
most likely paths: medians over the trials at the largest n_train that have both scores. A symmetry
score below rounding counts as 1e-17. The rank correlation (Spearman) is taken over the medians of
cells, within each task and quantity, and averaged with weights; its interval is a bootstrap over
(task, model) cells.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source

PREFIX = "conservation_error."
# momenta along paths; the solver conserves the energy of a path, whatever the field
PATHS = {"path_conservation.angular_momentum", "path_conservation.noether", "ring_paths"}
LEAST = 1e-17
WIDE, HIGH = 4.5, 0.45  # decades that a name takes in the picture
SMALLEST_GROUP = 4  # models on one task and quantity
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """One cell and quantity: medians over seeds."""

    task: str
    model: str
    quantity: str
    equivariance: float
    conservation: float


def points(records: list[Record]) -> list[Point]:
    """Return the cells that have both scores."""
    measured = []
    for record in records:
        last = max(record.identity.sizes)
        trials = [t for t in record.trials if t.n_train == last and t.status == "ok"]
        by_quantity: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for trial in trials:
            if (error := trial.scores.get("equivariance_error")) is None:
                continue
            for name, value in trial.scores.items():
                if (quantity := quantity_of(name)) is not None:
                    by_quantity[quantity].append((error, value))
        for quantity, values in by_quantity.items():
            error, drift = np.median(np.array(values), axis=0)
            measured.append(
                Point(
                    record.identity.task, record.identity.model, quantity, max(error, LEAST), drift
                )
            )
    return measured


def quantity_of(score: str) -> str | None:
    """Return the conserved quantity that a score is of, or None."""
    if score in PATHS:
        return "angular momentum of paths"
    return score.removeprefix(PREFIX) if score.startswith(PREFIX) else None


def within(points: list[Point]) -> float:
    """Return the mean rank correlation within groups of one task and quantity, by their sizes."""
    groups: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in points:
        groups[point.task, point.quantity].append(point)
    total, weight = 0.0, 0
    for group in groups.values():
        x, y = [p.equivariance for p in group], [p.conservation for p in group]
        if len(group) >= SMALLEST_GROUP and len(set(x)) > 1 and len(set(y)) > 1:
            total += len(group) * float(spearmanr(x, y).statistic)
            weight += len(group)
    return total / weight if weight else float("nan")


def interval(points: list[Point], draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval over cells, with all their quantities."""
    cells: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in points:
        cells[point.task, point.model].append(point)
    names = sorted(cells)
    generator = np.random.default_rng(0)
    values = []
    for _ in range(draws):
        resample = generator.integers(len(names), size=len(names))
        values.append(within([point for i in resample for point in cells[names[i]]]))
    low, high = np.nanquantile(np.array(values), [0.025, 0.975])
    return float(low), float(high)


def _apart(points: list[Point]) -> list[Point]:
    """Return the points whose names do not overlap, beginning with the one that conserves best."""
    named: list[Point] = []
    for p in sorted(points, key=lambda p: p.conservation):
        gaps = [
            (abs(math.log10(p.equivariance / q.equivariance)),
             abs(math.log10(p.conservation / q.conservation)))
            for q in named
        ]  # fmt: skip
        if all(across > WIDE or up > HIGH for across, up in gaps):
            named.append(p)
    return named


def draw(points: list[Point], title: str, to: Path) -> None:
    """Draw the points into a file, one colour per task, one marker per quantity."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "symbench"  # the same records give the same file
    from matplotlib import pyplot as plt

    tasks, quantities = sorted({p.task for p in points}), sorted({p.quantity for p in points})
    figure, axes = plt.subplots(figsize=(9.5, 6), layout="constrained")
    colours, markers = plt.get_cmap("tab10").colors, "osD^v"  # type: ignore[attr-defined]
    for i, task in enumerate(tasks):
        for j, quantity in enumerate(quantities):
            mine = [p for p in points if (p.task, p.quantity) == (task, quantity)]
            if mine:
                axes.scatter(
                    [p.equivariance for p in mine], [p.conservation for p in mine], s=36,
                    color=colours[i % 10], marker=markers[j % 5], label=f"{task}, {quantity}",
                )  # fmt: skip
    for p in _apart(points):
        axes.annotate(
            p.model, (p.equivariance, p.conservation), fontsize=7,
            xytext=(5, -2), textcoords="offset points",
        )  # fmt: skip
    axes.set(
        xscale="log", yscale="log", title=title,
        xlabel="equivariance error (left edge: exact to rounding)", ylabel="conservation error",
    )  # fmt: skip
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    to.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(to, dpi=120, metadata={"Date": None} if to.suffix == ".svg" else None)


def main() -> None:
    """Print the correlation, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store", type=Path, action="append", required=True, metavar="DIR",
        help="a store of records; repeatable",
    )  # fmt: skip
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.png", help="the figure")
    arguments = parser.parse_args()
    measured = points(records_of(map(open_source, arguments.store)))
    if not measured:
        parser.error("no record of these stores has both scores")
    low, high = interval(measured)
    cells = len({(p.task, p.model) for p in measured})
    title = f"rank correlation {within(measured):.2f} [{low:.2f}, {high:.2f}], {cells} cells"
    draw(measured, title, arguments.to)
    print(title)


if __name__ == "__main__":
    main()

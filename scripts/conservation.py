"""Does lower equivariance error go with lower conservation error? Plot and rank correlation.

python scripts/conservation.py --store leaderboards/dynamics --to conservation.svg

One point is one trained network on one task and one conserved quantity, along a rollout or along
most likely paths: medians over the trials at the largest n_train that have both scores. A symmetry
score below rounding counts as 1e-17. The rank correlation (Spearman) is taken over the medians of
cells, within each task and quantity, and averaged with weights; its interval is a bootstrap over
(task, model) cells.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from panels import HEAD, Panel, Series, chart, moved
from scipy.stats import spearmanr

from symbench.plot.chart import Chart, Group, Mark, Text
from symbench.plot.style import Style
from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source

PREFIX = "conservation_error."
# momenta along paths; the solver conserves the energy of a path, whatever the field
PATHS = {"path_conservation.angular_momentum", "path_conservation.noether", "ring_paths"}
PATH = "angular momentum of paths"
LEAST = 1e-17
WIDE, HIGH = 60.0, 9.0  # pixels that a name takes in the picture
NAMED = 1e-3  # conservation errors below have the names of their models
ENERGY = ("hnn", "srnn", "lnn", "port-hnn")  # beginnings of networks that learn an energy
LOOKS: dict[str, Style] = {
    "field: energy": Style(3, "", "circle"),
    "field: momenta": Style(3, "", "triangle"),
    "Hamiltonian or Lagrangian: energy": Style(0, "", "circle"),
    "Hamiltonian or Lagrangian: momenta": Style(0, "", "triangle"),
    "drift: momentum of likely paths": Style(5, "", "diamond"),
}
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
                    record.identity.task,
                    record.identity.model,
                    quantity,
                    max(float(error), LEAST),
                    float(drift),
                )
            )
    return measured


def quantity_of(score: str) -> str | None:
    """Return the conserved quantity that a score is of, or None."""
    if score in PATHS:
        return PATH
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


def kind(point: Point) -> str:
    """Return what the network learns and what is conserved, as the figure names it."""
    if point.quantity == PATH:
        return "drift: momentum of likely paths"
    learned = "Hamiltonian or Lagrangian" if point.model.startswith(ENERGY) else "field"
    return f"{learned}: {'energy' if point.quantity == 'energy' else 'momenta'}"


def figure(points: list[Point]) -> Chart:
    """Return the chart of all points."""
    series = [
        Series(name, sorted((p.equivariance, p.conservation) for p in points if kind(p) == name),
               look, joined=False)
        for name, look in LOOKS.items()
        if any(kind(p) == name for p in points)
    ]  # fmt: skip
    labels = (
        "equivariance error (exact: rounding, 1e-16)",
        "conservation error, share of the quantity",
    )
    heading = f"{cells(points)} pairs of task and model, medians over seeds"
    panel = Panel(heading, labels, series, whole=True)
    said = "Models of lower equivariance error tend to conserve better: rank correlation"
    plain = chart(f"{said} {within(points):.2f}", [panel])
    names = Group(list(_names(points, panel)))
    return replace(plain, groups=[*plain.groups, moved(names, 0, HEAD)])


def _names(points: list[Point], panel: Panel) -> Iterator[Mark]:
    """Yield the names of models that conserve well, but of those that would overlap."""
    across, up = panel.axes()
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda p: p.conservation):
        x, y = across(point.equivariance) + 7, up(point.conservation) + 3
        if point.conservation < NAMED and all(
            abs(x - a) > WIDE or abs(y - b) > HIGH for a, b in taken
        ):
            taken.append((x, y))
            yield Text(x, y, point.model, size=9)


def cells(points: list[Point]) -> int:
    """Return the number of cells."""
    return len({(p.task, p.model) for p in points})


def main() -> None:
    """Print the correlation, and draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store", type=Path, action="append", required=True, metavar="DIR",
        help="a store of records; repeatable",
    )  # fmt: skip
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.svg", help="the figure")
    arguments = parser.parse_args()
    measured = points(records_of(map(open_source, arguments.store)))
    if not measured:
        parser.error("no record of these stores has both scores")
    low, high = interval(measured)
    figure(measured).save(arguments.to)
    print(
        f"rank correlation {within(measured):.2f} [{low:.2f}, {high:.2f}], {cells(measured)} cells"
    )


if __name__ == "__main__":
    main()

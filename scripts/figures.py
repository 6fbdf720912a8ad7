"""Draw every figure of the documentation from stored records, as SVG.

python scripts/figures.py --to docs/figures
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import attractor_figure
import compute_axis
import conservation
import dial_figure
import scaling as scaling_table
from findings import MAIN, discovered, records, reproduced
from overview_figure import overview
from panels import below

from symbench.plot import learning_curve
from symbench.plot.axes import linear_axis
from symbench.plot.chart import Chart, Text
from symbench.plot.curves import Point
from symbench.plot.rows import Entry, rows
from symbench.plot.style import style
from symbench.registry import load
from symbench.results.leaderboard.discovery import Method

MEDIAN = " (median over seeds, 95 % interval)"
SHARE = "error, share of the variance"
DRIFT = "largest change of the {} in a rollout, share of it"
NETWORKS = ("node-mlp", "node-emlp", "node-scalars", "hnn-mlp", "hnn-emlp", "hnn-scalars")
# Cosines that Dehmamy et al. (2021) published, each of one run, and ours with the same generator.
COSINES = {
    ("rotation-fixed", "lconv"): 0.270,
    ("rotation-fixed", "least-squares"): None,
    ("rotation-fixed", "matrix-log"): None,
    ("rotation-angle", "lconv-recursive"): 0.70,
    ("rotation-angle", "lconv-exp"): None,
    ("rotation-angle", "lconv-exp-skew"): None,
}


def compute() -> Chart:
    """Return the error against the operations of training."""
    found = records("compute")
    curves = compute_axis.curves(found, ["*"], ["*"])
    return compute_axis.figure(curves, *compute_axis.settings(found))


def conserved() -> Chart:
    """Return the conservation error against the equivariance error."""
    return conservation.figure(conservation.points(records("dynamics")))


def dial() -> Chart:
    """Return the errors on the dial of broken symmetry, by kind of model."""
    found = dial_figure.curves(records("dial"), "standard", 1000, cubic=False)
    return dial_figure.figure(dial_figure.of_kinds(found))


def scaling() -> Chart:
    """Return the simulated makespan of the full tier over the number of workers."""
    measured = scaling_table.full_tier(records("quick"), load())
    return scaling_table.figure(measured, scaling_table.Machine(1.0, 10.0))


def on(task: str, models: Sequence[str], folder: str = MAIN) -> Callable[..., Chart]:
    """Return a function that draws a score of these models, below a message."""

    def draw(message: str, unit: str, score: str = "error") -> Chart:
        drawn = learning_curve(records(folder), task, models, score)
        first, *others = drawn.groups
        marks = [
            replace(mark, text=unit + MEDIAN)
            if isinstance(mark, Text) and mark.text == score + MEDIAN
            else mark
            for mark in first.marks
        ]
        return below(message, replace(drawn, groups=[replace(first, marks=marks), *others]))

    return draw


def merit() -> Chart:
    """Return the figure of merit of each method of the discovery board, but of the guesses."""
    methods = [one for one in discovered().methods if not one.model.startswith("guess")]
    methods.sort(key=lambda one: -one.figure)
    points = {one.model: Point(0, one.figure, one.overall.low, one.overall.high) for one in methods}
    untold = points["mlp"]
    ahead = [model for model, point in points.items() if point.ends[0] > untold.ends[1]]
    entries = [
        Entry(_with_false(one), one.figure, points[one.model].ends, style(one.model, one.prior),
              one.model)
        for one in methods
    ]  # fmt: skip
    heading = "13 tasks, tier standard; false: announced on a control that has no symmetry"
    label = f"figure of merit, 0 as a guess, 1 the truth{MEDIAN}"
    axis, priors = partial(linear_axis, [0.0, 1.0]), {one.prior for one in methods}
    drawn = rows(entries, heading, label, axis, {"mlp": untold.value}, priors)
    return below(f"Ahead of a perceptron that is told nothing: {', '.join(ahead)}", drawn)


def _with_false(method: Method) -> str:
    """Return the name of a method, with its false findings if it has any."""
    false = method.false
    return (
        f"{method.model}, {false.found}/{false.trials} false"
        if false and false.found
        else (method.model)
    )


def cosines() -> Chart:
    """Return the cosines of generators of image rotations, beside the published ones."""
    entries = []
    for (task, model), published in COSINES.items():
        values = sorted(reproduced(task, model, 50000, "pixel-generator.paper"))
        stated = {} if published is None else {"baseline": published}
        label = f"{task.removeprefix('rotation-')}: {model}"
        entries.append(Entry(label, median(values), (values[0], values[-1]), style(model), model,
                             stated))  # fmt: skip
    heading = "rotation-fixed and rotation-angle, full tier; upright lines: published, of one run"
    label = "cosine with the paper's generator (median and range of five seeds)"
    drawn = rows(entries, heading, label, partial(linear_axis, [0.0, 1.0]), {}, set())
    return below(
        "The published 0.270 is that of linear regression; 0.70, of one run, is above ours", drawn
    )


FIGURES: Mapping[str, Callable[[], Chart]] = {
    "attractor-paths.svg": attractor_figure.figure,
    "augmentation.svg": partial(
        on("o5-invariant", ("mlp", "mlp-augmented", "mlp-penalty", "emlp", "scalars")),
        "Augmentation is not equivariance",
        "equivariance error", "equivariance_error",
    ),
    "compute.svg": compute,
    "conservation.svg": conserved,
    "cosines.svg": cosines,
    "csl.svg": partial(
        on("csl", ("fwl-2", "ppgn", "graph-transformer", "gin", "gcn", "power-gnn", "deep-sets")),
        "PPGN can tell all classes apart, and the tier standard does not train it to",
        "error, share of the graphs",
    ),
    "dial.svg": dial,
    "energy.svg": partial(
        on("mass-spring", ("node-mlp", "node-emlp", "lnn-mlp", "srnn-mlp", "hnn-mlp", "hnn-emlp",
                           "hnn-scalars"), "dynamics"),
        "A Hamiltonian keeps more of the energy than a field, and an invariant one nearly all",
        DRIFT.format("energy"), "conservation_error.energy",
    ),
    "merit.svg": merit,
    "momentum.svg": partial(
        on("spring-pendulum", NETWORKS),
        "An equivariant field (node-scalars) drifts, an invariant Hamiltonian (hnn-scalars) hardly",
        DRIFT.format("angular momentum"), "conservation_error.angular_momentum",
    ),
    "overview.svg": overview,
    "regression.svg": partial(
        on("translation-1d", ("lie-fit", "matrix-log", "lconv-exp-skew", "lconv-exp",
                              "least-squares", "mlp")),
        "Regression on exp(θL) (lie-fit) is exact, and a trained L-conv (lconv-exp) comes close",
        SHARE,
    ),
    "scaling.svg": scaling,
    "wrong-group.svg": partial(
        on("so3-cross", ("e3nn", "emlp", "emlp-o3", "mlp")),
        "A wrong group (emlp-o3) errs more than none (mlp), the right one (emlp, e3nn) far less",
        SHARE,
    ),
}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, required=True, help="folder")
    folder = parser.parse_args().to
    for name, draw in FIGURES.items():
        print(draw().save(folder / name))

"""Draw every figure of the documentation from stored records, as SVG.

python scripts/figures.py --to docs/figures
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import compute_axis
from findings import records
from overview_figure import overview

from symbench.plot import learning_curve
from symbench.plot.chart import Chart


def compute() -> Chart:
    """Return the error against the operations of training."""
    found = records("compute")
    return compute_axis.figure(
        compute_axis.curves(found, ["*"], ["*"]), *compute_axis.settings(found)
    )


def wrong_group() -> Chart:
    """Return the errors of networks of a right and of a wrong group."""
    return learning_curve(records("quick"), "so3-cross", ["e3nn", "emlp", "emlp-o3", "mlp"])


def csl() -> Chart:
    """Return the errors of graph networks on CSL."""
    models = ["fwl-2", "ppgn", "graph-transformer", "gin", "gcn", "power-gnn", "deep-sets"]
    return learning_curve(records("quick"), "csl", models)


FIGURES: Mapping[str, Callable[[], Chart]] = {
    "compute.svg": compute,
    "csl.svg": csl,
    "overview.svg": overview,
    "wrong-group.svg": wrong_group,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, required=True, help="folder")
    folder = parser.parse_args().to
    for name, made in FIGURES.items():
        print(made().save(folder / name))

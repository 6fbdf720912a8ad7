"""Draw errors on the dial of broken symmetry by kind of model, and print their medians.

symbench run -t 'broken-o5-[01]*' -m mlp -m scalars -m soft-scalars --tier standard --store dial
python scripts/dial_figure.py --store dial --to docs/figures > table

The figure shows whatever the stores or publications hold of the tasks ``broken-o5-ε`` (``--cubic``
for those of the cubic term) at one n_train: the median over seeds, with a bar from the least to the
greatest. Each kind has a panel, beside the models that are told nothing and the floor ε². The title
states from which ε on the exact models lose to ``mlp``.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from tabulate import tabulate

from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source

mpl.rcParams["svg.hashsalt"] = "symbench"  # the same records give the same file
EXACT, SOFT, FINDING = "told O(5), exact", "told O(5), soft", "discovering"
KINDS: Mapping[str, tuple[str, ...]] = {
    EXACT: ("scalars", "emlp", "clifford", "mlp-frames", "mlp-canonical"),
    SOFT: ("soft-scalars", "soft-emlp", "mlp-penalty", "mlp-penalty-learned"),
    FINDING: ("kernel-null-use", "local-null-use", "liegg-use", "liegan", "augerino-gl"),
}
TOLD_NOTHING = "mlp"
COLORS = ("#1600ff", "#e32f76", "#5d6f00", "#845a08", "#61226f")
MARKS = "os^vD"
GREY, FLOOR = "#6b7280", "floor of O(5), ε²"
LEAST_GAP = 0.06  # between two labels, as a share of the height

Curve = dict[float, list[float]]
Curves = dict[str, Curve]


def curves(records: Iterable[Record], tier: str, n: int, *, cubic: bool) -> Curves:
    """Return the errors by model and ε, one per seed."""
    pattern = re.compile(r"broken-o5-cubic-(.+)" if cubic else r"broken-o5-(\d.*)")
    found: Curves = defaultdict(dict)
    for record in records:
        name, identity = pattern.fullmatch(record.identity.task), record.identity
        if identity.tier != tier:
            continue
        if name is None and not (cubic and identity.task == "broken-o5-0"):
            continue
        epsilon = float(name[1]) if name else 0.0
        errors = [
            t.scores["error"] for t in record.trials if t.n_train == n and "error" in t.scores
        ]
        if len(errors) > len(found[identity.model].get(epsilon, ())):
            found[identity.model][epsilon] = errors
    return {model: by_epsilon for model, by_epsilon in found.items() if by_epsilon}


def epsilons(found: Curves) -> list[float]:
    """Return every ε of the curves, in order."""
    return sorted({epsilon for curve in found.values() for epsilon in curve})


def losing_from(found: Curves) -> float | None:
    """Return the least ε from which on every exact model errs more than the one told nothing.

    None if there is none, or one of the two kinds is missing.
    """
    exact = [found[model] for model in KINDS[EXACT] if model in found]
    since = None
    for epsilon in reversed(epsilons(found)):
        compared = [curve[epsilon] for curve in exact if epsilon in curve]
        other = found.get(TOLD_NOTHING, {}).get(epsilon)
        if not compared or not other or min(map(median, compared)) <= median(other):
            break
        since = epsilon
    return since


def message(found: Curves) -> str:
    """Return the title of the figure."""
    since = losing_from(found)
    if since is None:
        return "Errors where a symmetry is broken by a share ε"
    return f"From ε = {since:g} on, every exact model errs more than {TOLD_NOTHING}"


def rows(found: Curves) -> list[list[str]]:
    """Return the table of medians: a row for the floor, and one for each model."""
    every = epsilons(found)
    table = [[FLOOR, *(f"{epsilon**2:.2g}" for epsilon in every)]]
    for model in (TOLD_NOTHING, *(model for models in KINDS.values() for model in models)):
        if curve := found.get(model):
            cells = (f"{median(curve[e]):.2g}" if e in curve else "" for e in every)
            table.append([f"`{model}`", *cells])
    return table


def draw(found: Curves, title: str, to: Path) -> None:
    """Draw a panel for each kind of which there is a model."""
    every = epsilons(found)
    panels = {kind: [m for m in models if m in found] for kind, models in KINDS.items()}
    panels = {kind: models for kind, models in panels.items() if models} or {TOLD_NOTHING: []}
    figure, axes = plt.subplots(
        1, len(panels), figsize=(1.2 + 3.6 * len(panels), 4.4), sharey=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis, (kind, models) in zip(axes[0], panels.items(), strict=True):
        axis.set(yscale="log", xlabel="share ε of the broken term", title=kind)
        axis.set_xticks(range(len(every)), [f"{epsilon:g}" for epsilon in every])
        _floor(axis, every)
        if TOLD_NOTHING in found:
            _line(axis, TOLD_NOTHING, found[TOLD_NOTHING], every, GREY, "x")
        for model, color, mark in zip(models, COLORS, MARKS, strict=False):
            _line(axis, model, found[model], every, color, mark)
        axis.set_xlim(-0.36 * len(every), len(every) - 0.7)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[0]:  # when all panels have set the limits of the errors
        _name_lines(axis)
    axes[0, 0].set_ylabel("error (share of the variance)")
    figure.suptitle(title, fontweight="bold")
    figure.savefig(to, metadata={"Date": None})
    plt.close(figure)


def _floor(axis: Axes, every: Sequence[float]) -> None:
    points = [(i, epsilon**2) for i, epsilon in enumerate(every) if epsilon]
    if points:
        axis.plot(*zip(*points, strict=True), ":", color="black")
        axis.annotate(
            "floor ε²", points[len(points) * 2 // 3], xytext=(-6, 3), textcoords="offset points",
            ha="right", fontsize="small",
        )  # fmt: skip


def _line(
    axis: Axes, model: str, curve: Curve, every: Sequence[float], color: str, mark: str
) -> None:
    at = [i for i, epsilon in enumerate(every) if epsilon in curve]
    errors = [curve[every[i]] for i in at]
    middle = [median(some) for some in errors]
    below = [m - min(some) for m, some in zip(middle, errors, strict=True)]
    above = [max(some) - m for m, some in zip(middle, errors, strict=True)]
    axis.errorbar(
        at, middle, (below, above), color=color, marker=mark, markersize=4, lw=1.5, label=model
    )


def _name_lines(axis: Axes) -> None:
    """Write the name of each line before its first point, and move apart what would overlap."""
    to_height = axis.transScale + axis.transLimits
    starts = []
    for drawn in axis.containers:
        if isinstance(drawn, ErrorbarContainer) and (line := drawn.lines[0]) is not None:
            x, y = map(float, np.asarray(line.get_xydata())[0])
            height = float(to_height.transform((x, y))[1])
            starts.append((height, x, line.get_color(), str(drawn.get_label())))
    lowest = 0.0
    for height, x, color, name in sorted(starts):
        lowest = max(height, lowest)
        axis.annotate(
            name, (x - 0.2, lowest), xycoords=("data", "axes fraction"), ha="right", va="center",
            color=color, fontsize="small",
        )  # fmt: skip
        lowest += LEAST_GAP


def main() -> None:
    """Read the stores, write the figure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--store", type=Path, action="append", required=True,
        help="a store or publication; repeatable",
    )  # fmt: skip
    parser.add_argument("--tier", default="standard", help="of the records")
    parser.add_argument("--size", type=int, default=1000, help="n_train")
    parser.add_argument("--cubic", action="store_true", help="the cubic term")
    parser.add_argument("--to", type=Path, default=Path("docs/figures"), help="folder")
    given = parser.parse_args()
    records = records_of(map(open_source, given.store))
    found = curves(records, given.tier, given.size, cubic=given.cubic)
    known = {TOLD_NOTHING, *(model for models in KINDS.values() for model in models)}
    shown = {model: curve for model, curve in found.items() if model in known}
    if not shown:
        parser.error(
            f"no record of the dial in tier {given.tier} at n = {given.size}: run "
            f"symbench run -t 'broken-o5-*' -m mlp --tier {given.tier} --store {given.store[0]}"
        )
    draw(shown, message(shown), given.to / f"dial{'-cubic' if given.cubic else ''}.svg")
    headers = ("ε", *(f"{epsilon:g}" for epsilon in epsilons(shown)))
    print(tabulate(rows(shown), headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

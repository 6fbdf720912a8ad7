"""Draw errors on the dial of broken symmetry, by kind of model.

symbench run -t 'broken-o5-*' -m mlp -m scalars -m soft-scalars --tier quick --store dial
python scripts/dial_figure.py --store dial --tier quick --to docs/figures

The figure shows whatever the stores hold of the tasks ``broken-o5-ε`` (``--cubic`` for those of the
cubic term) at one n_train: the median over seeds, with a bar from the least to the greatest.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source

KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "exact": ("tab:red", ("scalars", "emlp", "e3nn", "clifford", "mlp-frames", "mlp-canonical")),
    "soft": ("tab:green", ("soft-scalars", "soft-emlp", "mlp-penalty", "mlp-penalty-learned")),
    "discovering": ("tab:purple", ("liegan", "kernel-null-use", "liegg-use", "augerino-gl")),
    "told nothing": ("tab:gray", ("mlp", "linear")),
}
MARKS = "os^vDP"
REPRODUCIBLE = {"svg.hashsalt": "symbench"}  # the same records give the same file

Curves = dict[str, dict[float, list[float]]]


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


def draw(found: Curves, title: str, to: Path) -> None:
    """Draw the curves of all known models, and the floor ε² of exact ones."""
    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    every = sorted({epsilon for by_epsilon in found.values() for epsilon in by_epsilon})
    fine = [max(every) * k / 100 for k in range(1, 101)]
    axes.plot(fine, [e * e for e in fine], ":", color="black", label="floor of O(5), ε²")
    for kind, (color, models) in KINDS.items():
        for mark, model in zip(MARKS, models, strict=False):
            if model not in found:
                continue
            points = sorted(found[model].items())
            middle = [median(errors) for _, errors in points]
            below = [m - min(e) for m, (_, e) in zip(middle, points, strict=True)]
            above = [max(e) - m for m, (_, e) in zip(middle, points, strict=True)]
            at = [epsilon for epsilon, _ in points]
            label = f"{model} ({kind})"
            axes.errorbar(at, middle, (below, above), color=color, marker=mark, label=label)
    axes.set(yscale="log", xlabel="share ε of the broken term", ylabel="error", title=title)
    axes.legend(fontsize="small")
    with mpl.rc_context(REPRODUCIBLE):
        figure.savefig(to, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Read the stores and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, action="append", required=True, help="repeatable")
    parser.add_argument("--tier", default="quick", help="of the records")
    parser.add_argument("--size", type=int, default=1000, help="n_train")
    parser.add_argument("--cubic", action="store_true", help="the cubic term")
    parser.add_argument("--to", type=Path, default=Path("docs/figures"), help="folder")
    given = parser.parse_args()
    records = records_of(map(open_source, given.store))
    found = curves(records, given.tier, given.size, cubic=given.cubic)
    known = {model for _, models in KINDS.values() for model in models}
    shown = {model: by_epsilon for model, by_epsilon in found.items() if model in known}
    if not shown:
        parser.error(
            f"no record of the dial in tier {given.tier} at n = {given.size}: run "
            f"symbench run -t 'broken-o5-*' -m mlp --tier {given.tier} --store {given.store[0]}"
        )
    title = f"{'cubic' if given.cubic else 'linear'} term, tier {given.tier}, n = {given.size}"
    draw(shown, title, given.to / f"dial{'-cubic' if given.cubic else ''}.svg")


if __name__ == "__main__":
    main()

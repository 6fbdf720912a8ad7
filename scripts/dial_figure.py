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

from panels import Panel, Series, chart, spread_of
from tabulate import tabulate

from symbench.plot.chart import Chart
from symbench.plot.style import Style, style
from symbench.records.record import Record
from symbench.records.store import records_of
from symbench.results.sources import open_source

EXACT, SOFT, FINDING = "told O(5), exact", "told O(5), soft", "discovering"
KINDS: Mapping[str, tuple[str, ...]] = {
    EXACT: ("scalars", "emlp", "clifford", "mlp-frames", "mlp-canonical"),
    SOFT: ("soft-scalars", "soft-emlp", "mlp-penalty", "mlp-penalty-learned"),
    FINDING: ("kernel-null-use", "local-null-use", "liegg-use", "liegan", "augerino-gl"),
}
TOLD_NOTHING = "mlp"
FLOOR = "floor of O(5), ε²"
LABELS = ("share ε of the broken term", "error, share of the variance (median and range of seeds)")

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


def of_kinds(found: Curves) -> Curves:
    """Return the curves of the models that have a kind, and of the one told nothing."""
    known = {TOLD_NOTHING, *(model for models in KINDS.values() for model in models)}
    return {model: curve for model, curve in found.items() if model in known}


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


def figure(found: Curves) -> Chart:
    """Return the chart, a panel for each kind of which there is a model."""
    every = epsilons(found)
    panels = {kind: [m for m in models if m in found] for kind, models in KINDS.items()}
    panels = {kind: models for kind, models in panels.items() if models} or {TOLD_NOTHING: []}
    names = {float(place): f"{epsilon:g}" for place, epsilon in enumerate(every)}
    drawn = [
        Panel(kind, LABELS, _series(found, kind, models), (False, True), names)
        for kind, models in panels.items()
    ]
    last = ", ".join(f"{row[0].strip('`')} {row[-1]}" for row in rows(found) if row[-1])
    return chart(message(found), drawn, f"errors at ε = {every[-1]:g}: {last}")


def _series(found: Curves, kind: str, models: Sequence[str]) -> list[Series]:
    every = epsilons(found)
    floor = [(float(place), epsilon**2) for place, epsilon in enumerate(every) if epsilon]
    shown = [TOLD_NOTHING] * (TOLD_NOTHING in found) + list(models)
    priors = {TOLD_NOTHING: "none"}
    told = "discovers" if kind == FINDING else "told"
    lines = [
        spread_of(model, [(float(every.index(e)), found[model][e]) for e in sorted(found[model])],
                  style(model, priors.get(model, told)))
        for model in shown
    ]  # fmt: skip
    return [Series("floor ε²", floor, Style(None, "2 3"), marked=False), *lines] if floor else lines


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
    shown = of_kinds(curves(records, given.tier, given.size, cubic=given.cubic))
    if not shown:
        parser.error(
            f"no record of the dial in tier {given.tier} at n = {given.size}: run "
            f"symbench run -t 'broken-o5-*' -m mlp --tier {given.tier} --store {given.store[0]}"
        )
    figure(shown).save(given.to / f"dial{'-cubic' if given.cubic else ''}.svg")
    headers = ("ε", *(f"{epsilon:g}" for epsilon in epsilons(shown)))
    print(tabulate(rows(shown), headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()

"""Charts for papers: learning curves and critical-difference diagrams as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from symbench.publish.site.render import page
from symbench.results.leaderboard import Estimate, Row
from symbench.results.statistics import FLOOR, Nemenyi

# Okabe and Ito's colours, which the colour-blind can distinguish; from 8 lines on with dashes.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f", "#8c564b")
DASHES = ("none", "6 3", "2 2", "8 3 2 3")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 460, 340, 64, 16, 34, 48
_LEGEND, _LINE = 190, 17


@dataclass(frozen=True)
class Scale:
    """A logarithmic (or linear) axis from values to positions on the page."""

    low: float
    high: float
    start: float
    end: float
    log: bool = True

    def __call__(self, value: float) -> float:
        """Return the position of the value, rounded to a hundredth of a pixel."""
        low, high, at = (self._bend(one) for one in (self.low, self.high, value))
        part = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + part * (self.end - self.start), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the positions and texts of the powers of ten; of multiples if there are few."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1,), (1, 2, 5), range(1, 10)):
            values = [step * 10.0**power for power in decades for step in steps]
            inside = [v for v in values if self.low * 0.999 <= v <= self.high * 1.001]
            if len(inside) > 2:
                break
        every = -(-len(inside) // 8)
        return [(self(v), f"{v:g}".replace("e-0", "e-")) for v in inside[::every]]

    def _bend(self, value: float) -> float:
        return math.log10(value) if self.log else value


def series(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the learning curves of one task: model, and [n, error, low, high] at each size."""
    return [
        {"model": row.model, "points": [_point(p.n_train, p.error) for p in row.curve]}
        for row in rows
        if row.curve
    ]


def curves(rows: Sequence[Row], title: str) -> bytes | None:
    """Return the learning curves of one task with bands and threshold; None without curves."""
    lines = series(rows)
    if not lines:
        return None
    values = [v for line in lines for point in line["points"] for v in point[1:]]
    sizes = [point[0] for line in lines for point in line["points"]]
    threshold = next((row.threshold for row in rows if row.threshold), None)
    values += [threshold] if threshold else []
    x = Scale(min(sizes), max(sizes), _LEFT + 12, _WIDTH - _RIGHT - 12)
    y = Scale(min(values) / 1.15, max(values) * 1.15, _HEIGHT - _BOTTOM, _TOP)
    return page(
        "curves.svg",
        title=title,
        lines=[{"name": line["model"], **_drawn(line["points"], i, x, y)}
               for i, line in enumerate(lines)],
        x_ticks=[(x(size), size) for size in sorted(set(sizes))],
        y_ticks=y.ticks(),
        threshold=y(threshold) if threshold else None,
        frame=(_LEFT, _TOP, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM),
        size=(_WIDTH + _LEGEND, max(_HEIGHT, _TOP + _LINE * len(lines) + 8)),
        legend=(_WIDTH + 4, _TOP + 6, _LINE),
    )  # fmt: skip


def diagram(nemenyi: Nemenyi) -> dict[str, Any]:
    """Return the geometry of a critical-difference diagram (Demšar 2006, figure 1), rank 1 left.

    The labels of the better half of the models are on the left, the others on the right. A bar
    joins models whose mean ranks differ by less than the critical difference, drawn above the axis.
    """
    order = sorted(nemenyi.mean_ranks, key=lambda name: (nemenyi.mean_ranks[name], name))
    left, right, width, top = 190, 530, 720, 58
    x = Scale(1, max(2, len(order)), left, right, log=False)
    names, half = [], (len(order) + 1) // 2
    first = top + 16 + 9 * len(nemenyi.bars)
    for place, name in enumerate(order):
        leads = place < half
        depth = place if leads else len(order) - 1 - place
        names.append({
            "name": name, "rank": nemenyi.mean_ranks[name], "x": x(nemenyi.mean_ranks[name]),
            "y": first + 20 * (depth + 1), "end": left - 18 if leads else right + 18,
            "anchor": "end" if leads else "start", "text": left - 24 if leads else right + 24,
        })  # fmt: skip
    every = -(-len(order) // 12)
    bars = [
        (x(nemenyi.mean_ranks[bar[0]]) - 3, x(nemenyi.mean_ranks[bar[-1]]) + 3, top + 12 + 9 * i)
        for i, bar in enumerate(nemenyi.bars)
    ]
    scale = (right - left) / max(1, len(order) - 1)
    return {
        "width": width, "height": first + 20 * (half + 1), "axis": (left, right, top),
        "ticks": [(x(rank), rank) for rank in range(1, len(order) + 1, every)],
        "names": names, "bars": bars, "difference": nemenyi.difference,
        "length": round(min(nemenyi.difference * scale, right - left), 2),
        "wide": nemenyi.difference * scale > right - left,
    }  # fmt: skip


def _point(n: int, error: Estimate) -> list[float]:
    ends = [error.value if end is None else end for end in (error.low, error.high)]
    return [n, *(max(value, FLOOR) for value in (error.value, *ends))]


def _drawn(points: Sequence[Sequence[float]], index: int, x: Scale, y: Scale) -> dict[str, Any]:
    ahead = [f"{x(n)},{y(high)}" for n, _, _, high in points]
    back = [f"{x(n)},{y(low)}" for n, _, low, _ in reversed(points)]
    places = [(x(n), y(error)) for n, error, _, _ in points]
    return {
        "colour": PALETTE[index % len(PALETTE)],
        "dash": DASHES[index // len(PALETTE) % len(DASHES)],
        "band": " ".join(ahead + back),
        "segments": [(*a, *b) for a, b in pairwise(places)],
        "dots": places,
        "bars": [(x(n), y(low), y(high)) for n, _, low, high in points],
    }

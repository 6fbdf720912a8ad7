"""Critical-difference diagrams: mean ranks over tasks, and which of them differ."""

from __future__ import annotations

from symbench.plot.axes import Axis
from symbench.plot.chart import Chart, Group, Line, Mark, Text
from symbench.results.statistics import Nemenyi

_LEFT, _RIGHT, _WIDTH, _TOP = 190.0, 530.0, 720.0, 58.0
_STEP, _BAR, _MOST_TICKS = 20.0, 9.0, 12


def rank_diagram(nemenyi: Nemenyi) -> Chart:
    """Return the diagram of Demšar (2006, figure 1), rank 1 left.

    The labels of the better half of the models are on the left, the others on the right. A bar
    joins models whose mean ranks differ by less than the critical difference.
    """
    order = sorted(nemenyi.mean_ranks, key=lambda name: (nemenyi.mean_ranks[name], name))
    x = Axis(1, max(2, len(order)), _LEFT, _RIGHT, log=False)
    half = (len(order) + 1) // 2
    first = _TOP + 16 + _BAR * len(nemenyi.bars)
    marks = _scale(nemenyi, x, len(order))
    for place, name in enumerate(order):
        depth = place if place < half else len(order) - 1 - place
        y, at = first + _STEP * (depth + 1), x(nemenyi.mean_ranks[name])
        end, anchor, text = (
            (_LEFT - 18, "end", _LEFT - 24) if place < half
            else (_RIGHT + 18, "start", _RIGHT + 24)
        )  # fmt: skip
        marks.append(Line([(at, _TOP), (at, y), (end, y)]))
        shown = f"{name} ({nemenyi.mean_ranks[name]:.2f})"
        marks.append(Text(text, y + 4, shown, "end" if anchor == "end" else "start", 12))
    for place, bar in enumerate(nemenyi.bars):
        y = _TOP + 12 + _BAR * place
        ends = x(nemenyi.mean_ranks[bar[0]]) - 3, x(nemenyi.mean_ranks[bar[-1]]) + 3
        marks.append(Line([(ends[0], y), (ends[1], y)], 4))
    title = (
        f"Critical-difference diagram: mean ranks of {len(order)} models, "
        f"critical difference {nemenyi.difference:.2f}"
    )
    return Chart(title, _WIDTH, first + _STEP * (half + 1), [Group(marks)])


def _scale(nemenyi: Nemenyi, x: Axis, count: int) -> list[Mark]:
    """Return the axis of ranks, and above it the length of the critical difference."""
    wanted = nemenyi.difference * (_RIGHT - _LEFT) / max(1, count - 1)
    length = round(min(wanted, _RIGHT - _LEFT), 2)
    wide = " (wider than the axis)" if wanted > _RIGHT - _LEFT else ""
    marks: list[Mark] = [
        Line([(_LEFT, 18), (_LEFT + length, 18)], 2),
        Text(_LEFT, 12, f"critical difference {nemenyi.difference:.2f}{wide}", size=12),
        Line([(_LEFT, _TOP), (_RIGHT, _TOP)]),
    ]
    every = -(-count // _MOST_TICKS)
    for rank in range(1, count + 1, every):
        marks.append(Line([(x(rank), _TOP - 6), (x(rank), _TOP)]))
        marks.append(Text(x(rank), _TOP - 11, str(rank), "middle", 12))
    return marks

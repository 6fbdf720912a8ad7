"""Dot plots: one row per model or task, with its interval and marks to compare it with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from symbench.plot import frame
from symbench.plot.axes import Axis
from symbench.plot.chart import Chart, Dot, Group, Line, Mark, Text
from symbench.plot.style import Style
from symbench.results.report import numbers

_WIDTH, _LEFT, _RIGHT, _TOP, _BELOW, _ROW = 720.0, 206.0, 640.0, 66.0, 48.0, 19.0
_LABEL = 60.0  # px, the distance at which two labels of lines touch


@dataclass(frozen=True)
class Entry:
    """A row: its label, a value with the ends of its interval, and values to compare it with.

    ``marks`` are drawn as short upright lines, by name. ``name`` is the model of the row.
    """

    label: str
    value: float
    ends: tuple[float, float]
    look: Style
    name: str = ""
    marks: Mapping[str, float] = field(default_factory=dict)


def rows(
    entries: Sequence[Entry],
    title: str,
    label: str,
    axis: Callable[[float, float], Axis],
    levels: Mapping[str, float],
    priors: Collection[str | None],
) -> Chart:
    """Return the dot plot.

    Args:
        entries: from top to bottom.
        title: of the chart.
        label: of its axis.
        axis: makes the axis from its first and last position.
        levels: values that concern all rows, drawn as lines across them.
        priors: those of which the key explains the shapes.
    """
    bottom = _TOP + _ROW * len(entries) + 6
    across = axis(_LEFT, _RIGHT)
    marks = [
        *frame.title(title, 14),
        *frame.key(priors, 14, 38),
        *frame.level_axis(across, _TOP, bottom, label),
        *_levels(levels, across, bottom),
    ]
    groups = [Group(marks)]
    for place, entry in enumerate(entries):
        groups += _row(entry, _TOP + _ROW * (place + 0.5) + 3, across)
    shown = "; ".join(f"{e.label} {numbers.number(e.value)}" for e in entries)
    return Chart(f"{title}, {label}: {shown}", _WIDTH, bottom + _BELOW, groups)


def _levels(levels: Mapping[str, float], across: Axis, bottom: float) -> list[Mark]:
    """Return upright lines, with labels that make room for each other."""
    places = {name: across(value) for name, value in levels.items() if not across.misses(value)}
    marks: list[Mark] = []
    for name, x in places.items():
        gaps = [other - x for key, other in places.items() if key != name]
        near = next((gap for gap in gaps if abs(gap) < _LABEL), None)
        anchor: Literal["start", "middle", "end"] = "middle"
        if near is not None:
            anchor = "end" if near > 0 else "start"
        dash = "5 4" if name == "solved" else ""
        marks += [Line([(x, _TOP - 4), (x, bottom)], 1, dash, 0.8),
                  Text(x, _TOP - 8, name, anchor, size=10)]  # fmt: skip
    return marks


def _row(entry: Entry, y: float, across: Axis) -> list[Group]:
    aside = across.misses(entry.value)
    x = across(entry.value)
    low, high = (across(end) for end in entry.ends)
    tip = f"{entry.label}: {numbers.number(entry.value)}"
    dot = Dot(x, y, entry.look.shape, 4.2, tip, hollow=aside)
    drawn: list[Mark] = [Line([(low, y), (high, y)], 2, opacity=0.7), dot]
    beside: list[Mark] = [Text(_LEFT - 12, y + 4, frame.short(entry.label), "end")]
    for name, value in entry.marks.items():
        at = across(value)
        beside.append(Line([(at, y - 6), (at, y + 6)], 2 if name == "baseline" else 1))
    stated = f"{'= ' if aside else ''}{numbers.number(entry.value)}"
    beside.append(Text(_RIGHT + 8, y + 4, stated, size=10))
    return [Group(drawn, entry.look.slot, entry.name), Group(beside, None, entry.name)]

"""What charts share: titles, ticks, grids, keys of shapes, and labels that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symbench.plot.axes import Axis
from symbench.plot.chart import Dot, Line, Mark, Text
from symbench.plot.style import SHAPES

LINE = 15.0  # pixels from one label to the next
_LONG = 27  # characters of a name, of which more do not fit


def title(text: str, x: float) -> list[Mark]:
    """Return the title of a chart."""
    return [Text(x, 20, text, size=13, bold=True)]


def key(priors: Iterable[str | None], x: float, y: float) -> list[Mark]:
    """Return the key of the shapes that occur."""
    marks: list[Mark] = []
    known = set(priors)
    for prior, shape in SHAPES.items():
        if prior in known:
            marks += [Dot(x + 4, y - 4, shape), Text(x + 12, y, f"prior: {prior}", size=10)]
            x += 14 + 6.2 * len(f"prior: {prior}")
    return marks


def upright_axis(axis: Axis, left: float, right: float, label: str) -> list[Mark]:
    """Return the ticks, grid and label of a vertical axis at ``left``."""
    marks: list[Mark] = [
        Line([(left, axis.start), (left, axis.end)]),
        Text(15, (axis.start + axis.end) / 2, label, "middle", upwards=True),
    ]
    for y, text in axis.ticks():
        marks.append(Line([(left, y), (right, y)], opacity=0.15))
        marks.append(Text(left - 7, y + 4, text, "end"))
    if axis.aside is not None:
        marks.append(Line([(left, axis.aside), (right, axis.aside)], 1, "1 4", 0.6))
        marks.append(Text(left - 7, axis.aside + 4, "below", "end"))
    return marks


def level_axis(axis: Axis, top: float, bottom: float, label: str, grid: bool = True) -> list[Mark]:
    """Return the ticks, grid and label of a horizontal axis at ``bottom``."""
    marks: list[Mark] = [
        Line([(axis.start, bottom), (axis.end, bottom)]),
        Text((axis.start + axis.end) / 2, bottom + 36, label, "middle"),
    ]
    for x, text in axis.ticks():
        marks.append(Line([(x, bottom), (x, bottom + 5)]))
        marks.append(Text(x, bottom + 18, text, "middle"))
        marks += [Line([(x, top), (x, bottom)], opacity=0.15)] if grid else []
    if axis.aside is not None:
        marks.append(Line([(axis.aside, top), (axis.aside, bottom)], 1, "1 4", 0.6))
        marks.append(Text(axis.aside, bottom + 18, "below", "end"))
    return marks


def spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Return positions near the wanted ones, a line apart, between low and high if they fit."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    places = dict.fromkeys(order, 0.0)
    before = low - LINE
    for i in order:
        before = places[i] = max(wanted[i], before + LINE)
    after = max(high, low + LINE * (len(wanted) - 1)) + LINE
    for i in reversed(order):
        after = places[i] = min(places[i], after - LINE)
    return [places[i] for i in range(len(wanted))]


def short(name: str, most: int = _LONG) -> str:
    """Return the name without its middle if it is long: ends tell similar names apart."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}…{name[head + 1 - most :]}"

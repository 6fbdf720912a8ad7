"""Panels of named lines or points side by side, drawn with the charts of ``symbench.plot``.

The programs that draw figures import it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from symbench.plot import frame
from symbench.plot.axes import Axis, linear_axis, log_axis
from symbench.plot.chart import Area, Chart, Dot, Group, Line, Mark, Text
from symbench.plot.style import Style

LEFT, WIDE, TOP, TALL, BELOW = 64.0, 300.0, 32.0, 250.0, 46.0
HEAD = 32.0  # for the title of the figure
LINE = 18.0  # of a title
LETTER = 6.0  # pixels of a letter of a label
_ROOM = 0.05  # of the decades of a logarithmic axis, at both of its ends


@dataclass(frozen=True)
class Series:
    """A line through points (x, y), or the points alone.

    Attributes:
        name: written at the end of the line; "" for none.
        points: in the order of the line.
        look: colour, dash, width and shape.
        ends: the least and the greatest value at each point.
        joined: whether a line goes through the points.
        marked: whether the points have markers.
        labelled: the index of the point that the name belongs to.
    """

    name: str
    points: Sequence[tuple[float, float]]
    look: Style
    ends: Sequence[tuple[float, float]] = ()
    joined: bool = True
    marked: bool = True
    labelled: int = -1


@dataclass(frozen=True)
class Named(Axis):
    """An axis with texts at given values."""

    names: Mapping[float, str] = field(default_factory=dict)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the positions of the texts."""
        return [(self(value), text) for value, text in self.names.items()]


@dataclass(frozen=True)
class Panel:
    """Two axes with lines or points.

    Attributes:
        title: above the panel.
        labels: of the horizontal and the vertical axis, with units.
        series: what is drawn.
        log: whether the horizontal and the vertical axis are logarithmic.
        names: texts at values of the horizontal axis; by default round values.
        level: a name and a value, drawn as a dashed line across.
        whole: whether a logarithmic vertical axis reaches far outliers; all values are positive.
    """

    title: str
    labels: tuple[str, str]
    series: Sequence[Series]
    log: tuple[bool, bool] = (True, True)
    names: Mapping[float, str] = field(default_factory=dict)
    level: tuple[str, float] | None = None
    whole: bool = False

    def axes(self) -> tuple[Axis, Axis]:
        """Return the axes; the vertical one states values of 0 and far outliers aside."""
        x = [x for one in self.series for x, _ in one.points]
        y = [y for one in self.series for _, y in one.points]
        ends = [end for one in self.series for pair in one.ends for end in pair]
        bottom = TOP + TALL
        across = linear_axis(x, LEFT, LEFT + WIDE)
        if self.log[0]:
            across = _padded(x, LEFT, LEFT + WIDE)
        if self.names:
            span = (across.low, across.high, across.start, across.end)
            across = Named(*span, log=self.log[0], names=self.names)
        if not self.log[1]:
            return across, linear_axis([*y, *ends], bottom, TOP)
        if self.whole:
            return across, _padded([*y, *ends], bottom, TOP)
        level = [self.level[1]] if self.level else []
        always = [*(end for end in ends if end > 0), *level]
        return across, log_axis(y, bottom, TOP, always)

    def groups(self) -> list[Group]:
        """Return the marks, the panel's upper left corner at (0, 0)."""
        across, up = self.axes()
        right, bottom = LEFT + WIDE, TOP + TALL
        frames = [
            Text(LEFT, 20, self.title, bold=True),
            *frame.upright_axis(up, LEFT, right, self.labels[1]),
            *frame.level_axis(across, TOP, bottom, self.labels[0], grid=False),
        ]
        if self.level and not up.misses(self.level[1]):
            frames.append(Line([(LEFT, up(self.level[1])), (right, up(self.level[1]))], 1, "5 4"))
        drawn = [Group(list(_marks(one, across, up)), one.look.slot) for one in self.series]
        return [Group(frames), *drawn, *self._labels(across, up)]

    def _labels(self, across: Axis, up: Axis) -> Iterable[Group]:
        """Yield the names beside the panel, in the order of their points and without overlap."""
        right = LEFT + WIDE
        ends = [
            (one.name, one.look if one.marked else None, one.look.slot, across(x) + 5, up(y))
            for one in self.series
            for x, y in [one.points[one.labelled]]
            if one.name
        ]
        if self.level and not up.misses(self.level[1]):
            ends.append((self.level[0], None, None, right, up(self.level[1])))
        texts = frame.spread([y for *_, y in ends], up.end, max(up.start, up.aside or 0.0))
        for (name, look, slot, x, y), at in zip(ends, texts, strict=True):
            lead = Line([(x, y), (right + 6, at)], 0.7, opacity=0.5)
            marker = [Dot(right + 12, at, look.shape, 3.2)] if look else []
            yield Group([lead, *marker, Text(right + (20 if look else 9), at + 4, name)], slot)

    @property
    def width(self) -> float:
        """Pixels with the names beside it."""
        return LEFT + WIDE + 32 + LETTER * max((len(one.name) for one in self.series), default=0)


def _padded(values: Sequence[float], start: float, end: float) -> Axis:
    far = (max(values) / min(values)) ** _ROOM
    return Axis(min(values) / far, max(values) * far, start, end)


def spread_of(name: str, values: Sequence[tuple[float, Sequence[float]]], look: Style) -> Series:
    """Return a line of medians, with bars from the least to the greatest value at each x."""
    points = [(x, median(some)) for x, some in values]
    return Series(name, points, look, [(min(some), max(some)) for _, some in values])


def chart(title: str, panels: Sequence[Panel], words: str = "", note: str = "") -> Chart:
    """Return the panels from left to right below the title of the figure.

    Args:
        title: what the figure says.
        panels: from left to right.
        words: the description in words after the title, with the values.
        note: a line below the title.
    """
    groups = [Group([*frame.title(title, 14), *([Text(14, 38, note)] if note else [])])]
    top, x = HEAD + 14 * bool(note), 0.0
    for panel in panels:
        groups += [moved(group, x, top) for group in panel.groups()]
        x += panel.width
    wide = max(x, _width(title), 28 + LETTER * len(note))
    described = f"{title}: {words}" if words else title
    return Chart(described, math.ceil(wide), top + TOP + TALL + BELOW, groups)


def below(message: str, drawn: Chart) -> Chart:
    """Return the chart below a message; its own title becomes the second line."""
    first, *others = drawn.groups
    heading, *rest = first.marks
    if isinstance(heading, Text):
        heading = replace(heading, bold=False, size=11)
    groups = [replace(first, marks=[heading, *rest]), *others]
    words = Group([*frame.title(message, 14)])
    return Chart(
        f"{message}: {drawn.title}", max(drawn.width, _width(message)), drawn.height + LINE,
        [words, *(moved(group, 0, LINE) for group in groups)],
    )  # fmt: skip


def moved(group: Group, x: float, y: float) -> Group:
    """Return the group, shifted by (x, y) pixels."""
    return replace(group, marks=[_moved(mark, x, y) for mark in group.marks])


def _width(title: str) -> float:
    return 28 + 7.2 * len(title)


def _moved(mark: Mark, x: float, y: float) -> Mark:
    if isinstance(mark, Line | Area):
        return replace(mark, points=[(a + x, b + y) for a, b in mark.points])
    return replace(mark, x=mark.x + x, y=mark.y + y)


def _marks(one: Series, across: Axis, up: Axis) -> Iterable[Mark]:
    places = [(across(x), up(y)) for x, y in one.points]
    if one.joined:
        yield Line(places, one.look.width, one.look.dash)
    for (x, _), (low, high) in zip(places, one.ends, strict=False):
        yield Line([(x, up(low)), (x, up(high))], 1, opacity=0.6)
    if one.marked:
        for (x, y), (_, value) in zip(places, one.points, strict=True):
            yield Dot(x, y, one.look.shape, 3.2, hollow=up.misses(value))

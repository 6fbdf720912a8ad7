"""Learning curves of one task; a row of dots for each model where the task has one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symbench.plot import frame
from symbench.plot.axes import Axis, linear_axis, log_axis
from symbench.plot.chart import Area, Chart, Dot, Group, Line, Mark, Text
from symbench.plot.rows import Entry, rows
from symbench.plot.style import Style, is_guess, style
from symbench.results.report import numbers

_WIDTH, _LEFT, _RIGHT, _TOP, _BELOW = 720.0, 64.0, 480.0, 52.0, 48.0
_TALL = 360.0
_WIDE_RANGE = 20.0  # of positive scores, from which on an axis is logarithmic


@dataclass(frozen=True)
class Point:
    """The median of a score over seeds at one n_train, with its 95 % interval where known."""

    n_train: int
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval; the value itself where they are unknown."""
        low = self.value if self.low is None else self.low
        return low, self.value if self.high is None else self.high


@dataclass(frozen=True)
class Curve:
    """A model's score at each n_train, in the order of n_train."""

    model: str
    prior: str | None
    points: Sequence[Point]


@dataclass(frozen=True)
class Score:
    """The score of a chart: its name, and levels to compare with."""

    name: str = "error"
    threshold: float | None = None
    baseline: str | None = None


def learning_curves(curves: Sequence[Curve], title: str, score: Score) -> Chart | None:
    """Return the chart of one task; None without a point.

    Args:
        curves: of the models, in the order of a legend.
        title: of the chart.
        score: what the points are, the error that counts as solved, and the baseline's name.
    """
    drawn = [curve for curve in curves if curve.points]
    sizes = sorted({point.n_train for curve in drawn for point in curve.points})
    if not sizes:
        return None
    if len(sizes) == 1:
        return _dots(drawn, f"{title}, {sizes[0]:,} training examples", score)
    top, bottom = _TOP, _TOP + max(_TALL - _TOP - _BELOW, frame.LINE * len(drawn) + 6)
    across = Axis(max(sizes[0], 1), sizes[-1], _LEFT + 14, _RIGHT - 14)
    up = score_axis(drawn, score, bottom, top)
    marks = [
        *frame.title(title, _LEFT),
        *frame.key((curve.prior for curve in drawn), _LEFT, 38),
        *frame.upright_axis(up, _LEFT, _RIGHT, f"{score.name} (median over seeds, 95 % interval)"),
        *_sizes(across, sizes, bottom),
        *_threshold(score, up),
    ]
    groups = [Group(marks)]
    for curve in drawn:
        groups.append(_curve(curve, across, up))
    groups += _labels(drawn, score, across, up)
    return Chart(_described(title, drawn, score), _WIDTH, bottom + _BELOW, groups)


def score_axis(curves: Sequence[Curve], score: Score, start: float, end: float) -> Axis:
    """Return the axis of a score: logarithmic for errors and scores of a wide range."""
    values = [point.value for curve in curves for point in curve.points]
    ends = [end for curve in curves for point in curve.points for end in point.ends]
    least = min((value for value in values if value > 0), default=0.0)
    wide = min(ends) >= 0 and least > 0 and max(values) / least > _WIDE_RANGE
    if score.name == "error" or wide:
        also = [*(value for value in ends if value > 0), *filter(None, [score.threshold])]
        return log_axis(values, start, end, also)
    return linear_axis(ends, start, end)


def _dots(curves: Sequence[Curve], title: str, score: Score) -> Chart:
    """Return one row per model, the smallest error (or the largest other score) first."""
    first = 1 if score.name == "error" else -1
    ordered = sorted(curves, key=lambda curve: (first * curve.points[0].value, curve.model))
    entries = [
        Entry(
            _name(curve.model, score),
            curve.points[0].value,
            curve.points[0].ends,
            style(curve.model, curve.prior),
            curve.model,
        )
        for curve in ordered
    ]
    base = next((c.points[0].value for c in curves if c.model == score.baseline), None)
    levels = {"baseline": base, "solved": score.threshold}
    return rows(
        entries,
        title,
        f"{score.name} (median over seeds, 95 % interval)",
        lambda start, end: score_axis(curves, score, start, end),
        {name: value for name, value in levels.items() if value is not None},
        {curve.prior for curve in curves},
    )


def _sizes(across: Axis, sizes: Sequence[int], bottom: float) -> list[Mark]:
    """Return the axis of n_train, with a tick at each size that has room for its text."""
    marks: list[Mark] = [
        Line([(_LEFT, bottom), (_RIGHT, bottom)]),
        Text((_LEFT + _RIGHT) / 2, bottom + 36, "training examples", "middle"),
    ]
    last = -100.0
    for size in sizes:
        x = across(max(size, 1))
        marks.append(Line([(x, bottom), (x, bottom + 5)]))
        if x - last > 8.0 * len(f"{size:,}"):
            marks.append(Text(x, bottom + 18, f"{size:,}", "middle"))
            last = x
    return marks


def _threshold(score: Score, up: Axis) -> list[Mark]:
    if score.threshold is None or up.misses(score.threshold):
        return []
    y = up(score.threshold)
    return [Line([(_LEFT, y), (_RIGHT, y)], 1, "5 4"), Text(_LEFT + 5, y - 4, "solved", size=10)]


def _curve(curve: Curve, across: Axis, up: Axis) -> Group:
    look = style(curve.model, curve.prior)
    places = [(across(max(p.n_train, 1)), up(p.value)) for p in curve.points]
    band = [(across(max(p.n_train, 1)), [up(end) for end in p.ends]) for p in curve.points]
    marks: list[Mark] = []
    if not is_guess(curve.model):
        ahead, back = [(x, e[1]) for x, e in band], [(x, e[0]) for x, e in reversed(band)]
        marks.append(Area([*ahead, *back], 0.12))
    marks.append(Line(places, look.width, look.dash))
    for (x, y), (_, ends), point in zip(places, band, curve.points, strict=True):
        marks.append(Line([(x, ends[0]), (x, ends[1])], 1, opacity=0.6))
        marks.append(_marker(curve.model, look, (x, y), point, up.misses(point.value)))
    return Group(marks, look.slot, curve.model)


def _marker(model: str, look: Style, place: tuple[float, float], point: Point, aside: bool) -> Dot:
    spread = "" if point.low is None or point.high is None else (
        f" [{numbers.number(point.low)}, {numbers.number(point.high)}]"
    )  # fmt: skip
    tip = f"{model}, {point.n_train:,} examples: {numbers.number(point.value)}{spread}"
    return Dot(*place, look.shape, 2.2 if is_guess(model) else 3.6, tip, hollow=aside)


def _labels(curves: Sequence[Curve], score: Score, across: Axis, up: Axis) -> list[Group]:
    """Return the names at the ends of the lines, in their order and without overlap."""
    ends = [up(curve.points[-1].value) for curve in curves]
    places = frame.spread(ends, up.end, max(up.start, up.aside or 0.0))
    groups = []
    for curve, end, y in zip(curves, ends, places, strict=True):
        look, last = style(curve.model, curve.prior), curve.points[-1]
        x = across(max(last.n_train, 1))
        stated = f" = {numbers.number(last.value)}" if up.misses(last.value) else ""
        lead: list[Mark] = [
            Line([(x + 5, end), (_RIGHT + 14, y)], 0.7, opacity=0.5),
            Line([(_RIGHT + 16, y), (_RIGHT + 38, y)], look.width, look.dash),
            Dot(_RIGHT + 27, y, look.shape, 2.2 if is_guess(curve.model) else 3.6),
        ]
        name = frame.short(_name(curve.model, score), 27 - len(stated)) + stated
        groups.append(Group(lead, look.slot, curve.model))
        groups.append(Group([Text(_RIGHT + 44, y + 4, name)], None, curve.model))
    return groups


def _name(model: str, score: Score) -> str:
    """Return the name of a model and its part in the chart, if it has one."""
    if model == score.baseline:
        return f"{model} (baseline)"
    return f"{model} (guess)" if is_guess(model) else model


def _described(title: str, curves: Sequence[Curve], score: Score) -> str:
    ends = ", ".join(f"{c.model} {numbers.number(c.points[-1].value)}" for c in curves)
    return f"{title}: {score.name} by number of training examples; at the largest: {ends}"

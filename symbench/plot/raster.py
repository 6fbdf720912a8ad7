"""A chart as PNG: the same marks at the same positions, drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon

from symbench.plot.chart import Area, Chart, Dot, Line, Text, outline
from symbench.plot.style import GROUND, colour
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DPI = 100
_POINTS = 72 / _DPI  # of one pixel


def png(chart: Chart, scale: float) -> bytes:
    """Return the picture; ``scale`` is the number of its pixels for one of the chart."""
    figure = Figure(figsize=(chart.width / _DPI, chart.height / _DPI), facecolor=GROUND)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, chart.width)
    axes.set_ylim(chart.height, 0)
    axes.set_axis_off()
    for order, group in enumerate(chart.groups):
        for mark in group.marks:
            _ARTISTS[type(mark)](axes, mark, colour(group.slot), order)
    out = io.BytesIO()
    figure.savefig(out, dpi=_DPI * scale, format="png", metadata={"Software": None})
    return out.getvalue()


def _line(axes: Axes, mark: Line, ink: str, order: int) -> None:
    xs, ys = zip(*mark.points, strict=True)
    line = Line2D(xs, ys, color=ink, lw=mark.width * _POINTS, alpha=mark.opacity, zorder=order)
    if mark.dash:
        line.set_linestyle((0, tuple(float(part) / mark.width for part in mark.dash.split())))
    axes.add_line(line)


def _area(axes: Axes, mark: Area, ink: str, order: int) -> None:
    axes.add_patch(Polygon(mark.points, fc=ink, ec="none", alpha=mark.opacity, zorder=order))


def _dot(axes: Axes, mark: Dot, ink: str, order: int) -> None:
    face = "none" if mark.hollow else ink
    if mark.shape == "circle":
        axes.add_patch(Circle((mark.x, mark.y), mark.size, fc=face, ec=ink, zorder=order))
    else:
        axes.add_patch(Polygon(outline(mark), fc=face, ec=ink, lw=_POINTS, zorder=order))


def _text(axes: Axes, mark: Text, ink: str, order: int) -> None:
    axes.text(
        mark.x, mark.y, plain(mark.text), ha={"start": "left", "end": "right"}.get(
            mark.anchor, "center"
        ), va="baseline", fontsize=mark.size * _POINTS * 0.93, color=ink,
        fontweight="bold" if mark.bold else "normal", rotation=90 if mark.upwards else 0,
        rotation_mode="anchor", parse_math=False, zorder=order,
    )  # fmt: skip


_ARTISTS: dict[type, Callable[..., None]] = {Line: _line, Area: _area, Dot: _dot, Text: _text}

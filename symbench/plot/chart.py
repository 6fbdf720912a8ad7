"""A chart: lines, areas, markers and texts at positions on a page, written as SVG or PNG.

Texts are of unknown origin: they are escaped, and never markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Literal

from markupsafe import Markup

from symbench.errors import InputError
from symbench.plot.style import GROUND, INK, Shape, colour
from symbench.results.report.escape import plain

FORMATS = ("svg", "png")
_FONT = "Helvetica, Arial, sans-serif"
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A line through points (x, y) in pixels."""

    points: Points
    width: float = 1.0
    dash: str = ""
    opacity: float = 1.0


@dataclass(frozen=True)
class Area:
    """The interior of a closed line."""

    points: Points
    opacity: float = 0.14


@dataclass(frozen=True)
class Dot:
    """A marker; ``tip`` says what it stands for where the reader points at it."""

    x: float
    y: float
    shape: Shape = "circle"
    size: float = 3.6  # half of the width in pixels
    tip: str = ""
    hollow: bool = False


@dataclass(frozen=True)
class Text:
    """A text on one line, its base line at y."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    size: float = 11
    bold: bool = False
    upwards: bool = False


Mark = Line | Area | Dot | Text


@dataclass(frozen=True)
class Group:
    """Marks of one colour; ``name`` is the model that they show, if they show one."""

    marks: Sequence[Mark]
    slot: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Chart:
    """A finished chart of ``width`` by ``height`` pixels; ``title`` describes it in words."""

    title: str
    width: float
    height: float
    groups: Sequence[Group] = field(repr=False)

    @property
    def heading(self) -> str:
        """What the chart shows: the description without its values."""
        return self.title.partition(":")[0]

    def svg(self) -> str:
        """Return an SVG document that also fits into a page: it has no style, script or link."""
        size = Markup('viewBox="0 0 {0:g} {1:g}" width="{0:g}" height="{1:g}"').format(
            self.width, self.height
        )
        head = Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" {} class="figure" font-family="{}" color="{}" '
            'fill="currentColor" role="img">\n<title>{}</title>\n'
            '<rect class="ground" width="100%" height="100%" fill="{}"/>\n'
        ).format(size, _FONT, INK, plain(self.title), GROUND)
        return str(head + Markup("").join(map(_group, self.groups)) + Markup("</svg>\n"))

    def png(self, scale: float = 2.0) -> bytes:
        """Return a PNG picture with ``scale`` times the chart's size in pixels."""
        from symbench.plot.raster import png

        return png(self, scale)

    def save(self, path: str | Path) -> Path:
        """Write the chart as the file's ending says, .svg or .png, and return the path.

        Raises:
            InputError: another ending, or the file cannot be written.
        """
        target = Path(path)
        ending = target.suffix.removeprefix(".").lower()
        if ending not in FORMATS:
            raise InputError(f"cannot draw {target.name!r}: end the name with .svg or .png")
        content = self.svg().encode() if ending == "svg" else self.png()
        try:
            target.write_bytes(content)
        except OSError as error:
            raise InputError(f"cannot write {str(target)!r}: {error.strerror}") from error
        return target

    def _repr_svg_(self) -> str:
        return self.svg()


def _group(group: Group) -> Markup:
    head = Markup("<g")
    if group.slot is not None:
        head += Markup(' class="slot-{}" color="{}"').format(
            ascii_lowercase[group.slot], colour(group.slot)
        )
    if group.name:
        head += Markup(' data-model="{}"').format(plain(group.name))
    body = Markup("").join(_WRITERS[type(mark)](mark) for mark in group.marks)
    return head + Markup(">\n") + body + Markup("</g>\n")


def _line(mark: Line) -> Markup:
    rest = Markup(' stroke-dasharray="{}"').format(mark.dash) if mark.dash else Markup("")
    if mark.opacity != 1:
        rest += Markup(' stroke-opacity="{:g}"').format(mark.opacity)
    return Markup(
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="{:g}"{}/>\n'
    ).format(_joined(mark.points), mark.width, rest)


def _area(mark: Area) -> Markup:
    return Markup('<polygon points="{}" fill-opacity="{:g}"/>\n').format(
        _joined(mark.points), mark.opacity
    )


def _dot(mark: Dot) -> Markup:
    fill = Markup('fill="none" ') if mark.hollow else Markup("")
    tip = Markup("<title>{}</title>").format(plain(mark.tip, None)) if mark.tip else Markup("")
    if mark.shape == "circle":
        shape = Markup('<circle cx="{:g}" cy="{:g}" r="{:g}" {}stroke="currentColor">{}</circle>\n')
        return shape.format(mark.x, mark.y, mark.size, fill, tip)
    points = _joined(outline(mark))
    shape = Markup('<polygon points="{}" {}stroke="currentColor">{}</polygon>\n')
    return shape.format(points, fill, tip)


def _text(mark: Text) -> Markup:
    rest = Markup(' font-weight="bold"') if mark.bold else Markup("")
    if mark.anchor != "start":
        rest += Markup(' text-anchor="{}"').format(mark.anchor)
    if mark.upwards:
        rest += Markup(' transform="rotate(-90 {:g} {:g})"').format(mark.x, mark.y)
    return Markup('<text x="{:g}" y="{:g}" font-size="{:g}"{}>{}</text>\n').format(
        mark.x, mark.y, mark.size, rest, plain(mark.text)
    )


def outline(mark: Dot) -> Points:
    """Return the corners of a marker that is no circle, with about the area of one."""
    x, y, r = mark.x, mark.y, mark.size
    if mark.shape == "triangle":
        return [(x, y - 1.2 * r), (x + 1.15 * r, y + 0.9 * r), (x - 1.15 * r, y + 0.9 * r)]
    if mark.shape == "square":
        s = 0.9 * r
        return [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)]
    d = 1.3 * r
    return [(x, y - d), (x + d, y), (x, y + d), (x - d, y)]


def _joined(points: Points) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in ((round(x, 2), round(y, 2)) for x, y in points))


_WRITERS: dict[type, Callable[..., Markup]] = {Line: _line, Area: _area, Dot: _dot, Text: _text}

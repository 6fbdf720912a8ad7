"""Logarithmic and linear axes, and which values a logarithmic axis can show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_GAP = 1e4  # between the values of the axis and those that are stated beside it
_FEW = 0.25  # of the values: no more are left off the axis because of a gap
_MOST_TICKS = 8
_ROOM = 24.0  # pixels before an axis for the values that it leaves out
_FAR = 1.15  # from the extreme values to the ends of the axis


@dataclass(frozen=True)
class Axis:
    """An axis from values to positions on the page.

    ``aside`` is the position of values that a logarithmic axis does not reach: zero, and values
    many decades below all others.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = True
    aside: float | None = None

    def __call__(self, value: float) -> float:
        """Return the position of the value, rounded to a hundredth of a pixel."""
        if self.misses(value):
            return round(self.start if self.aside is None else self.aside, 2)
        low, high, at = (self._bend(one) for one in (self.low, self.high, min(value, self.high)))
        part = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + part * (self.end - self.start), 2)

    def misses(self, value: float) -> bool:
        """Whether the value is below the axis."""
        return value < self.low * (1 - 1e-9) if self.log else value < self.low

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions and texts: powers of ten, with multiples if there are few."""
        values = self._round_values() if self.log else _even(self.low, self.high)
        every = -(-len(values) // _MOST_TICKS)
        return [(self(value), _text(value)) for value in values[::every]]

    def _round_values(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        inside: list[float] = []
        for steps in ((1,), (1, 2, 5), range(1, 10)):
            values = [step * 10.0**power for power in decades for step in steps]
            inside = [v for v in values if self.low * 0.999 <= v <= self.high * 1.001]
            if len(inside) > 2:
                break
        return inside

    def _bend(self, value: float) -> float:
        return math.log10(value) if self.log else value


def log_axis(
    values: Sequence[float], start: float, end: float, always: Iterable[float] = ()
) -> Axis:
    """Return a logarithmic axis that shows the values, or all but a few far below the others.

    Zero has no place on it. Nor have the lowest values, at most a quarter of all, if a gap of more
    than four decades is between them and the others: one exact solution would otherwise squeeze
    all other results into a corner. They get a place of their own before the axis.

    Args:
        values: what is drawn as points, none negative.
        start: the position of the low end of the axis.
        end: that of the high end.
        always: further positive values to show, such as a threshold or the end of an interval.
    """
    positive = sorted(value for value in values if value > 0)
    room = math.copysign(_ROOM, end - start)
    if not positive:
        return Axis(0.1, 1.0, start + room, end, aside=start + room / 3)
    kept = positive
    for place, (below, above) in enumerate(pairwise(positive), start=1):
        if above / below > _GAP and place <= _FEW * len(positive):
            kept = positive[place:]
    further = [value for value in always if value >= kept[0] / _GAP]
    low, high = min(kept + further), max(kept + further)
    if len(kept) == len(values):
        return Axis(low / _FAR, high * _FAR, start, end)
    return Axis(low / _FAR, high * _FAR, start + room, end, aside=start + room / 3)


def linear_axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Return a linear axis that shows all values, with some room at both ends."""
    low, high = min(values), max(values)
    room = max(0.06 * ((high - low) or abs(high) or 1.0), 1e-300)
    return Axis(low - room, high + room, start, end, log=False)


def _even(low: float, high: float) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten between the ends."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [step * i for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _text(value: float) -> str:
    return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e")

"""Numbers as a table shows them: two or three significant digits, intervals, bounds."""

from __future__ import annotations

import math

from symbench.results.leaderboard import Figure

_SMALLEST, _LARGEST = 1e-3, 1e5  # outside: scientific notation
_THOUSAND, _MILLION = 1e3, 1e6


def number(value: float, digits: int = 2) -> str:
    """Return the value with that many significant digits (three from 1 on)."""
    if value == 0:
        return "0"
    if not _SMALLEST <= abs(value) < _LARGEST:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    if abs(value) >= 1:
        digits = max(digits, 3)
    rounded = float(f"{value:.{digits}g}")
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:.{max(0, decimals)}f}"


def count(value: int) -> str:
    """Return a count with a suffix: 523, 52.1k, 1.23M."""
    for unit, suffix in ((_MILLION, "M"), (_THOUSAND, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{suffix}"
    return str(value)


def interval(figure: Figure) -> str:
    """Return ``0.0038 [0.0031, 0.0047]``; without an interval the value alone."""
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def value(figure: Figure) -> str:
    """Return the value alone, with two digits."""
    return number(figure.value)


def anchored(figure: Figure) -> str:
    """Return ``0.97 (0.32, 1.00)``: the score beside its chance level and its ceiling."""
    anchors = [_anchor(figure.chance), _anchor(figure.ceiling)]
    beside = "" if anchors == ["–", "–"] else f" ({', '.join(anchors)})"
    return f"{figure.value:.2f}{beside}"


def samples(figure: Figure) -> str:
    """Return a number of training examples: ``> 3000`` beyond the ladder, ``≤ 100`` below it."""
    sign = {"above": "> ", "below": "≤ "}.get(figure.censored or "", "")
    return f"{sign}{figure.value:.0f}" if sign else number(figure.value)


def ratio(figure: Figure) -> str:
    """Return a factor: ``3.2×``, ``≥ 12×`` for a lower bound, ``≤ 0.5×`` for an upper one."""
    sign = {"above": "≥ ", "below": "≤ "}.get(figure.censored or "", "")
    return f"{sign}{number(figure.value)}×"


def found(figure: Figure) -> str:
    """Return how many (generators, pairs) were found, of how many there are where known."""
    of = "" if figure.truth is None else f"/{figure.truth:.0f}"
    return f"{figure.value:.0f}{of}"


def decades(figure: Figure) -> str:
    """Return a base-10 logarithm with two decimals."""
    return f"{figure.value:.2f}"


def _anchor(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"

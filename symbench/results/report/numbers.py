"""Numbers as a table shows them: two or three significant digits, intervals, bounds."""

from __future__ import annotations

import math

from symbench.results.leaderboard import Estimate
from symbench.results.statistics import Interval

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


def interval(estimate: Estimate | Interval) -> str:
    """Return ``0.0038 [0.0031, 0.0047]``; without an interval only the value."""
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def value(estimate: Estimate) -> str:
    """Return only the value, with two digits."""
    return number(estimate.value)


def anchored(estimate: Estimate) -> str:
    """Return ``0.97 (0.32, 1.00)``: the score beside its chance level and its ceiling."""
    anchors = [_anchor(estimate.chance), _anchor(estimate.ceiling)]
    anchors_text = "" if anchors == ["–", "–"] else f" ({', '.join(anchors)})"
    return f"{estimate.value:.2f}{anchors_text}"


def samples(estimate: Estimate) -> str:
    """Return a number of training examples: ``> 3000`` beyond the ladder, ``≤ 100`` below it."""
    sign = {"above": "> ", "below": "≤ "}.get(estimate.censored or "", "")
    return f"{sign}{estimate.value:.0f}" if sign else number(estimate.value)


def ratio(estimate: Estimate) -> str:
    """Return a factor: ``3.2×``, ``≥ 12×`` for a lower bound, ``≤ 0.5×`` for an upper one."""
    sign = {"above": "≥ ", "below": "≤ "}.get(estimate.censored or "", "")
    return f"{sign}{number(estimate.value)}×"


def found(estimate: Estimate) -> str:
    """Return how many (generators, pairs) were found, and of how many if that is known."""
    of = "" if estimate.truth is None else f"/{estimate.truth:.0f}"
    return f"{estimate.value:.0f}{of}"


def decades(estimate: Estimate) -> str:
    """Return a base-10 logarithm with two decimals."""
    return f"{estimate.value:.2f}"


def _anchor(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"

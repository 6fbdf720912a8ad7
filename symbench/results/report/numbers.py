"""Numbers as a table shows them: two or three significant digits, intervals, bounds."""

from __future__ import annotations

import math

from symbench.results.leaderboard import Estimate
from symbench.results.statistics import Interval

_SMALLEST, _LARGEST = 1e-3, 1e5  # outside: scientific notation
_THOUSAND, _MILLION = 1e3, 1e6
_MINUTES = 90  # seconds, or minutes, from which on the next unit is taken
_SEVERAL = 2  # seeds; a single one has no interval
_NO_ANCHOR = "–"
DISAGREE = "‡"  # marks a score whose seeds fall into two groups


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


def duration(seconds: float) -> str:
    """Return ``40 s``, ``12 min`` or ``3.5 h``."""
    if seconds < _MINUTES:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < _MINUTES else f"{minutes / 60:.1f} h"


def interval(estimate: Estimate | Interval) -> str:
    """Return ``0.0038 [0.0031, 0.0047]``; without an interval only the value.

    If the seeds disagree: ``0.42 {0.021, 0.48}‡``, the least and the largest value.
    """
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    ends = f"{number(estimate.low)}, {number(estimate.high)}"
    shown = f"{{{ends}}}{DISAGREE}" if estimate.spread else f"[{ends}]"
    return f"{number(estimate.value)} {shown}"


def value(estimate: Estimate) -> str:
    """Return only the value, with two digits, and the mark of seeds that disagree."""
    return f"{number(estimate.value)}{DISAGREE if estimate.spread else ''}"


def anchored(estimate: Estimate) -> str:
    """Return ``0.97 (0.32, 1.00)``: the score beside its chance level and its reference fit.

    A guess that looks at no label stands between the two.
    """
    reference = estimate.ceiling if estimate.reference is None else estimate.reference
    anchors = [_anchor(estimate.chance), _anchor(reference)]
    if estimate.guess is not None:
        anchors.insert(1, _anchor(estimate.guess))
    anchors_text = f" ({', '.join(anchors)})" if set(anchors) != {_NO_ANCHOR} else ""
    return f"{estimate.value:.2f}{DISAGREE if estimate.spread else ''}{anchors_text}"


def samples(estimate: Estimate) -> str:
    """Return a number of training examples: ``> 3000`` beyond the ladder, ``≤ 100`` below it.

    An interval with an open end follows: ``90 [41, open]``.
    """
    sign = {"above": "> ", "below": "≤ "}.get(estimate.censored or "", "")
    if sign:
        return f"{sign}{estimate.value:.0f}"
    shown = _open(estimate)
    return number(estimate.value) + (shown if "open" in shown else "")


def ratio(estimate: Estimate) -> str:
    """Return a factor: ``3.2×``, ``≥ 12×`` for a lower bound, ``≤ 0.5×`` for an upper one."""
    sign = {"above": "≥ ", "below": "≤ "}.get(estimate.censored or "", "")
    return f"{sign}{number(estimate.value)}×"


def ratio_at(estimate: Estimate) -> str:
    """Return a factor with its interval and its size: ``3.2× [2.1, open] at 300``."""
    ends = "" if estimate.censored else _open(estimate)
    return f"{ratio(estimate)}{ends}" + ("" if estimate.at is None else f" at {estimate.at}")


def found(estimate: Estimate) -> str:
    """Return how many (generators, pairs) were found, and of how many if that is known."""
    of = "" if estimate.truth is None else f"/{estimate.truth:.0f}"
    return f"{estimate.value:.0f}{of}"


def decades(estimate: Estimate) -> str:
    """Return a base-10 logarithm with two decimals."""
    return f"{estimate.value:.2f}"


def _open(estimate: Estimate) -> str:
    """Return the interval of a score of several seeds, an end that is not known as open."""
    if estimate.n < _SEVERAL:
        return ""
    ends = ["open" if end is None else number(end) for end in (estimate.low, estimate.high)]
    return " [open]" if ends == ["open", "open"] else f" [{', '.join(ends)}]"


def _anchor(value: float | None) -> str:
    return _NO_ANCHOR if value is None else f"{value:.2f}"

"""One score over several seeds: the median with the interval that suits its kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median  # numpy's takes fifty times as long for a few numbers
from typing import Literal

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array, modes

FLOOR = 1e-12
LEVEL = 0.05


@dataclass(frozen=True)
class Interval:
    """A median over ``n`` seeds with its 95 % interval; without ends where n = 1.

    ``spread`` is "bimodal" if the seeds disagree; the ends are then the least and largest value.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    spread: Literal["bimodal"] | None = None


def interval(values: Sequence[float], log: bool = True, floor: float | None = None) -> Interval:
    """Return the median of one value per seed, with an interval over the seeds.

    Whole numbers (without a floor) are counts: the interval is that of order statistics. If the
    seeds fall into two groups (see ``modes``), its ends are the least and the largest value.
    Otherwise it is Student's 95 % interval mean ± t₀.₉₇₅(n - 1) s / √n, of log10(value) if ``log``
    and every value is positive, and is widened to include the median. A ``floor`` (for errors)
    replaces smaller values, 0 included, before the logarithm. Without a floor, a value of 0 makes
    the scale linear.

    Raises:
        InputError: there is no value.
    """
    if not len(values):
        raise InputError("there is no interval of no values: omit the score")
    x = np.asarray(values, dtype=np.float64)
    value = float(median(values))
    if len(x) == 1:
        return Interval(value, None, None, 1)
    if floor is None and _are_counts(x):
        return Interval(value, *order_statistics(x), len(x))
    logarithmic = log and x.min() >= 0 and (x.min() > 0 or floor is not None)
    clipped = x if floor is None else np.clip(x, floor, None)
    scaled = np.log10(clipped) if logarithmic else x
    if modes(clipped if logarithmic else x, scaled) is not None:
        return Interval(value, float(x.min()), float(x.max()), len(x), "bimodal")
    low, high = student(scaled)
    if logarithmic:
        low, high = 10**low, 10**high
    return Interval(value, min(low, value), max(high, value), len(x))


def order_statistics(x: Array) -> tuple[float, float]:
    """Return the ends of the distribution-free 95 % interval of the median.

    They are the k-th smallest and k-th largest value, k as large as P(B(n, 1/2) < k) ≤ 2.5 %
    allows. Five values or fewer have no such k: theirs are the least and the largest, which
    enclose the median with probability 1 - 2^(1 - n), 94 % for five. Ties only raise it.
    """
    n, tail, k = len(x), 0.0, 0
    while (tail := tail + math.comb(n, k) / 2**n) <= LEVEL / 2:
        k += 1
    ordered = np.sort(x)
    return float(ordered[max(k, 1) - 1]), float(ordered[-max(k, 1)])


def _are_counts(x: Array) -> bool:
    """Whether every value is a whole number, not negative, so that only counts are defined."""
    return bool(x.min() >= 0 and (x == np.rint(x)).all())


def log_errors(values: Sequence[float] | Array, floor: float) -> Array:
    """Return log10 of the errors, clipped at the floor."""
    return np.log10(np.clip(np.asarray(values, dtype=np.float64), floor, None))


def student(x: Array) -> tuple[float, float]:
    """Return the ends of Student's 95 % interval of the mean of x."""
    n = len(x)
    mean = np.add.reduce(x) / n  # x.mean() and x.std() take ten times as long for a few numbers
    apart = x - mean
    deviation = np.sqrt(np.add.reduce(apart * apart) / (n - 1))
    half = float(_quantile(n - 1) * deviation / math.sqrt(n))
    return float(mean) - half, float(mean) + half


@lru_cache
def _quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - LEVEL / 2))

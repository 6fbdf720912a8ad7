"""One score over several seeds: the median, and Student's interval on the log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median  # numpy's takes fifty times as long for a few numbers

import numpy as np
from numpy.typing import NDArray

from symbench.errors import InputError

FLOOR = 1e-12
LEVEL = 0.05

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A median over ``n`` seeds with its 95 % interval; without ends where n = 1."""

    value: float
    low: float | None
    high: float | None
    n: int


def interval(values: Sequence[float], log: bool = True, floor: float | None = None) -> Interval:
    """Return the median of one value per seed, and Student's 95 % interval over the seeds.

    The interval is mean ± t₀.₉₇₅(n - 1) s / √n, of log10(value) if ``log`` and every value is
    positive, and is widened to include the median. A ``floor`` (for errors) replaces smaller
    values, 0 included, before the logarithm. Without a floor, a value of 0 makes the scale linear.

    Raises:
        InputError: there is no value.
    """
    if not len(values):
        raise InputError("there is no interval of no values: omit the score")
    x = np.asarray(values, dtype=np.float64)
    value = float(median(values))
    if len(x) == 1:
        return Interval(value, None, None, 1)
    if not log or x.min() < 0 or (x.min() == 0 and floor is None):
        low, high = student(x)
    else:
        low, high = (10**end for end in student(log_errors(x, floor or FLOOR)))
    return Interval(value, min(low, value), max(high, value), len(x))


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

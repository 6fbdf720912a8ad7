"""Learning curves: the data that a threshold needs, gains over a baseline, the whole curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.seeds import FLOOR, Array, log_errors, student

Censoring = Literal["above", "below"]


@dataclass(frozen=True)
class Crossing:
    """The n_train at which a learning curve reaches a threshold.

    ``censored`` is "above" if it is not reached at ``value``, the largest size, and "below" if it
    is reached already at ``value``, the smallest. ``low`` and ``high`` are the 95 % interval over
    ``n`` seeds; an end is None (open) if seeds are censored on that side.
    """

    value: float
    censored: Censoring | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Gain:
    """By which factor a model needs fewer data than the baseline; ``bound`` if that is a bound."""

    value: float
    bound: Literal["≥", "≤"] | None


def n_to_threshold(
    sizes: Sequence[int],
    errors_by_size: Sequence[Sequence[float]],
    threshold: float,
    floor: float = FLOOR,
) -> Crossing:
    """Return the smallest n_train at which the median error is at or below the threshold.

    The medians of log10(error) are fitted by a never-increasing curve (isotonic least squares), and
    log n is interpolated linearly between the two sizes that enclose the threshold. Nothing is
    extrapolated. The interval is Student's, on log n, over the crossings of the seeds' own curves,
    where every size has the same seeds. A censored seed counts with the end of the ladder: this
    opens the interval on its side and makes the other end conservative.

    Args:
        sizes: n_train, increasing.
        errors_by_size: the errors at each size, one per seed.
        threshold: the error that counts as solved.
        floor: where log10 clips.

    Raises:
        InputError: the sizes do not increase, or a size has no errors.
    """
    logs = [log_errors(errors, floor) for errors in errors_by_size]
    if not logs or len(logs) != len(sizes) or not all(len(errors) for errors in logs):
        raise InputError(f"each of the sizes {list(sizes)} needs errors; got {len(logs)} lists")
    if any(a >= b for a, b in pairwise(sizes)):
        raise InputError(f"the sizes {list(sizes)} do not increase")
    target = math.log10(max(threshold, floor))
    whole = _cross(sizes, np.array([median(errors.tolist()) for errors in logs]), target)
    counts = {len(errors) for errors in logs}
    if len(counts) > 1:  # some seeds have no error at some size, so no curve
        return Crossing(*whole, n=min(counts))
    curves = np.stack(logs, axis=1)
    return _with_interval(whole, [_cross(sizes, curve, target) for curve in curves])


def data_gain(baseline: Crossing, model: Crossing) -> Gain | None:
    """Return n_to_threshold of the baseline over that of the model.

    A censored baseline makes it a lower bound (an upper one if the first size solves the task), a
    censored model an upper (lower) one. None if both bounds apply, for example because neither
    reaches the threshold.
    """
    at_least = baseline.censored == "above" or model.censored == "below"
    at_most = baseline.censored == "below" or model.censored == "above"
    if at_least and at_most:
        return None
    return Gain(baseline.value / model.value, "≥" if at_least else "≤" if at_most else None)


def curve_area(
    sizes: Sequence[int], errors_by_size: Sequence[Sequence[float]], floor: float = FLOOR
) -> float:
    """Return the mean over the ladder of the log10 of the median error, in decades.

    ∫ log10(error) d(log n) / (log n_max - log n_min), by the trapezoid rule; for one size, its
    log10(error).
    """
    medians = np.array([median(log_errors(errors, floor).tolist()) for errors in errors_by_size])
    if len(medians) == 1:
        return float(medians[0])
    n = np.log(np.asarray(sizes, dtype=np.float64))
    return float(np.sum(np.diff(n) * (medians[1:] + medians[:-1]) / 2) / (n[-1] - n[0]))


def _cross(sizes: Sequence[int], logs: Array, target: float) -> tuple[float, Censoring | None]:
    """Return where the isotonic fit of log10 errors [sizes] reaches the target."""
    from scipy.optimize import isotonic_regression

    fit = isotonic_regression(logs, increasing=False).x
    # A pooled median may differ from the threshold in its last digit only.
    reached = np.flatnonzero(fit <= target + 1e-12)
    if not len(reached):
        return float(sizes[-1]), "above"
    if (i := int(reached[0])) == 0:
        return float(sizes[0]), "below"
    part = min(1.0, (fit[i - 1] - target) / (fit[i - 1] - fit[i]))
    return float(sizes[i - 1] * (sizes[i] / sizes[i - 1]) ** part), None


def _with_interval(
    whole: tuple[float, Censoring | None], seeds: list[tuple[float, Censoring | None]]
) -> Crossing:
    value, censored = whole
    if len(seeds) == 1:
        return Crossing(value, censored, n=1)
    low, high = (math.exp(end) for end in student(np.log([n for n, _ in seeds])))
    beyond = {side for _, side in seeds} | {censored}
    return Crossing(
        value,
        censored,
        None if "below" in beyond else min(low, value),
        None if "above" in beyond else max(high, value),
        len(seeds),
    )

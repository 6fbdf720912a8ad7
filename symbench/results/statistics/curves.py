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
from symbench.results.statistics.modes import Array
from symbench.results.statistics.seeds import FLOOR, log_errors, order_statistics, student

Censoring = Literal["above", "below"]


@dataclass(frozen=True)
class Crossing:
    """The n_train at which a learning curve reaches a threshold.

    ``censored`` is "above" if it is not reached at ``value``, the largest size, and "below" if it
    is reached already at ``value``, the smallest. ``low`` and ``high`` are the 95 % interval over
    ``n`` seeds; an end is None (open) if seeds are censored on that side, or if the curve is a
    plateau that the noise of the seeds moves across the threshold.
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
    opens the interval on its side and makes the other end conservative. An end is open, too, if the
    fit no longer crosses the threshold on the ladder when every level is moved by the half-width of
    Student's interval of its seeds: upwards for the upper end, downwards for the lower one.

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
    medians = np.array([median(errors.tolist()) for errors in logs])
    counts = {len(errors) for errors in logs}
    if len(counts) > 1 or counts == {1}:  # some seeds have no curve, or there is only one
        (whole,) = _cross(sizes, medians[None], target)
        return Crossing(*whole, n=min(counts))
    noise = np.array([np.subtract(*student(errors)[::-1]) / 2 for errors in logs])
    curves = np.stack([medians, medians - noise, medians + noise, *np.stack(logs, axis=1)])
    whole, lower, upper, *seeds = _cross(sizes, curves, target)
    return _with_interval(whole, seeds, {whole[1], lower[1], upper[1]})


def n_to_hold(sizes: Sequence[int], held_by_size: Sequence[Sequence[bool]]) -> Crossing:
    """Return the smallest n_train from which on at least half of the seeds have a property.

    A property that is lost again at a larger size is not held before that. The value and the ends
    are sizes of the ladder. The interval is that of order statistics over the seeds' own sizes; a
    seed that is censored opens its side.

    Args:
        sizes: n_train, increasing.
        held_by_size: whether each seed has the property, in the same order at each size.

    Raises:
        InputError: the sizes do not increase, or the seeds differ between sizes.
    """
    held = [list(seeds) for seeds in held_by_size]
    if (
        not held
        or len(held) != len(sizes)
        or len({len(seeds) for seeds in held}) > 1
        or not held[0]
    ):
        raise InputError(f"each of the sizes {list(sizes)} needs the same seeds")
    if any(a >= b for a, b in pairwise(sizes)):
        raise InputError(f"the sizes {list(sizes)} do not increase")
    lacking = 1.0 - np.array(held, dtype=np.float64)
    value, censored = _rung(sizes, lacking.mean(axis=1))
    seeds = [_rung(sizes, own) for own in lacking.T]
    if len(seeds) == 1:
        return Crossing(value, censored, n=1)
    low, high = order_statistics(np.array([size for size, _ in seeds]))
    beyond = {side for _, side in seeds} | {censored}
    return Crossing(
        value,
        censored,
        None if "below" in beyond else min(low, value),
        None if "above" in beyond else max(high, value),
        len(seeds),
    )


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


def isotonic(curves: Array) -> Array:
    """Return the never-increasing curves [..., sizes] nearest to the values, by least squares.

    The value at i is the least over a ≤ i of the greatest over b ≥ i of the mean of the values from
    a to b: the min-max formula (Barlow et al. 1972). It fits all curves at once, without scipy's
    import.
    """
    places = np.arange(curves.shape[-1])
    sums = np.cumsum(np.concatenate([np.zeros_like(curves[..., :1]), curves], axis=-1), axis=-1)
    length = places[None, :] + 1 - places[:, None]  # of the stretch from a to b
    means = (sums[..., None, 1:] - sums[..., :-1, None]) / np.maximum(length, 1)
    means = np.where(length > 0, means, -np.inf)
    greatest = np.maximum.accumulate(means[..., ::-1], axis=-1)[..., ::-1]
    fit: Array = np.where(length > 0, greatest, np.inf).min(axis=-2)
    return fit


def reach(sizes: Sequence[int], fits: Array, targets: Array) -> tuple[Array, Array]:
    """Return where never-increasing curves [curves, sizes] reach their targets [curves].

    The first array holds n_train, interpolated linearly in log n; the second is 1 where the target
    is not reached at the largest size (which is the value), -1 where it is reached at the smallest,
    else 0.
    """
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    # A pooled median may differ from the threshold in its last digit only.
    reached = fits <= targets[:, None] + 1e-12
    ever = reached.any(axis=1)
    at = np.where(ever, reached.argmax(axis=1), len(sizes) - 1)
    rows, before = np.arange(len(fits)), np.maximum(at - 1, 0)
    drop = fits[rows, before] - fits[rows, at]
    inside = ever & (at > 0)
    part = np.where(inside, (fits[rows, before] - targets) / np.where(drop > 0, drop, 1.0), 1.0)
    n = np.exp(logs[before] + np.clip(part, 0.0, 1.0) * (logs[at] - logs[before]))
    return np.where(inside, n, np.asarray(sizes, dtype=np.float64)[at]), np.where(
        ever, -1 * (at == 0), 1
    )


_SIDES: dict[int, Censoring | None] = {-1: "below", 0: None, 1: "above"}


def _cross(
    sizes: Sequence[int], curves: Array, target: float
) -> list[tuple[float, Censoring | None]]:
    """Return where the isotonic fits of log10 errors [curves, sizes] reach the target."""
    n, side = reach(sizes, isotonic(curves), np.full(len(curves), target))
    return [(float(value), _SIDES[int(at)]) for value, at in zip(n, side, strict=True)]


def _rung(sizes: Sequence[int], lacking: Array) -> tuple[float, Censoring | None]:
    """Return the first size from which on the share that lacks something is at most a half."""
    missed = np.flatnonzero(lacking > 0.5)
    first = int(missed[-1]) + 1 if len(missed) else 0
    if first == len(sizes):
        return float(sizes[-1]), "above"
    return float(sizes[first]), None if first else "below"


def _with_interval(
    whole: tuple[float, Censoring | None],
    seeds: list[tuple[float, Censoring | None]],
    beyond: set[Censoring | None],
) -> Crossing:
    value, censored = whole
    low, high = (math.exp(end) for end in student(np.log([n for n, _ in seeds])))
    beyond = beyond | {side for _, side in seeds}
    return Crossing(
        value,
        censored,
        None if "below" in beyond else min(low, value),
        None if "above" in beyond else max(high, value),
        len(seeds),
    )

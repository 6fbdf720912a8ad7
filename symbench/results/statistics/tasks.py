"""Statistics over tasks: interquartile mean, profile, mean rank.

Every task has the same weight, independent of its number of seeds. The tasks are fixed: intervals
show what other seeds would have changed, not other tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from statistics import fmean

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array
from symbench.results.statistics.panel import (
    Errors,
    Panel,
    averages,
    ends,
    estimate,
    estimates,
    resamples,
    shares,
    uniform,
)
from symbench.results.statistics.seeds import Interval

_QUARTER = 0.25


@dataclass(frozen=True)
class Place:
    """The mean over tasks of a model's rank, and the range of ranks consistent with the seeds."""

    mean: Interval
    low: int
    high: int


def interquartile_mean(errors: Errors) -> Interval:
    """Return the mean of the middle half of the normalised errors of all tasks and seeds.

    A quarter of the weight is cut at either end; an error at the edge counts in part. If 4 divides
    the number of errors this is the 25 % trimmed mean of Agarwal et al. (2021). The interval is a
    stratified bootstrap.

    Raises:
        InputError: there is no error on some task.
    """
    tasks = _checked(errors)
    values = np.concatenate(tasks)
    order = np.argsort(values, kind="stable")

    def trimmed(weights: Array) -> Array:
        parts = weights[:, order] / len(tasks)
        above = np.cumsum(parts, axis=1)
        below = above - parts
        np.minimum(above, 1 - _QUARTER, out=above)
        np.maximum(below, _QUARTER, out=below)
        inner = np.clip(np.subtract(above, below, out=above), 0, None, out=above)
        return np.asarray((inner @ values[order]) / inner.sum(axis=1))

    sizes = [len(task) for task in tasks]
    equal = np.concatenate(uniform(sizes), axis=1)
    return estimate(float(trimmed(equal)[0]), trimmed(shares(tuple(sizes))), sizes)


def mean_error(errors: Errors) -> Interval:
    """Return the mean normalised error (the optimality gap), with a stratified bootstrap interval.

    Raises:
        InputError: there is no error on some task.
    """
    tasks = _checked(errors)
    sizes = [len(task) for task in tasks]
    value = float(np.mean([task.mean() for task in tasks]))
    return estimate(value, averages(sizes, tasks), sizes)


def mean_of(parts: Sequence[Interval]) -> Interval:
    """Return the mean of independent estimates with a 95 % interval.

    Its ends are mean - √Σ(xᵢ - lᵢ)² / k and mean + √Σ(uᵢ - xᵢ)² / k for k estimates xᵢ with the
    intervals [lᵢ, uᵢ], which need not be symmetric (Zou and Donner 2008). It has no ends if one of
    the estimates has none.

    Raises:
        InputError: there is no estimate.
    """
    if not parts:
        raise InputError("no estimate to average")
    value, n = fmean(one.value for one in parts), min(one.n for one in parts)
    ends = [(one.low, one.high) for one in parts]
    lows = [one.value - low for one, (low, _) in zip(parts, ends, strict=True) if low is not None]
    highs = [high - one.value for one, (_, high) in zip(parts, ends, strict=True)
             if high is not None]  # fmt: skip
    if len(lows) < len(parts) or len(highs) < len(parts):
        return Interval(value, None, None, n)
    return Interval(value, value - hypot(*lows) / len(parts), value + hypot(*highs) / len(parts), n)


def profile(errors: Errors, thresholds: Sequence[float]) -> list[Interval]:
    """Return, for each τ, the share of tasks whose normalised error is at most τ.

    It is the share of a task's seeds, averaged over tasks, with pointwise 95 % bootstrap bands
    (Dolan and Moré 2002; Agarwal et al. 2021).

    Raises:
        InputError: there is no error on some task.
    """
    tasks = _checked(errors)
    sizes = [len(task) for task in tasks]
    reached = [(task[:, None] <= np.asarray(thresholds)).astype(np.float64) for task in tasks]
    values = np.mean([share.mean(axis=0) for share in reached], axis=0)
    drawn = np.round(averages(sizes, reached), 12)  # the weights of a task may add up to 1 - 1e-16
    return estimates([float(value) for value in values], drawn.T, sizes)


def places(panel: Panel) -> dict[str, Place]:
    """Return each model's mean rank and the ranks consistent with the seeds; 1 is best.

    On every task models are ranked by their mean log10 error over seeds; ties share the mean of
    their ranks. A place is the rank of a mean rank. Intervals are bootstrapped with the same seeds
    for all models, because these share their data.
    """
    sizes = [task.shape[1] for task in panel.errors]
    value = _mean_ranks(panel, uniform(sizes))
    drawn = _mean_ranks(panel, resamples(sizes))
    means = estimates([float(one) for one in value[0]], np.ascontiguousarray(drawn.T), sizes)
    observed = row_places(value)
    if min(sizes) < 2:
        lows, highs = np.ones(len(panel.models)), np.full(len(panel.models), len(panel.models))
    else:
        first, last = (np.ascontiguousarray(one.T) for one in row_places(drawn))
        lows, highs = ends(first, sizes)[0], ends(last, sizes)[1]
    return {
        name: Place(
            means[i],
            min(int(np.floor(lows[i])), int(observed[0][0, i])),
            max(int(np.ceil(highs[i])), int(observed[1][0, i])),
        )
        for i, name in enumerate(panel.models)
    }


def task_ranks(panel: Panel) -> Array:
    """Return the ranks [tasks, models] by mean log10 error over seeds."""
    return np.concatenate([_ranks(logs, np.full((1, logs.shape[1]), 1 / logs.shape[1]))
                           for logs in panel.logs])  # fmt: skip


def _mean_ranks(panel: Panel, weights: list[Array]) -> Array:
    """Return mean ranks [replicates, models]."""
    total = sum(_ranks(logs, w) for logs, w in zip(panel.logs, weights, strict=True))
    return np.asarray(total / len(weights))


def _ranks(logs: Array, weights: Array) -> Array:
    # Equal errors summed in another order differ only in the last digit.
    first, last = row_places(np.round(weights @ logs.T, 10))
    return (first + last) / 2


def row_places(values: Array) -> tuple[Array, Array]:
    """Return the first and the last place of each value in its row, 1 for the smallest.

    Equal values share their places. scipy's ``rankdata`` gives the same, in ten times the time.
    """
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    place = np.arange(1.0, values.shape[1] + 1)
    new = np.ones(values.shape, dtype=bool)  # whether a value differs from the one before
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=new[:, 1:])
    first = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    ends_here = np.concatenate([new[:, 1:], np.ones((len(new), 1), dtype=bool)], axis=1)
    last = np.where(ends_here, place, np.inf)
    last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    found = np.empty_like(first), np.empty_like(first)
    for ranked, sorted_ in zip(found, (first, last), strict=True):
        np.put_along_axis(ranked, order, sorted_, axis=1)
    return found


def _checked(errors: Errors) -> list[Array]:
    if not len(errors) or not all(len(task) for task in errors):
        raise InputError("nothing to average: give an error on every task")
    return [np.asarray(task, dtype=np.float64) for task in errors]

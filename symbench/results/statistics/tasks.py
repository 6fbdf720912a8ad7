"""Statistics over tasks: interquartile mean, profile, probability of improvement, mean rank.

Every task has the same weight, independent of its number of seeds. The tasks are fixed: intervals
show what other seeds would have changed, not other tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array
from symbench.results.statistics.panel import Errors, Panel, ends, estimate, resamples, uniform
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

    def trimmed(weights: list[Array]) -> Array:
        shares = np.concatenate(weights, axis=1)[:, order] / len(tasks)
        above = np.cumsum(shares, axis=1)
        inner = np.minimum(above, 1 - _QUARTER) - np.maximum(above - shares, _QUARTER)
        inner = np.clip(inner, 0, None)
        return np.asarray((inner @ values[order]) / inner.sum(axis=1))

    sizes = [len(task) for task in tasks]
    return estimate(float(trimmed(uniform(sizes))[0]), trimmed(resamples(sizes)), sizes)


def mean_error(errors: Errors) -> Interval:
    """Return the mean normalised error (the optimality gap), with a stratified bootstrap interval.

    Raises:
        InputError: there is no error on some task.
    """
    tasks = _checked(errors)
    sizes = [len(task) for task in tasks]
    value = float(np.mean([task.mean() for task in tasks]))
    return estimate(value, _averages(resamples(sizes), tasks), sizes)


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
    drawn = _averages(resamples(sizes), reached)
    return [estimate(float(v), drawn[:, i], sizes) for i, v in enumerate(values)]


def improvement(model: Errors, other: Errors) -> Interval:
    """Return P(error of ``model`` < that of ``other``) + P(=) / 2 over seeds, averaged over tasks.

    Mann and Whitney's U ÷ (n m), as in Agarwal et al. (2021), with a stratified bootstrap
    interval. Seeds are not paired: a single run of one is compared with a single run of the other.

    Raises:
        InputError: there is no error on some task, or the two have other tasks or seeds.
    """
    panel = Panel.of({"model": model, "other": other})
    wins = [(a[:, None] < b[None, :]) + (a[:, None] == b[None, :]) / 2 for a, b in panel.errors]
    sizes = [task.shape[1] for task in panel.errors]

    def chance(weights: list[Array]) -> Array:
        each = [((w @ win) * w).sum(axis=1) for w, win in zip(weights, wins, strict=True)]
        return np.asarray(np.mean(each, axis=0))

    return estimate(float(chance(uniform(sizes))[0]), chance(resamples(sizes)), sizes)


def places(panel: Panel) -> dict[str, Place]:
    """Return each model's mean rank and the ranks consistent with the seeds; 1 is best.

    On every task models are ranked by their mean log10 error over seeds; ties share the mean of
    their ranks. A place is the rank of a mean rank. Intervals are bootstrapped with the same seeds
    for all models, because these share their data.
    """
    from scipy.stats import rankdata

    sizes = [task.shape[1] for task in panel.errors]
    value = _mean_ranks(panel, uniform(sizes))
    drawn = _mean_ranks(panel, resamples(sizes))
    if min(sizes) < 2:
        lows, highs = np.ones(len(panel.models)), np.full(len(panel.models), len(panel.models))
    else:
        lows = ends(rankdata(drawn, method="min", axis=1), sizes)[0]
        highs = ends(rankdata(drawn, method="max", axis=1), sizes)[1]
    observed = (rankdata(value[0], method="min"), rankdata(value[0], method="max"))
    return {
        name: Place(
            estimate(float(value[0, i]), drawn[:, i], sizes),
            min(int(np.floor(lows[i])), int(observed[0][i])),
            max(int(np.ceil(highs[i])), int(observed[1][i])),
        )
        for i, name in enumerate(panel.models)
    }


def task_ranks(panel: Panel) -> Array:
    """Return the ranks [tasks, models] by mean log10 error over seeds."""
    return np.concatenate([_ranks(logs, np.full((1, logs.shape[1]), 1 / logs.shape[1]))
                           for logs in panel.logs])  # fmt: skip


def _mean_ranks(panel: Panel, weights: list[Array]) -> Array:
    """Return mean ranks [replicates, models]."""
    each = [_ranks(logs, w) for logs, w in zip(panel.logs, weights, strict=True)]
    return np.asarray(np.mean(each, axis=0))


def _ranks(logs: Array, weights: Array) -> Array:
    from scipy.stats import rankdata

    # Equal errors summed in another order differ only in the last digit.
    return np.asarray(rankdata(np.round(weights @ logs.T, 10), axis=1))


def _averages(weights: list[Array], values: list[Array]) -> Array:
    """Return the mean over tasks of weighted means over seeds, [replicates, ...]."""
    each = [w @ value for w, value in zip(weights, values, strict=True)]
    return np.asarray(np.mean(each, axis=0))


def _checked(errors: Errors) -> list[Array]:
    if not len(errors) or not all(len(task) for task in errors):
        raise InputError("nothing to average: give an error on every task")
    return [np.asarray(task, dtype=np.float64) for task in errors]

"""Pairs of models over tasks and seeds: a stratified signed-rank test, and its power.

The scale of the differences of log10 errors depends on the task, so the task with the largest
scale would dominate a test of their mean. Signed ranks within each task give all tasks with equally
many seeds the same weight, and bound the effect of outliers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array
from symbench.results.statistics.multiple import compact_letters, holm
from symbench.results.statistics.panel import Panel, averages, estimate
from symbench.results.statistics.seeds import LEVEL, Interval
from symbench.results.statistics.signs import SignSums, critical_sum
from symbench.results.statistics.tasks import row_places, task_ranks

_POWER = 0.8
_SIMULATIONS = 1000
_LARGEST = 6.0  # decades: larger ratios than a million are not considered
_SEED = 21
_ROUNDING = 1e-20  # of variances of log10 errors


@dataclass(frozen=True)
class Comparison:
    """The p value of every pair, adjusted for all of them (Holm), and each model's letters."""

    p_values: dict[tuple[str, str], float]
    groups: dict[str, str]


def compare(panel: Panel) -> Comparison:
    """Return which models the tasks and seeds distinguish, at 5 % over all pairs together.

    Models that share a letter are not distinguished; "a" includes the smallest mean rank.
    """
    mean_ranks = dict(zip(panel.models, task_ranks(panel).mean(axis=0), strict=True))
    order = sorted(panel.models, key=lambda name: (mean_ranks[name], name))
    place = {name: i for i, name in enumerate(panel.models)}
    ordered = [task[[place[name] for name in order]] for task in panel.logs]
    first, second = np.triu_indices(len(order), 1)
    found = signed_ranks(task[first] - task[second] for task in ordered)
    p_values = holm(dict(zip(combinations(order, 2), found, strict=True)))
    apart = {pair for pair, p in p_values.items() if p <= LEVEL}
    return Comparison(p_values, compact_letters(order, apart))


def signed_rank(differences: Sequence[Array]) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test, stratified by task.

    The sum over tasks of Σ sign(d) rank(|d|), ranks within the task, zeros ranked and left out
    (Pratt 1959). The null distribution turns every sign with probability 1/2, ties included. It is
    exact; where the ranks add up to more than 1000, it is the normal one of the same variance,
    with a correction for continuity. On one task without ties it is Wilcoxon's own test.

    Args:
        differences: of paired log errors: one array [seeds] a task.
    """
    return signed_ranks(np.asarray(task)[None] for task in differences)[0]


def signed_ranks(differences: Iterable[Array]) -> list[float]:
    """Return the p value of ``signed_rank`` for each of many pairs.

    Args:
        differences: one array [pairs, seeds] a task.
    """
    sums = SignSums()
    for task in differences:
        rounded = np.round(task, 10)  # differences that only rounding distinguishes are ties
        first, last = row_places(np.abs(rounded))
        sums.add(np.sign(rounded), first + last)
    return sums.p_values()


def mean_ratio(panel: Panel) -> Interval:
    """Return the geometric mean of the errors of the second model ÷ those of the first.

    It is the mean of the paired log10 errors over seeds and then over tasks, with a stratified
    bootstrap interval.

    Raises:
        InputError: the panel does not have two models.
    """
    if len(panel.models) != 2:
        raise InputError(f"a ratio is of two models, not of {len(panel.models)}")
    differences = [task[1] - task[0] for task in panel.logs]
    sizes = [len(task) for task in differences]
    value = float(np.mean([task.mean() for task in differences]))
    found = estimate(value, averages(sizes, differences), sizes)
    low, high = (None if end is None else float(10**end) for end in (found.low, found.high))
    return Interval(float(10**found.value), low, high, found.n)


def smallest_p(sizes: Sequence[int]) -> float:
    """Return the smallest p value that ``signed_rank`` has with that many seeds on each task."""
    return float(min(1.0, 2.0 ** (1 - sum(sizes))))


def detectable_ratio(panel: Panel) -> float | None:
    """Return the smallest ratio of errors that the comparison would have shown with power 80 %.

    The power is simulated for the same ratio on every task, with normal noise that has the spread
    of the paired log10 errors of all pairs on the task. The level is 5 % ÷ the number of pairs,
    that of Holm's first step. None: there are fewer than two models, or no ratio up to 10⁶ would
    have shown, for example because the smallest possible p value exceeds the level.
    """
    if len(panel.models) < 2:
        return None
    sizes = [task.shape[1] for task in panel.errors]
    count = len(panel.models)
    critical = critical_sum(sizes, LEVEL / (count * (count - 1) / 2))
    generator = np.random.default_rng(_SEED)
    noise = [
        spread * generator.standard_normal((_SIMULATIONS, n))
        for spread, n in zip(_spreads(panel), sizes, strict=True)
    ]
    if critical is None or _power(noise, _LARGEST, critical) < _POWER:
        return None
    low, high = 0.0, _LARGEST
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(noise, middle, critical) >= _POWER else (middle, high)
    return float(10**high)


def _power(noise: Sequence[Array], shift: float, critical: int) -> float:
    totals = sum(_signed_sums(task + shift) for task in noise)
    return float(np.mean(np.abs(totals) >= critical))


def _signed_sums(differences: Array) -> Array:
    """Return Σ sign(d) · 2 rank(|d|) of each row; without spread all d agree, ranks are 1 … n."""
    ranks = np.argsort(np.argsort(np.abs(differences), axis=1), axis=1) + 1
    return np.asarray((2.0 * ranks * np.sign(differences)).sum(axis=1))


def _spreads(panel: Panel) -> Array:
    """Return the standard deviation of paired log10 errors on each task, over all pairs.

    The mean variance of the pairs is twice the mean square of model × seed, with (models - 1)
    (seeds - 1) degrees of freedom. A task whose variance is small by chance would overstate the
    power. So the bias of the log variances is removed, and they are shrunk towards their mean as
    far as chance explains their differences (James and Stein).
    """
    from scipy.special import digamma, polygamma

    variances = [_variance(task) for task in panel.logs]
    spreads = np.sqrt([variance for variance, _ in variances])
    known = [(math.log(v), freedom / 2) for v, freedom in variances if v > 0]
    if not known:
        return spreads
    logs, halves = np.array(known).T
    logs = logs - digamma(halves) + np.log(halves)
    chance, observed = polygamma(1, halves).mean(), logs.var(ddof=1) if len(logs) > 1 else 0.0
    share = max(0.0, 1 - chance / observed) if observed else 0.0  # not explained by chance
    spreads[spreads > 0] = np.exp((logs.mean() + share * (logs - logs.mean())) / 2)
    return spreads


def _variance(logs: Array) -> tuple[float, int]:
    """Return the mean variance of the paired differences of [models, seeds], and its freedom."""
    rest = logs - logs.mean(axis=0) - logs.mean(axis=1, keepdims=True) + logs.mean()
    freedom = (logs.shape[0] - 1) * (logs.shape[1] - 1)
    variance = 2 * float((rest**2).sum()) / max(freedom, 1)
    return (variance if variance > _ROUNDING else 0.0), freedom

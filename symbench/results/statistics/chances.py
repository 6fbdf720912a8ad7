"""The probability of improvement of one model over another, for many pairs of models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symbench.results.statistics.modes import Array
from symbench.results.statistics.panel import Errors, Panel, estimates, resamples
from symbench.results.statistics.seeds import Interval

_MOST_PRODUCTS, _MOST_WORK = 2**14, 2**25  # of weights; of them times pairs
_AT_ONCE = 2**20  # wins of pairs held at a time


def improvement(model: Errors, other: Errors) -> Interval:
    """Return P(error of ``model`` < that of ``other``) + P(=) / 2 over seeds, averaged over tasks.

    Mann and Whitney's U ÷ (n m), as in Agarwal et al. (2021), with a stratified bootstrap
    interval. Seeds are not paired: a single run of one is compared with a single run of the other.

    Raises:
        InputError: there is no error on some task, or the two have other tasks or seeds.
    """
    return improvements(Panel.of({"model": model, "other": other}), [(0, 1)])[0]


def improvements(panel: Panel, pairs: Sequence[tuple[int, int]]) -> list[Interval]:
    """Return the probability of improvement of the first model of each pair over the second.

    Beyond 2²⁵ products of pairs and seeds (300 models, 20 tasks and 5 seeds have 2²³·⁷) there are
    only the values, without intervals.

    Args:
        panel: errors of the models.
        pairs: places of the models in the panel.
    """
    sizes = [task.shape[1] for task in panel.errors]
    products = sum(n * (n + 1) // 2 for n in sizes)
    bounded = products <= _MOST_PRODUCTS and products * len(pairs) <= _MOST_WORK
    weights = _squares(resamples(sizes)).T if bounded and min(sizes) > 1 else None
    found: list[Interval] = []
    step = max(1, _AT_ONCE // max(1, sum(n * n for n in sizes)))
    for start in range(0, len(pairs), step):
        wins = _wins(panel, pairs[start : start + step])
        values = np.mean([task.mean(axis=(1, 2)) for task in wins], axis=0).tolist()
        if weights is None:
            found += [Interval(value, None, None, min(sizes)) for value in values]
        else:
            drawn = np.concatenate([_folded(task) for task in wins], axis=1) @ weights
            found += estimates(values, drawn / len(sizes), sizes)
    return found


def _wins(panel: Panel, pairs: Sequence[tuple[int, int]]) -> list[Array]:
    """Return, for each task, 1 where a seed of the first wins and 1/2 for ties, [pairs, n, n]."""
    first, second = np.array(pairs).T
    both = [(task[first][:, :, None], task[second][:, None, :]) for task in panel.errors]
    return [np.asarray((a < b) + (a == b) / 2) for a, b in both]


def _folded(wins: Array) -> Array:
    """Return the sums of opposite entries of [pairs, n, n] on and above the diagonal."""
    rows, columns = np.triu_indices(wins.shape[1])
    both = wins[:, rows, columns] + wins[:, columns, rows]
    return np.asarray(np.where(rows == columns, both / 2, both))


def _squares(weights: Sequence[Array]) -> Array:
    """Return the products of two weights of a task on and above the diagonal, side by side."""
    parts = []
    for one in weights:
        rows, columns = np.triu_indices(one.shape[1])
        parts.append(one[:, rows] * one[:, columns])
    return np.concatenate(parts, axis=1)

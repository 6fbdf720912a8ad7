"""Means over tasks of one model each, and the places that their seeds leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array
from symbench.results.statistics.panel import averages, ends, estimate
from symbench.results.statistics.seeds import Interval


@dataclass(frozen=True)
class TaskMean:
    """The mean over tasks of means over seeds, where a task without values counts as 0.

    Attributes:
        value: the mean.
        drawn: its bootstrap [replicates], with seeds resampled within each task.
        sizes: the number of seeds of each task with values.
    """

    value: float
    drawn: Array
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, values: Sequence[Sequence[float]], seeds: Sequence[int]) -> TaskMean:
        """Return the mean of values by task and seed.

        Args:
            values: one sequence per task; an empty one counts as 0.
            seeds: how many seeds each task has, for the tasks without values.

        Raises:
            InputError: no task has a value.
        """
        sizes = tuple(len(task) for task in values if len(task))
        if not sizes:
            raise InputError("nothing to average: give a value on some task")
        whole = [np.asarray(task, dtype=np.float64) if len(task) else np.zeros(n)
                 for task, n in zip(values, seeds, strict=True)]  # fmt: skip
        value = float(np.mean([task.mean() for task in whole]))
        return cls(value, averages([len(task) for task in whole], whole), sizes)

    def interval(self, factor: float = 1.0) -> Interval:
        """Return the mean, times a factor, with its 95 % interval."""
        return estimate(self.value * factor, self.drawn * factor, self.sizes)


def mean_places(means: Mapping[str, TaskMean], *, least_first: bool) -> dict[str, tuple[int, int]]:
    """Return the first and last place of each model that is consistent with the seeds.

    A model is better than another if the 95 % interval of the difference of their means excludes
    0. Its first place is one more than the number of better models. Whether a pair differs depends
    on these two alone.

    Args:
        means: of the same tasks, by model.
        least_first: whether a smaller mean is better.
    """
    order = sorted(means, key=lambda name: (sum(means[name].sizes), name))
    better, worse = dict.fromkeys(means, 0), dict.fromkeys(means, 0)
    for place, name in enumerate(order[:-1]):
        others = order[place + 1 :]
        drawn = np.stack([means[other].drawn for other in others]) - means[name].drawn
        lows, highs = ends(np.round(drawn, 10), means[name].sizes)
        for other, low, high in zip(others, lows, highs, strict=True):
            if low > 0 or high < 0:
                first, last = (name, other) if (low > 0) == least_first else (other, name)
                worse[first] += 1
                better[last] += 1
    return {name: (1 + better[name], len(means) - worse[name]) for name in means}

"""Ranks over tasks: Friedman's test, and Nemenyi's critical difference for a diagram."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from symbench.results.statistics.panel import Panel
from symbench.results.statistics.seeds import LEVEL
from symbench.results.statistics.tasks import task_ranks


@dataclass(frozen=True)
class Nemenyi:
    """The numbers of a critical-difference diagram.

    ``bars`` are the widest runs of models whose mean ranks, over ``tasks``, differ by less than
    ``difference``; ``friedman`` is the p value of all models together.
    """

    mean_ranks: dict[str, float]
    tasks: int
    difference: float
    friedman: float
    bars: list[list[str]]

    @cached_property  # takes milliseconds per pair, and no diagram shows it
    def p_values(self) -> dict[tuple[str, str], float]:
        """The p value of every pair, the better model first."""
        from scipy.stats import studentized_range

        means, k = self.mean_ranks, len(self.mean_ranks)
        scale = _standard_error(k, self.tasks)
        order = sorted(means, key=lambda name: (means[name], name))
        return {
            (a, b): float(
                studentized_range.sf((means[b] - means[a]) / scale * math.sqrt(2), k, np.inf)
            )
            for i, a in enumerate(order)
            for b in order[i + 1 :]
        }


def nemenyi(panel: Panel) -> Nemenyi | None:
    """Return the critical difference of mean ranks over tasks; None for one model or one task.

    q₀.₀₅(k) √(k (k + 1) / 6N) for k models on N tasks, q the studentised range ÷ √2 (Nemenyi 1963;
    Demšar 2006, section 3.2.2). The unit is a task; more seeds only make its ranks less noisy. The
    test asks whether ranks would differ on other, similar tasks, which only many tasks can show.
    """
    from scipy.stats import studentized_range

    k, n = len(panel.models), len(panel.errors)
    if k < 2 or n < 2:
        return None
    ranks = task_ranks(panel)
    means = dict(zip(panel.models, map(float, ranks.mean(axis=0)), strict=True))
    scale = _standard_error(k, n)
    difference = float(studentized_range.ppf(1 - LEVEL, k, np.inf)) / math.sqrt(2) * scale
    order = sorted(means, key=lambda name: (means[name], name))
    return Nemenyi(means, n, difference, _friedman(ranks), _bars(order, means, difference))


def _standard_error(k: int, n: int) -> float:
    return math.sqrt(k * (k + 1) / (6 * n))


def _friedman(ranks: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """Return the p value of Friedman's test, corrected for ties; 1 where all models tie."""
    from scipy.special import chdtrc

    n, k = ranks.shape
    spread = float(((ranks - (k + 1) / 2) ** 2).sum()) / (n * (k - 1))
    if spread == 0:
        return 1.0
    statistic = n * float(((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum()) / spread
    return float(chdtrc(k - 1, statistic))


def _bars(order: list[str], means: dict[str, float], difference: float) -> list[list[str]]:
    bars: list[list[str]] = []
    for i, first in enumerate(order):
        run = [name for name in order[i:] if means[name] - means[first] < difference]
        if len(run) > 1 and (not bars or run[-1] not in bars[-1]):
            bars.append(run)
    return bars

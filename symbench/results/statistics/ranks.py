"""Places and tie groups on one task: Welch's tests, Holm's correction, compact letters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.multiple import compact_letters, holm
from symbench.results.statistics.seeds import FLOOR, LEVEL, Array, log_errors


@dataclass(frozen=True)
class Rank:
    """The range of ranks consistent with the seeds (1 is best), and the letters of the tie groups.

    Two models whose difference is not significant share a letter.
    """

    low: int
    high: int
    group: str


def rank(errors: Mapping[str, Sequence[float]], floor: float = FLOOR) -> dict[str, Rank]:
    """Return each model's places and tie groups on one task; smaller errors are better.

    Every pair is compared by Welch's t-test on log10(error) over seeds, at 5 % over all pairs
    together (Holm 1979). It is conservative where seeds share their data. A model's best place is
    one more than the number of models significantly better. Groups are Piepho's (2004) compact
    letter display, "a" including the smallest error.

    Args:
        errors: at least two errors of each model, one per seed.
        floor: where log10 clips.

    Raises:
        InputError: a model has fewer than two errors.
    """
    if short := [name for name, values in errors.items() if len(values) < 2]:
        raise InputError(f"{short[0]!r} has fewer than two seeds: leave it out of the ranks")
    logs = {name: log_errors(values, floor) for name, values in errors.items()}
    order = sorted(logs, key=lambda name: (float(logs[name].mean()), name))
    p_values = {(a, b): _welch(logs[a], logs[b]) for a, b in combinations(order, 2)}
    apart = {pair for pair, p in holm(p_values).items() if p <= LEVEL}
    letters = compact_letters(order, apart)
    return {
        name: Rank(
            low=1 + sum(b == name for _, b in apart),
            high=len(order) - sum(a == name for a, _ in apart),
            group=letters[name],
        )
        for name in order
    }


def _welch(a: Array, b: Array) -> float:
    """Return the two-sided p value of Welch's t-test for equal means."""
    from scipy.special import stdtr

    parts = np.array([x.var(ddof=1) / len(x) for x in (a, b)])
    difference = abs(float(a.mean() - b.mean()))
    if parts.sum() == 0:  # models without randomness: any difference is significant
        return 1.0 if difference == 0 else 0.0
    freedom = parts.sum() ** 2 / (parts**2 / np.array([len(a) - 1, len(b) - 1])).sum()
    return float(2 * stdtr(freedom, -difference / math.sqrt(parts.sum())))

"""Places and tie groups on one task: Welch's tests, Holm's correction, compact letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array, modes
from symbench.results.statistics.multiple import adjusted, compact_letters
from symbench.results.statistics.seeds import FLOOR, LEVEL, log_errors


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
    ordered = [logs[name] for name in order]
    apart = adjusted(np.maximum(_welch(ordered), _bridged(ordered))) <= LEVEL
    first, second = (places[apart] for places in np.triu_indices(len(order), 1))
    pairs = {(order[a], order[b]) for a, b in zip(first, second, strict=True)}
    letters = compact_letters(order, pairs)
    better, worse = (np.bincount(one, minlength=len(order)) for one in (second, first))
    return {
        name: Rank(1 + int(better[i]), len(order) - int(worse[i]), letters[name])
        for i, name in enumerate(order)
    }


def _bridged(groups: Sequence[Array]) -> Array:
    """Return the smallest p value that shared modes allow of every pair, the better first; else 0.

    If the seeds of a third model fall into two groups, one among the errors of A and one among
    those of B, then trainings on this task can end in two ways. Perhaps those of A and B do, too,
    and the seeds of each agree by chance. For two laws with the same modes, all n_A seeds fall into
    one and all n_B into the other with a probability of at most 2 wⁿᴬ (1 - w)ⁿᴮ, w = n_A / (n_A +
    n_B): 0.002 with five seeds each. Welch's test sees only that the seeds of A agree, and those of
    B.
    """
    first, second = np.triu_indices(len(groups), 1)
    least = np.zeros(len(first))
    splits = [split for x in groups if (split := _split(x)) is not None]
    if not splits:
        return least
    low, high = np.array([[x.min(), x.max()] for x in groups]).T
    sizes = np.array([len(x) for x in groups])
    a, b = sizes[first], sizes[second]
    bound = 2 * (a / (a + b)) ** a * (b / (a + b)) ** b
    for below, above in splits:
        among_lower = (low[first] <= below[-1]) & (high[first] >= below[0])
        among_upper = (low[second] <= above[-1]) & (high[second] >= above[0])
        least = np.where(among_lower & among_upper, bound, least)
    return least


def _split(x: Array) -> tuple[Array, Array] | None:
    """Return the two groups, in order, of seeds that disagree; None if one is a lone outlier."""
    found = modes(10**x, x)
    if found is None or not found.are_shared:
        return None
    ordered = np.sort(x)
    return ordered[: found.below], ordered[found.below :]


def _welch(groups: Sequence[Array]) -> Array:
    """Return the two-sided p value of Welch's t-test for equal means, of every pair in order."""
    from scipy.special import stdtr

    first, second = np.triu_indices(len(groups), 1)
    means = np.array([x.mean() for x in groups])
    parts = np.array([x.var(ddof=1) / len(x) for x in groups])
    squares = parts**2 / np.array([len(x) - 1 for x in groups])
    difference = np.abs(means[first] - means[second])
    spread = parts[first] + parts[second]
    constant = spread == 0  # models without randomness: any difference is significant
    divisor = np.where(constant, 1.0, spread)
    weights = np.where(constant, 1.0, squares[first] + squares[second])
    p_values = 2 * stdtr(divisor**2 / weights, -difference / np.sqrt(divisor))
    return np.asarray(np.where(constant, difference == 0, p_values), dtype=np.float64)

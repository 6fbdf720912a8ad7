"""What several seeds say together: intervals, sample sizes, gains, ranks and tie groups.

Errors are compared on the log scale, clipped at a floor (1e-12; half a test sample for a
classification). scipy is imported where it is used, so that loading this module stays fast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from string import ascii_letters
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from symbench.errors import InputError

FLOOR = 1e-12
_LEVEL = 0.05

Censoring = Literal["above", "below"]
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A median over ``n`` seeds with its 95 % interval; without ends where n = 1."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Crossing:
    """The n_train at which a learning curve reaches a threshold.

    ``censored`` "above": not reached by ``value``, the largest size; "below": reached already at
    ``value``, the smallest. ``low`` and ``high`` are the 95 % interval over ``n`` seeds; an end
    beyond which seeds are censored is open (None).
    """

    value: float
    censored: Censoring | None
    low: float | None = None
    high: float | None = None
    n: int = 0


@dataclass(frozen=True)
class Gain:
    """How many times fewer data a model needs than the baseline; ``bound`` if that is a bound."""

    value: float
    bound: Literal["≥", "≤"] | None


@dataclass(frozen=True)
class Rank:
    """The places that the seeds leave open (1 is best), and the letters of the tie groups.

    Two models whose difference is not significant share a letter.
    """

    low: int
    high: int
    group: str


def interval(values: Sequence[float], log: bool = True, floor: float | None = None) -> Interval:
    """Return the median of one value a seed, and Student's 95 % interval over the seeds.

    mean ± t₀.₉₇₅(n - 1) s / √n, of log10(value) where ``log`` and every value is positive, and
    widened to hold the median. A ``floor`` (for errors) clips values from 0 up to it before the
    logarithm; without one, a value of 0 puts the interval on the linear scale.

    Raises:
        InputError: there is no value.
    """
    if not len(values):
        raise InputError("no interval of no values: leave the score out")
    x = np.asarray(values, dtype=np.float64)
    value = float(np.median(x))
    if len(x) == 1:
        return Interval(value, None, None, 1)
    if not log or x.min() < 0 or (x.min() == 0 and floor is None):
        low, high = _student(x)
    else:
        low, high = (10**end for end in _student(_log_errors(x, floor or FLOOR)))
    return Interval(value, min(low, value), max(high, value), len(x))


def n_to_threshold(
    sizes: Sequence[int],
    errors_by_size: Sequence[Sequence[float]],
    threshold: float,
    floor: float = FLOOR,
) -> Crossing:
    """Return the smallest n_train at which the median error is at or below the threshold.

    The medians of log10(error) are fitted by a never-increasing curve (isotonic least squares),
    and log n is interpolated linearly between the two sizes that enclose the threshold. Nothing is
    extrapolated. The interval is Student's, on log n, over the crossings of the seeds' own curves,
    where every size has the same seeds; censored seeds stand at the end of the ladder, which makes
    the other end of the interval cautious, and open their own.

    Args:
        sizes: n_train, increasing.
        errors_by_size: the errors at each size, one a seed.
        threshold: the error that counts as solved.
        floor: where log10 clips.

    Raises:
        InputError: the sizes do not increase, or a size has no errors.
    """
    logs = [_log_errors(errors, floor) for errors in errors_by_size]
    if not logs or len(logs) != len(sizes) or not all(len(errors) for errors in logs):
        raise InputError(f"each of the sizes {list(sizes)} needs errors; got {len(logs)} lists")
    if any(a >= b for a, b in pairwise(sizes)):
        raise InputError(f"the sizes {list(sizes)} do not increase")
    target = math.log10(max(threshold, floor))
    whole = _cross(sizes, np.array([np.median(errors) for errors in logs]), target)
    counts = {len(errors) for errors in logs}
    if len(counts) > 1:  # some trials diverged: the seeds have no whole curves
        return Crossing(*whole, n=min(counts))
    curves = np.stack(logs, axis=1)
    return _with_interval(whole, [_cross(sizes, curve, target) for curve in curves])


def data_gain(baseline: Crossing, model: Crossing) -> Gain | None:
    """Return n_to_threshold of the baseline over that of the model.

    A censored baseline makes it a lower bound (upper, if solved from the first size on), a
    censored model an upper (lower) one; None where the two bounds contradict, as when neither
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
    medians = np.array([np.median(_log_errors(errors, floor)) for errors in errors_by_size])
    if len(medians) == 1:
        return float(medians[0])
    n = np.log(np.asarray(sizes, dtype=np.float64))
    return float(np.sum(np.diff(n) * (medians[1:] + medians[:-1]) / 2) / (n[-1] - n[0]))


def rank(errors: Mapping[str, Sequence[float]], floor: float = FLOOR) -> dict[str, Rank]:
    """Return each model's places and tie groups on one task; smaller errors are better.

    Every pair is compared by Welch's t-test on log10(error) over seeds, at 5 % over all pairs
    together (Holm 1979). Seeds that share their data make it cautious. A model's best place is one
    more than the number of models significantly better. Groups are Piepho's (2004) compact letter
    display, "a" holding the smallest error.

    Args:
        errors: at least two errors of each model, one a seed.
        floor: where log10 clips.

    Raises:
        InputError: a model has fewer than two errors.
    """
    if short := [name for name, values in errors.items() if len(values) < 2]:
        raise InputError(f"{short[0]!r} has fewer than two seeds: leave it out of the ranks")
    logs = {name: _log_errors(values, floor) for name, values in errors.items()}
    order = sorted(logs, key=lambda name: (float(logs[name].mean()), name))
    apart = _significant({(a, b): _welch(logs[a], logs[b]) for a, b in combinations(order, 2)})
    letters = _letters(order, apart)
    return {
        name: Rank(
            low=1 + sum(b == name for _, b in apart),
            high=len(order) - sum(a == name for a, _ in apart),
            group=letters[name],
        )
        for name in order
    }


def _log_errors(values: Sequence[float] | _Array, floor: float) -> _Array:
    return np.log10(np.clip(np.asarray(values, dtype=np.float64), floor, None))


def _student(x: _Array) -> tuple[float, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(len(x) - 1, 1 - _LEVEL / 2) * x.std(ddof=1) / math.sqrt(len(x)))
    return float(x.mean()) - half, float(x.mean()) + half


def _cross(sizes: Sequence[int], logs: _Array, target: float) -> tuple[float, Censoring | None]:
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
    low, high = (math.exp(end) for end in _student(np.log([n for n, _ in seeds])))
    beyond = {side for _, side in seeds} | {censored}
    return Crossing(
        value,
        censored,
        None if "below" in beyond else min(low, value),
        None if "above" in beyond else max(high, value),
        len(seeds),
    )


def _welch(a: _Array, b: _Array) -> float:
    """Return the two-sided p value of Welch's t-test for equal means."""
    from scipy.special import stdtr

    parts = np.array([x.var(ddof=1) / len(x) for x in (a, b)])
    difference = abs(float(a.mean() - b.mean()))
    if parts.sum() == 0:  # models without randomness: any difference is one
        return 1.0 if difference == 0 else 0.0
    freedom = parts.sum() ** 2 / (parts**2 / np.array([len(a) - 1, len(b) - 1])).sum()
    return float(2 * stdtr(freedom, -difference / math.sqrt(parts.sum())))


def _significant(p_values: Mapping[tuple[str, str], float]) -> set[tuple[str, str]]:
    """Return the pairs that Holm's step-down procedure finds different."""
    significant = set()
    for step, (pair, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        if p > _LEVEL / (len(p_values) - step):
            break
        significant.add(pair)
    return significant


def _letters(order: Sequence[str], apart: set[tuple[str, str]]) -> dict[str, str]:
    """Return compact letters: split every group that holds a different pair, absorb subsets."""
    groups = [frozenset(order)]
    for a, b in sorted(apart):
        split = [part for g in groups for part in ((g - {a}, g - {b}) if {a, b} <= g else (g,))]
        groups = [g for i, g in enumerate(split) if not _absorbed(i, split)]
    groups.sort(key=lambda group: sorted(order.index(name) for name in group))
    return {
        name: "".join(_letter(i) for i, group in enumerate(groups) if name in group)
        for name in order
    }


def _absorbed(i: int, groups: Sequence[frozenset[str]]) -> bool:
    """Whether the group lies within another, or repeats an earlier one."""
    return any(groups[i] < g or (groups[i] == g and j < i) for j, g in enumerate(groups) if j != i)


def _letter(i: int) -> str:
    return ascii_letters[i % len(ascii_letters)] + "'" * (i // len(ascii_letters))

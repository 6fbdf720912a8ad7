"""The errors of models on the same tasks and seeds, and resamples of the seeds within each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from symbench.errors import InputError
from symbench.results.statistics.modes import Array
from symbench.results.statistics.seeds import FLOOR, LEVEL, Interval, log_errors

REPLICATES = 2000
_SEED = 20  # of the bootstrap: the same records give the same intervals

Errors = Sequence[Sequence[float]]  # of one model: one list per task, with one error per seed


@dataclass(frozen=True)
class Panel:
    """Normalised errors of models that share tasks and seeds; ``errors[t]`` is [models, seeds]."""

    models: tuple[str, ...]
    errors: tuple[Array, ...]

    @classmethod
    def of(cls, errors: Mapping[str, Errors]) -> Panel:
        """Return the panel of each model's errors, by task and seed in the same order.

        Raises:
            InputError: no model, no task, or models whose tasks or seeds differ in number.
        """
        shapes = [[len(seeds) for seeds in tasks] for tasks in errors.values()]
        if not shapes or not shapes[0] or not all(shapes[0]):
            raise InputError("nothing to compare: give errors of a model on every task")
        if differing := [
            name for name, shape in zip(errors, shapes, strict=True) if shape != shapes[0]
        ]:
            raise InputError(
                f"{differing[0]!r} has other tasks or seeds than {next(iter(errors))!r}"
            )
        by_task = zip(*errors.values(), strict=True)
        return cls(tuple(errors), tuple(np.array(task, dtype=np.float64) for task in by_task))

    @property
    def logs(self) -> list[Array]:
        """log10 of the errors, clipped at 1e-12: one array [models, seeds] per task."""
        return [log_errors(errors, FLOOR) for errors in self.errors]


def normalised(errors: Sequence[float], chance: float, floor: float = FLOOR) -> list[float]:
    """Return error ÷ chance, clipped to [floor ÷ chance, 1]: worse than chance counts as chance.

    Raises:
        InputError: the chance error is not positive.
    """
    if not chance > 0:
        raise InputError(f"no error can be normalised by a chance error of {chance}")
    return [float(min(1.0, max(error, floor) / chance)) for error in errors]


def uniform(sizes: Sequence[int]) -> list[Array]:
    """Return the equal weights [1, seeds] of the estimate itself, one array per task."""
    return [np.full((1, n), 1 / n) for n in sizes]


def resamples(sizes: Sequence[int]) -> list[Array]:
    """Return bootstrap weights [replicates, seeds] of each task's seeds; each row sums to 1.

    The bootstrap is stratified: n - 1 of a task's n seeds are drawn with replacement, which makes
    the variance of a mean unbiased (Rao and Wu 1988). With n draws from five seeds it would be 20 %
    too small. Equal ``sizes`` give equal weights, so that models are resampled together.
    """
    return _resamples(tuple(sizes))


@lru_cache(maxsize=8)  # a ranking asks for the same few sizes for every pair of models
def _resamples(sizes: tuple[int, ...]) -> list[Array]:
    generator = np.random.default_rng(_SEED)
    drawn = [generator.multinomial(max(n - 1, 1), [1 / n] * n, size=REPLICATES) for n in sizes]
    return [np.asarray(counts / max(n - 1, 1)) for counts, n in zip(drawn, sizes, strict=True)]


@lru_cache(maxsize=8)
def shares(sizes: tuple[int, ...]) -> Array:
    """Return the bootstrap weights of all tasks side by side; those of a task sum to 1."""
    return np.concatenate(resamples(sizes), axis=1)


def averages(sizes: Sequence[int], values: Sequence[Array]) -> Array:
    """Return bootstrapped means over tasks of means over seeds, [replicates, ...].

    Args:
        sizes: the number of seeds of each task.
        values: of each task, [seeds] or [seeds, ...].
    """
    return np.asarray(shares(tuple(sizes)) @ np.concatenate(values) / len(sizes))


def ends(values: Array, sizes: Sequence[int]) -> tuple[Array, Array]:
    """Return the ends of the 95 % interval of bootstrapped values [..., replicates].

    They are percentiles, moved outwards as Student's t with Σ(n - 1) degrees of freedom requires
    (Hesterberg 2015), because few seeds estimate their own spread poorly.
    """
    from scipy.special import ndtr, stdtrit

    tail = float(ndtr(stdtrit(sum(n - 1 for n in sizes), LEVEL / 2)))
    ordered = np.sort(values)  # np.quantile takes five times as long for many rows
    return _percentile(ordered, tail), _percentile(ordered, 1 - tail)


def _percentile(ordered: Array, share: float) -> Array:
    place = share * (ordered.shape[-1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[-1] - 1)
    low, high = ordered[..., below], ordered[..., above]
    return np.asarray(low + (place - below) * (high - low))


def estimate(value: float, values: Array, sizes: Sequence[int]) -> Interval:
    """Return the value with its bootstrap interval; without ends where a task has one seed."""
    return estimates([value], values[None], sizes)[0]


def estimates(found: Sequence[float], values: Array, sizes: Sequence[int]) -> list[Interval]:
    """Return several values with their intervals, from ``values`` [len(found), replicates]."""
    if min(sizes) < 2:
        return [Interval(value, None, None, min(sizes)) for value in found]
    lows, highs = ends(values, sizes)
    return [
        Interval(value, min(float(low), value), max(float(high), value), min(sizes))
        for value, low, high in zip(found, lows, highs, strict=True)
    ]

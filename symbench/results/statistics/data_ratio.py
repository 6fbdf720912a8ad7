"""How many times its own training examples the baseline needs to reach a model's error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from symbench.results.statistics.curves import Censoring, isotonic, reach
from symbench.results.statistics.modes import Array
from symbench.results.statistics.panel import ends
from symbench.results.statistics.seeds import FLOOR, log_errors

_REPLICATES = 2000
Indices = NDArray[np.int64]
_SEED = 22  # of the bootstrap: the same records give the same intervals
_INSIDE = 1 + 1e-9  # an end of the interval is open from here to the end of the ladder


@dataclass(frozen=True)
class Ratio:
    """n_train of the baseline ÷ ``at``, n_train of the model, at the same error.

    ``censored`` is "above" if the baseline does not get there on its ladder, and "below" if it gets
    there at its smallest size; the value is then that end of the ladder ÷ ``at``. ``low`` and
    ``high`` are the 95 % interval over ``n`` seeds. An end is None (open) if it is beyond the
    ladder, and both are None for fewer than two seeds.
    """

    value: float
    at: int
    censored: Censoring | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class BaselineCurve:
    """The learning curve of the baseline, which data ratios are relative to.

    ``errors`` are [sizes][seeds], with the same seeds at each of the increasing ``sizes``;
    ``floor`` is where log10 clips errors.
    """

    sizes: Sequence[int]
    errors: Sequence[Sequence[float]]
    floor: float = FLOOR

    def ratios(self, model: Sequence[Sequence[float]]) -> list[Ratio]:
        """Return the data ratio at each size: the examples that the baseline needs, ÷ n.

        The baseline's medians of log10(error) are fitted by a never-increasing curve (isotonic
        least squares), and log n is interpolated linearly to where it reaches the model's median
        error at n. Nothing is extrapolated. The interval is a bootstrap over seeds: n - 1 of n are
        drawn with replacement (Rao and Wu 1988), the same for both models if these have equally
        many, because seeds share their data. Its percentiles are taken as far out as Student's t
        requires (see ``panel.ends``).

        Args:
            model: the errors [sizes][seeds] of the model, with the same seeds at each size.
        """
        ours = [log_errors(errors, self.floor) for errors in model]
        return [self._ratio(at, errors) for at, errors in zip(self.sizes, ours, strict=True)]

    def _ratio(self, at: int, errors: Array) -> Ratio:
        seeds = min(self._logs.shape[1], len(errors))
        whole = isotonic(np.median(self._logs, axis=1))[None]
        reached, side = reach(self.sizes, whole, np.median(errors, keepdims=True))
        n, low, high = float(reached[0]), None, None
        if seeds > 1:
            distinct, places = _samples(len(errors))
            targets = np.median(errors[distinct], axis=1)[places]
            drawn, _ = reach(self.sizes, self._fits, targets)
            low, high = (float(np.exp(end)) for end in ends(np.log(drawn), [seeds]))
        return Ratio(
            value=n / at,
            at=at,
            censored="above" if side[0] > 0 else "below" if side[0] < 0 else None,
            low=None if low is None or low <= self.sizes[0] * _INSIDE else min(low, n) / at,
            high=None if high is None or high >= self.sizes[-1] / _INSIDE else max(high, n) / at,
            n=seeds,
        )

    @cached_property
    def _logs(self) -> Array:
        return np.stack([log_errors(errors, self.floor) for errors in self.errors])

    @cached_property
    def _fits(self) -> Array:
        """The isotonic fits [replicates, sizes] of the samples of seeds."""
        distinct, places = _samples(self._logs.shape[1])
        medians = np.median(self._logs[:, distinct], axis=2)
        return isotonic(medians.T)[places]


def headline(ratios: Sequence[Ratio]) -> Ratio | None:
    """Return the ratio that stands for the whole curve.

    It is that of the largest n at which the ratio is a number, unless bounds at larger n are on the
    other side of 1: they say that the model has become better (worse) than the baseline. Of them,
    and if all ratios are bounds, the strongest stands, the one farthest from 1; of equally strong
    ones that of the largest n.
    """
    if not (numbers := [ratio for ratio in ratios if ratio.censored is None]):
        return _strongest(ratios)
    last = max(numbers, key=lambda ratio: ratio.at)
    later = [ratio for ratio in ratios if ratio.at > last.at]
    return _strongest([ratio for ratio in later if _opposed(ratio, last)]) or last


def _opposed(bound: Ratio, number: Ratio) -> bool:
    """Whether a bound says "more than 1" of what a number says "less than 1" of, or the reverse."""
    if bound.censored == "above":
        return number.value < 1 < bound.value
    return bound.value < 1 < number.value


def _strongest(bounds: Sequence[Ratio]) -> Ratio | None:
    return max(bounds, key=lambda r: (abs(np.log(r.value)), r.at), default=None)


@lru_cache(maxsize=8)
def _samples(seeds: int) -> tuple[Indices, Indices]:
    """Return the distinct bootstrap samples [samples, seeds - 1], and which each replicate is."""
    generator = np.random.default_rng(_SEED)
    drawn = np.sort(generator.integers(seeds, size=(_REPLICATES, max(seeds - 1, 1))), axis=1)
    distinct, places = np.unique(drawn, axis=0, return_inverse=True)
    return distinct, places.reshape(-1).astype(np.int64)

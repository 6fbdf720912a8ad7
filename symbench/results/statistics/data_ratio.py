"""How many times its own training examples the baseline needs to reach a model's error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symbench.results.statistics.curves import Censoring, isotonic, reach
from symbench.results.statistics.modes import Array
from symbench.results.statistics.panel import ends
from symbench.results.statistics.seeds import FLOOR, log_errors

_REPLICATES = 2000
Indices = NDArray[np.int64]
_SEED = 22  # of the bootstrap: the same records give the same intervals


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


def data_ratios(
    sizes: Sequence[int], baseline: Sequence[Sequence[float]], model: Sequence[Sequence[float]],
    floor: float = FLOOR,
) -> list[Ratio]:  # fmt: skip
    """Return the data ratio at each size: the examples that the baseline needs, divided by n.

    The baseline's medians of log10(error) are fitted by a never-increasing curve (isotonic least
    squares), and log n is interpolated linearly to where it reaches the model's median error at n.
    Nothing is extrapolated. The interval is a bootstrap over seeds: n - 1 of n are drawn with
    replacement (Rao and Wu 1988), the same for both models if these have equally many, because
    seeds share their data. Its percentiles are taken as far out as Student's t requires.

    Args:
        sizes: n_train of both models, increasing.
        baseline: the errors [sizes][seeds] of the baseline, with the same seeds at each size.
        model: those of the model.
        floor: where log10 clips.
    """
    theirs, ours = (np.stack([log_errors(e, floor) for e in one]) for one in (baseline, model))
    seeds = min(theirs.shape[1], ours.shape[1])
    draws = _draws(theirs.shape[1]), _draws(ours.shape[1])
    fits, places = _fits(theirs, draws[0])
    whole = isotonic(np.median(theirs, axis=1))[None]
    ratios = []
    for at, errors in zip(sizes, ours, strict=True):
        value, side = reach(sizes, whole, np.median(errors, keepdims=True))
        low = high = None
        if seeds > 1:
            targets = np.median(errors[draws[1]], axis=1)
            drawn, _ = reach(sizes, fits[places], targets)
            low, high = (float(np.exp(end)) for end in ends(np.log(drawn), [seeds]))
        n = float(value[0])
        ratios.append(
            Ratio(
                value=n / at,
                at=at,
                censored=_side(int(side[0])),
                low=None if low is None or low <= sizes[0] * _INSIDE else min(low, n) / at,
                high=None if high is None or high >= sizes[-1] / _INSIDE else max(high, n) / at,
                n=seeds,
            )
        )
    return ratios


def headline(ratios: Sequence[Ratio]) -> Ratio | None:
    """Return the ratio that stands for the whole curve.

    It is that of the largest n at which the ratio is a number. If all are bounds, it is the
    strongest, the one farthest from 1; of equally strong ones that of the largest n.
    """
    if numbers := [ratio for ratio in ratios if ratio.censored is None]:
        return max(numbers, key=lambda ratio: ratio.at)
    return max(ratios, key=lambda r: (abs(np.log(r.value)), r.at), default=None)


_INSIDE = 1 + 1e-9  # an end of the interval is open from here to the end of the ladder


def _side(side: int) -> Censoring | None:
    return "above" if side > 0 else "below" if side < 0 else None


def _draws(seeds: int) -> Indices:
    """Return bootstrap samples [replicates, seeds - 1] of the seeds, each in order."""
    generator = np.random.default_rng(_SEED)
    return np.sort(generator.integers(seeds, size=(_REPLICATES, max(seeds - 1, 1))), axis=1)


def _fits(logs: Array, draws: Indices) -> tuple[Array, Indices]:
    """Return the isotonic fits of the distinct samples, and which of them each replicate is."""
    distinct, places = np.unique(draws, axis=0, return_inverse=True)
    medians = np.median(logs[:, distinct], axis=2)
    return np.stack([isotonic(curve) for curve in medians.T]), places.reshape(-1).astype(np.int64)

"""Seeds that disagree: whether the values of one score fall into two groups far apart.

Student's interval assumes one mode. If the seeds end in two, as when some trainings fail, it covers
the median in fewer than 95 % of cases, and its ends are values that no seed has. The constants
are argued by ``scripts/seed_statistics.py``: false alarms stay rare for normal, heavy-tailed and
skewed logarithms, and most samples with two seeds in either mode are found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST = 5  # seeds; among fewer, any gap can be chance
_PAIR = (2.0, 4.0)  # factor, and standard deviations within the groups, of at least two seeds each
_LONE = (3.0, 10.0)  # the same where a single seed is apart from all others


@dataclass(frozen=True)
class Modes:
    """Two groups of seeds: how many are ``below`` and ``above`` the gap between them."""

    below: int
    above: int

    @property
    def are_shared(self) -> bool:
        """Whether each group has two seeds or more, so that neither is a lone outlier."""
        return min(self.below, self.above) > 1


def modes(values: Array, scaled: Array) -> Modes | None:
    """Return the two groups into which the values fall; None if they are one group.

    The groups are separated by a gap between two neighbours. The gap is at least a factor of 2 and
    more than 4 standard deviations within the groups (pooled, n - 2 degrees of freedom). A lone
    seed needs a factor of 3 and 10 standard deviations. Of several gaps the one with the most
    standard deviations counts.

    Args:
        values: one per seed; a factor f between a < b is b - a ≥ (1 - 1/f) max(\\|a\\|, \\|b\\|).
        scaled: the values on the scale of their interval, such as log10, in the same order.
    """
    n = len(values)
    if n < FEWEST:
        return None
    order = np.argsort(scaled, kind="stable")
    x, raw = scaled[order], values[order]
    found: tuple[float, Modes] | None = None
    for below in range(1, n):
        factor, deviations = _LONE if below in (1, n - 1) else _PAIR
        a, b = float(raw[below - 1]), float(raw[below])
        if b - a < (1 - 1 / factor) * max(abs(a), abs(b)):
            continue
        inside = sum(float(((part - part.mean()) ** 2).sum()) for part in np.split(x, [below]))
        gap, deviation = float(x[below] - x[below - 1]), float(np.sqrt(inside / (n - 2)))
        if gap > deviations * deviation:
            ratio = gap / deviation if deviation else np.inf
            if found is None or ratio > found[0]:
                found = ratio, Modes(below, n - below)
    return None if found is None else found[1]

"""A share of independent trials with its exact interval."""

from __future__ import annotations

from symbench.errors import InputError
from symbench.results.statistics.seeds import LEVEL


def clopper_pearson(found: int, trials: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a rate (Clopper and Pearson 1934).

    They are the rates at which as many as ``found`` of ``trials``, or as few, have a probability of
    2.5 %. The interval covers the rate in at least 95 % of cases, whatever it is.

    Raises:
        InputError: not 0 ≤ ``found`` ≤ ``trials`` with at least one trial.
    """
    from scipy.special import betaincinv

    if not 0 <= found <= trials or trials < 1:
        raise InputError(f"no rate of {found} in {trials} trials")
    low = betaincinv(found, trials - found + 1, LEVEL / 2) if found else 0.0
    high = betaincinv(found + 1, trials - found, 1 - LEVEL / 2) if found < trials else 1.0
    return float(low), float(high)

"""The configuration of the methods that compare with functions without symmetry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CountedConfig:
    """What decides how many generators are announced.

    ``draws`` is the number of functions without symmetry. No direction is announced whose bound is
    above ``tolerance``, and none at all where the kernel regression has a held-out error above
    ``worst``, in units of the variance: it then says nothing about the function.
    """

    draws: int = 100
    tolerance: float = 0.15
    worst: float = 0.9

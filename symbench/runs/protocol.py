"""The training protocol: its version, and the budget of each tier."""

from __future__ import annotations

from dataclasses import dataclass

PROTOCOL_VERSION = "1"


@dataclass(frozen=True)
class Budget:
    """The budget of a tier: updates per trial and seeds per size.

    ``validations`` is how often a recipe with ``best-valid`` selection uses the valid split.
    """

    updates: int
    seeds: int
    validations: int = 10


TIERS: dict[str, Budget] = {
    "smoke": Budget(updates=60, seeds=2),
    "quick": Budget(updates=350, seeds=5),
    "full": Budget(updates=2000, seeds=5),
}

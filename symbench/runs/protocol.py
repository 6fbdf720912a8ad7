"""The training protocol: its version, and the budget of each tier."""

from __future__ import annotations

from dataclasses import dataclass

PROTOCOL_VERSION = "1"


@dataclass(frozen=True)
class Budget:
    """A tier's frozen budget: updates per trial and seeds per size.

    ``validations`` is how often a recipe that selects by validation looks at the valid split.
    """

    updates: int
    seeds: int
    validations: int = 10


TIERS: dict[str, Budget] = {
    "smoke": Budget(updates=60, seeds=2),
    "quick": Budget(updates=350, seeds=5),
    "full": Budget(updates=2000, seeds=5),
}

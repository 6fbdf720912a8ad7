"""The training protocol: its version, and the budget of each tier."""

from __future__ import annotations

from dataclasses import dataclass

PROTOCOL_VERSION = "1"


@dataclass(frozen=True)
class Budget:
    """The budget of a tier: updates per trial and seeds per size.

    ``validations`` is how often a recipe with ``best-valid`` selection uses the valid split.
    ``seconds`` is the time limit of a cell unless the user sets one. It affects no result.
    """

    updates: int
    seeds: int
    validations: int = 10
    seconds: float = 86_400.0


TIERS: dict[str, Budget] = {
    "smoke": Budget(updates=60, seeds=2, seconds=600.0),
    "quick": Budget(updates=350, seeds=5, seconds=3600.0),
    "full": Budget(updates=2000, seeds=5),
}

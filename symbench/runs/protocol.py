"""The training protocol: its version, and the budget of each tier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROTOCOL_VERSION = "2"


SymmetryAt = Literal["all", "largest"]  # the n_train at which symmetry scores are computed
KeepNetworks = Literal["none", "all", "largest"]  # the n_train whose trained networks are kept


@dataclass(frozen=True)
class Budget:
    """The budget of a tier: updates per trial and seeds per size.

    ``validations`` is how often a recipe of ``best-valid`` selection evaluates the valid split.
    ``symmetry_at`` says at which n_train symmetry scores are computed. ``seconds`` is the time
    limit of a cell unless the user sets one. It affects no result.
    """

    updates: int
    seeds: int
    validations: int = 10
    symmetry_at: SymmetryAt = "all"
    seconds: float = 86_400.0


TIERS: dict[str, Budget] = {
    "smoke": Budget(updates=60, seeds=2, symmetry_at="largest", seconds=600.0),
    "quick": Budget(updates=1000, seeds=5, seconds=3600.0),
    "standard": Budget(updates=2000, seeds=5, seconds=4 * 3600.0),
    "full": Budget(updates=2000, seeds=5),
}

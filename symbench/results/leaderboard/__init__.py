"""Records -> rows: medians over seeds, learning curves, data gains, ranks."""

from symbench.results.leaderboard.equal_size import FACTOR, ParameterWindow
from symbench.results.leaderboard.per_task import RANKED_SEEDS, make
from symbench.results.leaderboard.rows import (
    Coverage,
    EqualSize,
    Estimate,
    FalseFindings,
    Flag,
    Leaderboard,
    Point,
    Rank,
    Row,
)
from symbench.results.leaderboard.selection import newest_tier

__all__ = [
    "FACTOR", "RANKED_SEEDS", "Coverage", "EqualSize", "Estimate", "FalseFindings", "Flag",
    "Leaderboard", "ParameterWindow", "Point", "Rank", "Row", "make", "newest_tier",
]  # fmt: skip

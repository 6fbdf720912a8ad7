"""Stores -> a publication."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from symbench import leaderboard as boards
from symbench import plan, submission
from symbench.errors import InputError
from symbench.record import Identity
from symbench.store import Store, records_of


def write(
    stores: Sequence[Store], tier: str | None, stale: Callable[[Identity], bool], to: Path
) -> tuple[list[Path], str]:
    """Publish the records of a tier (the latest by default); return the files and a summary.

    Raises:
        InputError: an unknown tier, nothing to publish, or a directory that holds something else.
    """
    if tier is not None and tier not in plan.TIERS:
        raise InputError(f"unknown tier {tier!r}: take one of {', '.join(plan.TIERS)}")
    records = records_of(stores)
    made = submission.make(records, tier or boards.newest_tier(records) or "quick", stale)
    done = made.leaderboard.coverage
    line = (
        f"{done.planned} cells of tier {made.tier} ({done.failed} failed), "
        f"{len(made.absent)} pairs without a current record; sha256 {made.hashes.whole}"
    )
    return submission.write(made, to), line

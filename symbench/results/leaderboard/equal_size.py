"""Comparison at equal size: which models' parameter counts lie near a task's reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from symbench.errors import InputError
from symbench.records.record import Record
from symbench.results.leaderboard.record_summary import Sheet
from symbench.results.leaderboard.rows import EqualSize

FACTOR = 2.0


@dataclass(frozen=True)
class Size:
    """The size to compare at: ``reference`` / ``factor`` … ``reference`` × ``factor`` parameters.

    Without a reference it is each task's median over the models that have parameters (of two in
    the middle the smaller, so that it is always some model's count).

    Raises:
        InputError: a reference below 1, or a factor that is below 1 or no finite number.
    """

    reference: int | None = None
    factor: float = FACTOR

    def __post_init__(self) -> None:
        if self.reference is not None and self.reference < 1:
            raise InputError(f"--match-params {self.reference}: give 1 parameter or more")
        if not (math.isfinite(self.factor) and self.factor >= 1):
            raise InputError(f"--match-factor {self.factor}: give a finite number of 1 or more")

    def holds(self, params: int | None, reference: int) -> bool:
        """Whether a count lies within the factor of the reference, the ends included."""
        if not params:
            return False
        return reference <= params * self.factor and params <= reference * self.factor


def at_equal_size(tasks: Iterable[Sequence[Record]], size: Size) -> tuple[list[Record], EqualSize]:
    """Return the records of equal size, and what was left out and why.

    A record without trials (failed, declined) has nothing to be compared and stays.

    Args:
        tasks: the records of each task.
        size: the size to compare at.
    """
    told = EqualSize(factor=size.factor, references={}, left_out={})
    kept: list[Record] = []
    for records in tasks:
        counts = {record.key: Sheet(record).params for record in records if record.trials}
        known = [count for count in counts.values() if count]
        reference = size.reference or (median_low(known) if known else 0)
        task = records[0].identity.task
        told.references[task] = reference
        outside = {key for key, count in counts.items() if not size.holds(count, reference)}
        kept += [record for record in records if record.key not in outside]
        told.left_out[task] = {
            record.identity.model: counts[record.key]
            for record in sorted(records, key=lambda record: record.identity.model)
            if record.key in outside
        }
    return kept, told

"""Comparison at equal size: only models whose parameter counts are near a task's reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median_low

from symbench.errors import InputError
from symbench.records.record import Record
from symbench.results.leaderboard.record_summary import RecordSummary
from symbench.results.leaderboard.rows import EqualSize

FACTOR = 2.0


@dataclass(frozen=True)
class ParameterWindow:
    """The counts to compare at: ``reference`` / ``factor`` to ``reference`` × ``factor``.

    Without a reference, each task has its own: the median of the counts of its models. Of two
    counts in the middle it is the smaller, so that it is always the count of some model.

    Raises:
        InputError: a reference below 1, or a factor that is below 1 or not finite.
    """

    reference: int | None = None
    factor: float = FACTOR

    def __post_init__(self) -> None:
        if self.reference is not None and self.reference < 1:
            raise InputError(f"--match-params {self.reference}: give 1 parameter or more")
        if not (math.isfinite(self.factor) and self.factor >= 1):
            raise InputError(f"--match-factor {self.factor}: give a finite number of 1 or more")

    def holds(self, params: int | None, reference: int) -> bool:
        """Whether a count is within the factor of the reference, both ends included."""
        if not params:
            return False
        return reference <= params * self.factor and params <= reference * self.factor


def at_equal_size(
    tasks: Iterable[Sequence[Record]], window: ParameterWindow
) -> tuple[list[Record], EqualSize]:
    """Return the records inside the window, and the models that are left out with their counts.

    A record without trials (failed, declined) has no count to compare; it stays.

    Args:
        tasks: the records of each task.
        window: the parameter counts to compare at.
    """
    inside: list[Record] = []
    references: dict[str, int] = {}
    left_out: dict[str, dict[str, int | None]] = {}
    for records in tasks:
        task = records[0].identity.task
        counts = {record.key: RecordSummary(record).params for record in records if record.trials}
        known = [count for count in counts.values() if count]
        reference = window.reference or (median_low(known) if known else 0)
        outside = {key for key, count in counts.items() if not window.holds(count, reference)}
        inside += [record for record in records if record.key not in outside]
        references[task] = reference
        left_out[task] = {
            record.identity.model: counts[record.key]
            for record in sorted(records, key=lambda record: record.identity.model)
            if record.key in outside
        }
    return inside, EqualSize(factor=window.factor, references=references, left_out=left_out)

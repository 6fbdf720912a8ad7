"""Which records a leaderboard is made of: the newest of each pair, by tier and task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from symbench.records.record import Identity, Record
from symbench.records.store import started

Pair = tuple[str, str]


def newest_tier(records: Iterable[Record]) -> str | None:
    """Return the tier of the record that was started last."""
    latest = max(records, key=started, default=None)
    return None if latest is None else latest.identity.tier


def newest(
    records: Iterable[Record], tier: str, stale: Callable[[Identity], bool]
) -> tuple[list[Record], list[Record]]:
    """Return each pair's newest current record, and the newest stale one of pairs without."""
    latest: dict[bool, dict[Pair, Record]] = {False: {}, True: {}}
    for record in sorted(records, key=lambda r: (started(r), r.key)):
        if record.identity.tier == tier:
            pair = record.identity.task, record.identity.model
            latest[stale(record.identity)][pair] = record
    outdated = [record for pair, record in latest[True].items() if pair not in latest[False]]
    return list(latest[False].values()), outdated


def by_task(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of each task."""
    tasks: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        tasks[record.identity.task].append(record)
    return tasks

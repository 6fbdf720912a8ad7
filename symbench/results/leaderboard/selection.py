"""Which records a leaderboard is made of: the newest of each pair, by tier and task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from symbench.records.record import Record
from symbench.records.store import started

Pair = tuple[str, str]  # task, model


def newest_tier(records: Iterable[Record]) -> str | None:
    """Return the tier of the record that was started last."""
    latest = max(records, key=started, default=None)
    return None if latest is None else latest.identity.tier


def pair_of(record: Record) -> Pair:
    """Return the names of a record's task and model."""
    return record.identity.task, record.identity.model


def newest(
    records: Iterable[Record], tier: str, stale: Callable[[Record], bool]
) -> tuple[list[Record], list[Record]]:
    """Return the newest current record of each pair, and the newest stale one of the others.

    Experiments are left out: they replace no result.

    Args:
        records: of any tier, from any number of stores.
        tier: the tier whose records are chosen.
        stale: whether the task, model, protocol or metrics of a record have changed.
    """
    return _newest((one for one in records if not is_experiment(one)), tier, stale)


def experiments(
    records: Iterable[Record], tier: str, stale: Callable[[Record], bool]
) -> list[Record]:
    """Return the newest current experiment of each pair; the arguments are those of ``newest``."""
    return _newest((one for one in records if is_experiment(one)), tier, stale)[0]


def is_experiment(record: Record) -> bool:
    """Whether the record was made with options that only experiments have."""
    return bool(record.identity.protocol.get("experiment"))


def _newest(
    records: Iterable[Record], tier: str, stale: Callable[[Record], bool]
) -> tuple[list[Record], list[Record]]:
    latest: dict[bool, dict[Pair, Record]] = {False: {}, True: {}}
    for record in sorted(records, key=lambda r: (started(r), r.key)):
        if record.identity.tier == tier:
            latest[stale(record)][pair_of(record)] = record
    outdated = [record for pair, record in latest[True].items() if pair not in latest[False]]
    return list(latest[False].values()), outdated


def by_task(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of each task."""
    tasks: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        tasks[record.identity.task].append(record)
    return tasks

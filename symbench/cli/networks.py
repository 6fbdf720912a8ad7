"""What ``run --keep-networks`` says of the networks of its cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from symbench.records.record import Record
from symbench.records.store import Store
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.runs.run import Run

_CELLS = 3  # named in a line


def lines(run: Run, asked: str) -> Iterator[str]:
    """Yield how many networks are kept and how large they are, and which are not and why.

    Args:
        run: finished.
        asked: ``all``, or ``largest`` for the networks at the largest n_train.
    """
    store, reused = Store(run.store), {one.key for one in run.outcomes if one.reused}
    trained = [record for record in run.records if record.trials]
    here = [record for record in trained if store.has_networks(record)]
    known = [made for record in here if (made := record.provenance.networks) is not None]
    count, size = sum(len(made.trials) for made in known), sum(made.bytes for made in known)
    yield f"networks: {count} kept in {plain(str(run.store))}, {size / 1e6:.1f} MB"
    declined = defaultdict[str, list[str]](list)
    for record in trained:
        made = record.provenance.networks
        for trial, reason in ({} if made is None else made.declined).items():
            declined[reason].append(f"{_pair(record)} {trial}")
    for reason, trials in declined.items():
        yield f"networks: {len(trials)} not kept ({_named(trials)}): {plain(reason)}"
    if unasked := [r for r in trained if r.key not in reused and r.provenance.networks is None]:
        yield (
            f"networks: none of {len(unasked)} cells ({_named([_pair(r) for r in unasked])}): "
            "their executor does not pass keep_networks to run_cell"
        )
    without = [record for record in trained if record.key in reused and not _has(record, asked)]
    if without:
        yield (
            f"networks: {len(without)} cells were finished before without them "
            f"({_named([_pair(record) for record in without])}); --fresh trains these again"
        )


def _has(record: Record, asked: str) -> bool:
    """Whether the networks that are asked for were to be kept when the record was made."""
    made = record.provenance.networks
    return made is not None and made.which in ("all", asked)


def _pair(record: Record) -> str:
    return f"{plain(record.identity.task)} {plain(record.identity.model)}"


def _named(names: list[str]) -> str:
    more = len(names) - _CELLS
    return ", ".join(names[:_CELLS]) + (f" and {more} more" if more > 0 else "")

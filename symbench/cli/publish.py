"""Stores -> a publication."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from symbench.errors import InputError, StoreError
from symbench.publish import submission
from symbench.records.record import Identity
from symbench.records.store import Store, records_of
from symbench.results import leaderboard as boards
from symbench.results.report.escape import plain
from symbench.runs.protocol import TIERS

if TYPE_CHECKING:
    from symbench.publish.site import Content
    from symbench.registry import Registry

_VERSIONS = ("symbench", "git", "python", "torch", "machine", "device")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no garbage be sought: thousands of records are made, all of them to stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def write(
    stores: Sequence[Store],
    tier: str | None,
    stale: Callable[[Identity], bool],
    to: Path,
    registry: Registry | None = None,
    *,
    site: bool = True,
) -> tuple[list[Path], str]:
    """Publish the records of a tier (the latest by default); return the files and a summary.

    Args:
        stores: where the records are, and the learned generators beside them.
        tier: smoke, quick or full.
        stale: whether a record's task, model or protocol has changed since it was made.
        to: a new directory, or one of an earlier publication.
        registry: what tells the site of tasks and models; without it pages hold figures alone.
        site: whether to write the site too.

    Raises:
        InputError: an unknown tier, nothing to publish, or a directory that holds something else.
    """
    if tier is not None and tier not in TIERS:
        raise InputError(f"unknown tier {tier!r}: take one of {', '.join(TIERS)}")
    records = records_of(stores)
    made = submission.make(records, tier or boards.newest_tier(records) or "quick", stale)
    done = made.leaderboard.coverage
    line = (
        f"{done.planned} cells of tier {made.tier} ({done.failed} failed), "
        f"{len(made.absent)} pairs without a current record; sha256 {made.hashes.whole}"
    )
    return submission.write(made, to, _site(made, stores, registry) if site else None), line


def _site(
    made: submission.Submission, stores: Sequence[Store], registry: Registry | None
) -> dict[str, bytes]:
    from symbench.publish import site

    return site.files(_content(made, stores, registry))


def _content(
    made: submission.Submission, stores: Sequence[Store], registry: Registry | None
) -> Content:
    from symbench.publish import site

    known = made.provenance
    pictures = _pictures([record.key for record in made.records], stores)
    absent = [(one.task, one.model, one.reason) for one in made.absent]
    tasks = {one.task for one in made.plan} | {task for task, _, _ in absent}
    models = {one.model for one in made.plan} | {model for _, model, _ in absent}
    details = site.Details(pictures=pictures)
    if registry is not None:
        details = site.describe(registry, tasks, models, pictures)
    return site.Content(
        board=made.leaderboard,
        records=made.records,
        absent=absent,
        facts={
            **{name: getattr(known, name) for name in _VERSIONS},
            "plugins": [f"{name} {' '.join(have)}" for name, have in known.plugins.items()],
            "cells started": [" to ".join(known.started)],
            "seconds in all": [f"{known.seconds:.0f}"],
        },
        sha256=made.hashes.whole,
        details=details,
    )


def _pictures(keys: Sequence[str], stores: Sequence[Store]) -> dict[str, list[bytes]]:
    """Return the heat maps of the records that have learned generators beside them."""
    found: dict[str, list[bytes]] = {}
    for key in keys:
        for store in stores:
            if not (store.cells / f"{key}.safetensors").is_file():
                continue
            from symbench.publish.site.generators import heat_maps

            try:
                found[key] = heat_maps(store.read_tensors(key))
            except (StoreError, RuntimeError) as error:  # torch's, where shapes do not fit
                typer.echo(f"symbench: warning: {plain(str(error), 500)}", err=True)
    return found

"""The stores and publications that verbs read records from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from symbench.cli.loading import staleness
from symbench.cli.options import DEFAULT_STORE
from symbench.errors import InputError
from symbench.records.archive import Archive
from symbench.records.store import Source, Store, merged
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.records.record import Record
    from symbench.registry import Registry
    from symbench.results.published.publication import Publication


@dataclass(frozen=True)
class Records:
    """The records of stores and publications, for one tier.

    Attributes:
        sources: where they are from.
        all: for each key the newest, of every tier.
        tier: the tier to show.
        published: the keys of those that only publications have.
    """

    sources: Sequence[Source]
    all: list[Record]
    tier: str
    published: frozenset[str]

    def staleness(self, registry: Registry) -> Callable[[Record], bool]:
        """Return whether a record is stale. Those of publications are shown as published."""
        outdated = staleness(registry)
        return lambda record: record.key not in self.published and outdated(record)


def read_records(paths: Sequence[Path] | None, tier: str | None) -> Records:
    """Return the records of stores and publications; the default tier is that of the newest.

    Publications are named on stderr, with what made them.

    Raises:
        InputError: a path is neither, or there is no record, or none of the tier.
    """
    from symbench.results.leaderboard import newest_tier
    from symbench.results.sources import require_records

    sources = open_sources(paths)
    read = [require_records(source) for source in sources]
    stored: set[str] = set()
    published: set[str] = set()
    for source, records in zip(sources, read, strict=True):
        (stored if isinstance(source, Store | Archive) else published).update(
            r.key for r in records
        )
    every = merged(read)
    wanted = tier or newest_tier(every) or "quick"
    counts = Counter(record.identity.tier for record in every)
    if wanted not in counts:
        tiers = [f"--tier {one} ({count})" for one, count in counts.most_common()]
        places = ", ".join(str(source.path) for source in sources)
        raise InputError(f"no {wanted} record in {places!r}: give {' or '.join(tiers)}")
    return Records(sources, every, wanted, frozenset(published - stored))


def open_sources(paths: Sequence[Path] | None) -> list[Store | Archive | Publication]:
    """Return the named stores, archives and publications, or the default store.

    Raises:
        InputError: one of them is none of these.
    """
    from symbench.results.sources import open_source

    if not paths and not DEFAULT_STORE.is_dir():
        raise InputError(f"no store at {str(DEFAULT_STORE)!r}: run first, or give --store DIR")
    sources = [open_source(path) for path in paths or (DEFAULT_STORE,)]
    for source in sources:
        if not isinstance(source, Store | Archive):
            _name(source)
    return sources


def open_publication(path: Path) -> Publication:
    """Return a publication that has been read, and name on stderr what made it.

    Raises:
        InputError: it is none, or cannot be read.
    """
    from symbench.results import sources

    publication = sources.open_publication(path)
    _name(publication)
    return publication


def open_stores(paths: Sequence[Path] | None) -> list[Store]:
    """Return the named stores, or the default one.

    Raises:
        InputError: one of them does not exist, or is an archive or a publication.
    """
    stores = []
    for source in open_sources(paths):
        if isinstance(source, Archive):
            raise InputError(
                f"{str(source.file)!r} is only read: unpack it with `python -m zipfile -e "
                f"{source.file} DIR`, and give DIR"
            )
        if not isinstance(source, Store):
            raise InputError(
                f"{str(source.path)!r} is a publication: give the store it was made from"
            )
        stores.append(source)
    return stores


def _name(publication: Publication) -> None:
    origin = f"{publication.path} is shown as published, made by {publication.origin()}"
    typer.echo(f"symbench: {plain(origin, 500)}", err=True)

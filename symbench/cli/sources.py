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
from symbench.records.store import Source, Store, merged
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.publish.submission.publication import Publication
    from symbench.records.record import Record
    from symbench.registry import Registry

_MOST = 5  # names that a message lists


@dataclass(frozen=True)
class Records:
    """The records of stores and publications, for one tier.

    Attributes:
        sources: where they are from.
        all: for each key the newest, of every tier.
        tier: the tier to show.
        published: the keys of those that only publications have.
    """

    sources: list[Source]
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

    sources = open_sources(paths)
    read = [source.records() for source in sources]
    stored: set[str] = set()
    published: set[str] = set()
    for source, records in zip(sources, read, strict=True):
        if not records:
            raise InputError(_without_records(source.path))
        (stored if isinstance(source, Store) else published).update(r.key for r in records)
    every = merged(read)
    wanted = tier or newest_tier(every) or "quick"
    counts = Counter(record.identity.tier for record in every)
    if wanted not in counts:
        tiers = [f"--tier {one} ({count})" for one, count in counts.most_common()]
        places = ", ".join(str(source.path) for source in sources)
        raise InputError(f"no {wanted} record in {places!r}: give {' or '.join(tiers)}")
    return Records(sources, every, wanted, frozenset(published - stored))


def open_sources(paths: Sequence[Path] | None) -> list[Source]:
    """Return the named stores and publications, or the default store.

    Raises:
        InputError: one of them does not exist or is no publication.
    """
    if not paths:
        return [*open_stores(None)]
    return [source for path in paths for source in _opened(path)]


def _opened(path: Path) -> Sequence[Source]:
    from symbench.publish.submission.publication import is_publication

    return [open_publication(path)] if is_publication(path) else open_stores([path])


def open_publication(path: Path) -> Publication:
    """Return a publication that has been read, and name on stderr what made it.

    Raises:
        InputError: it is none, or cannot be read.
    """
    from symbench.publish.submission.publication import Publication, is_publication

    if not is_publication(path):
        raise InputError(_no_publication(path))
    publication = Publication(path)
    origin = f"{path} is shown as published, made by {publication.origin()}"
    typer.echo(f"symbench: {plain(origin, 500)}", err=True)
    return publication


def open_stores(paths: Sequence[Path] | None) -> list[Store]:
    """Return the named stores, or the default one.

    Raises:
        InputError: one of them does not exist, or is a publication.
    """
    from symbench.publish.submission.publication import is_publication

    for path in paths or ():
        if is_publication(path):
            raise InputError(f"{str(path)!r} is a publication: give the store it was made from")
        if not path.is_dir():
            raise InputError(f"no store at {str(path)!r}: give the directory of an earlier run")
    if not paths and not DEFAULT_STORE.is_dir():
        raise InputError(f"no store at {str(DEFAULT_STORE)!r}: run first, or give --store DIR")
    return [Store(path) for path in paths or (DEFAULT_STORE,)]


def _no_publication(path: Path) -> str:
    if not path.exists():
        return f"no publication at {str(path)!r}: give a directory that `symbench publish` wrote"
    if (path / "cells").is_dir():
        return (
            f"{str(path)!r} is a store, no publication: publish it first with "
            f"`symbench publish --store {path} --to DIR`"
        )
    return f"{str(path)!r} is no publication: it has no submission.json{_inside(path)}"


def _without_records(path: Path) -> str:
    """Return what a directory without a record is, and what to type instead."""
    shown = repr(str(path))
    if path.name == "cells" and any(path.glob("*.json")):
        return f"{shown} is a folder inside a store: give --store {path.parent}"
    run = f"`symbench run -t TASK -m MODEL --store {path}`"
    if (path / "cells").is_dir():
        return f"the store {shown} has no usable record: fill it with {run}"
    if hint := _inside(path):
        return f"{shown} is neither a store nor a publication{hint}"
    return (
        f"{shown} is neither a store (no folder cells/) nor a publication (no submission.json): "
        f"give the directory of an earlier run, or begin a store with {run}"
    )


def _inside(path: Path) -> str:
    """Return which folders of a directory can be read, as the end of a message."""
    from symbench.publish.submission.publication import is_publication

    try:
        folders = sorted(one for one in path.iterdir() if one.is_dir())
    except OSError:
        return ""
    found = [one for one in folders if (one / "cells").is_dir() or is_publication(one)]
    more = f" or {len(found) - _MOST} more" if len(found) > _MOST else ""
    named = ", ".join(f"--store {one}" for one in found[:_MOST])
    return f", but its folders are: give {named}{more}" if found else ""

"""Opens what records are read from: a store, a store packed into one file, or a publication."""

from __future__ import annotations

from pathlib import Path

from symbench.errors import InputError
from symbench.records.archive import Archive, is_archive
from symbench.records.record import Record
from symbench.records.store import Source, Store
from symbench.results.published.publication import Publication, is_publication

_MOST = 5  # folders that a message lists


def open_source(path: Path | str) -> Store | Archive | Publication:
    """Return the store, the archive or the publication at a path.

    Raises:
        InputError: there is neither; the message says what is there, and what to give instead.
    """
    path = Path(path)
    if is_publication(path):
        return Publication(path)
    if is_archive(path):
        return Archive(path)
    if not path.is_dir():
        raise InputError(f"no store at {str(path)!r}: give the directory of an earlier run")
    if not (path / "cells").is_dir() or _around(path) is not None:
        raise InputError(_no_source(path))
    return Store(path)


def open_publication(path: Path | str) -> Publication:
    """Return the publication at a path.

    Raises:
        InputError: there is none; the message says what is there.
    """
    path = Path(path)
    if is_publication(path):
        return Publication(path)
    shown = repr(str(path))
    if not path.exists():
        raise InputError(
            f"no publication at {shown}: give a directory that `symbench publish` wrote"
        )
    if (path / "cells").is_dir():
        raise InputError(
            f"{shown} is a store, no publication: publish it first with "
            f"`symbench publish --store {path} --to DIR`"
        )
    raise InputError(f"{shown} is no publication: it has no submission.json{_inside(path)}")


def require_records(source: Source) -> list[Record]:
    """Return the records of a source.

    Raises:
        InputError: it has none that can be used.
    """
    if records := source.records():
        return records
    raise InputError(
        f"the store {str(source.path)!r} has no usable record: fill it with {_run(source.path)}"
    )


def _no_source(path: Path) -> str:
    """Return what a directory without records is, and what to give instead."""
    shown = repr(str(path))
    if (store := _around(path)) is not None:
        return f"{shown} is a folder inside a store: give {store}"
    if hint := _inside(path):
        return f"{shown} is neither a store nor a publication{hint}"
    return (
        f"{shown} is neither a store (no folder cells/) nor a publication (no submission.json): "
        f"give the directory of an earlier run, or begin a store with {_run(path)}"
    )


def _around(path: Path) -> Path | None:
    """Return the store of which a directory is a folder: its cells, or its unfinished parts."""
    if path.name == "cells" and any(path.glob("*.json")):
        return path.parent
    whole = path.absolute()
    for folder in (whole, whole.parent if whole.name.isdecimal() else whole):
        if folder.name == "parts" and (folder.parent / "cells").is_dir():
            return folder.parent
    return None


def _run(path: Path) -> str:
    return f"`symbench run -t TASK -m MODEL --store {path}`"


def _inside(path: Path) -> str:
    """Return which folders of a directory can be read, as the end of a message."""
    try:
        folders = sorted(one for one in path.iterdir() if one.is_dir())
    except OSError:
        return ""
    found = [
        one for one in folders if (one / "cells").is_dir() or is_archive(one) or is_publication(one)
    ]
    more = f" or {len(found) - _MOST} more" if len(found) > _MOST else ""
    named = ", ".join(str(one) for one in found[:_MOST])
    return f", but its folders are: give {named}{more}" if found else ""

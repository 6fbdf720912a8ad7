"""Results cached on disk, each in a file named by the hash of everything that it depends on.

The files are in the user's cache directory, which only the user may write, and are written
atomically. The first line of each is the hash of its name and content, so a damaged file is noticed
and replaced. The hash does not stop somebody who can write the directory; its permissions do.
Read and write failures are ignored; the caller computes the result again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_dir

from symbench.files import write_atomic

T = TypeVar("T")
_log = logging.getLogger(__name__)
_FORMAT = 2  # of the files; those of another format have other names
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would block
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def folder(kind: str) -> Path:
    """Return ``$SYMBENCH_CACHE/<kind>``, or ``<kind>`` in the user's cache directory."""
    return Path(os.environ.get("SYMBENCH_CACHE") or user_cache_dir("symbench")) / kind


def path_of(kind: str, what: object, suffix: str = "") -> Path:
    """Return the file for the result of ``what`` (hashed as JSON; other objects by ``str``)."""
    text = json.dumps([_FORMAT, what], sort_keys=True, default=str)
    return folder(kind) / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"


def load(path: Path, parse: Callable[[bytes], T | None]) -> T | None:
    """Return ``parse(content)``; None if there is no file, it is damaged, or ``parse`` fails."""
    try:
        if not _is_private(path.parent):
            return None
        whole = _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.debug("%s cannot be read, its result is computed again: %s", path, error)
        return None
    digest, _, content = whole.partition(b"\n")
    if digest != _digest(path, content):
        _log.warning("cached file %s is damaged; its result is computed again", path)
        return None
    try:
        return parse(content)
    except Exception as error:  # a parser can raise anything
        _log.debug("%s cannot be parsed, its result is computed again: %s", path, error)
        return None


def save(path: Path, content: bytes) -> None:
    """Write the file; a failure is ignored."""
    try:
        path.parent.parent.parent.mkdir(parents=True, exist_ok=True)
        for place in (path.parent.parent, path.parent):
            place.mkdir(mode=0o700, exist_ok=True)
        if _is_private(path.parent):
            write_atomic(path, _digest(path, content) + b"\n" + content)
    except OSError as error:
        _log.debug("%s cannot be written: %s", path, error)


def _read(path: Path) -> bytes:
    """Return the content of a regular file; a link, pipe or device is refused.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    descriptor = os.open(path, _OPEN)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        return file.read()


def _digest(path: Path, content: bytes) -> bytes:
    """Return the hash of a file's name and content: moved to another name, a file is damaged."""
    return hashlib.sha256(path.name.encode() + b"\0" + content).hexdigest().encode()


def _is_private(place: Path) -> bool:
    """Whether only this user may write a cache directory and the one above it.

    Raises:
        OSError: there is no such directory.
    """
    for directory in (place, place.parent):
        about = directory.stat()
        if about.st_uid != os.geteuid() or about.st_mode & _OTHERS_WRITE:
            _warn_of(directory, os.geteuid())
            return False
    return True


@lru_cache(maxsize=64)  # one warning for each directory
def _warn_of(directory: Path, user: int) -> None:
    _log.warning(
        "cache directory %s belongs to another user or can be written by others, so nothing in it "
        "is used: give it to user %d with mode 700, or set SYMBENCH_CACHE to another directory",
        directory, user,
    )  # fmt: skip

"""Results cached on disk, each in a file named by the hash of everything that it depends on.

The files are in the user's cache directory and are written atomically. Read and write failures
are ignored; the caller computes the result again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_dir

from symbench.files import write_atomic

T = TypeVar("T")
_log = logging.getLogger(__name__)


def folder(kind: str) -> Path:
    """Return ``$SYMBENCH_CACHE/<kind>``, or ``<kind>`` in the user's cache directory."""
    return Path(os.environ.get("SYMBENCH_CACHE") or user_cache_dir("symbench")) / kind


def path_of(kind: str, what: object, suffix: str = "") -> Path:
    """Return the file for the result of ``what`` (hashed as JSON; other objects by ``str``)."""
    text = json.dumps(what, sort_keys=True, default=str)
    return folder(kind) / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"


def load(path: Path, parse: Callable[[bytes], T | None]) -> T | None:
    """Return ``parse(content)``; None if there is no file, or ``parse`` fails on it."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except Exception as error:  # damaged content can make a parser raise anything
        _log.debug("%s cannot be read, its result is computed again: %s", path, error)
        return None


def save(path: Path, content: bytes) -> None:
    """Write the file; a failure is ignored."""
    try:
        write_atomic(path, content)
    except OSError as error:
        _log.debug("%s cannot be written: %s", path, error)

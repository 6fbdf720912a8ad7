"""Results kept in the user's cache folder, each under the hash of all that it depends on.

A file is there whole or not at all. A folder that cannot be written, and a file that cannot be
read, do no harm: what was sought is made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_dir

T = TypeVar("T")
_log = logging.getLogger(__name__)


def folder(kind: str) -> Path:
    """Return ``$SYMBENCH_CACHE/<kind>``, or that folder of the user's cache."""
    return Path(os.environ.get("SYMBENCH_CACHE") or user_cache_dir("symbench")) / kind


def path_of(kind: str, what: object, suffix: str = "") -> Path:
    """Return where the result of ``what`` (JSON; else its ``str``) is kept."""
    text = json.dumps(what, sort_keys=True, default=str)
    return folder(kind) / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{suffix}"


def load(path: Path, parse: Callable[[bytes], T | None]) -> T | None:
    """Return ``parse(content)``; None if there is no file, or none that ``parse`` accepts."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever spoilt content makes a parser raise
        _log.debug("%s cannot be read and is made again: %s", path, error)
        return None


def save(path: Path, content: bytes, *, first: bool = False) -> bool:
    """Write the file; False if ``first`` is asked for and another process was that."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as beside:
            whole = Path(beside) / path.name
            whole.write_bytes(content)
            if first:
                os.link(whole, path)
            else:
                os.replace(whole, path)
    except FileExistsError:
        return False
    except OSError as error:
        _log.debug("nothing is kept in %s: %s", path, error)
    return True

"""Writes files whole or not at all, names them safely, and parses JSON strictly."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEEPEST = 20  # levels of nesting of a document
# Accepts an unterminated string: to require the closing quote would make the scan quadratic.
_STRING = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)', re.DOTALL)
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_PERMISSIONS = 0o644  # a temporary file is readable by its owner only
_Pairs = list[tuple[str, Any]]
_SAFE = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def safe_name(name: str) -> str:
    """Return the name if it is a safe file name, else the first 12 hex digits of its SHA-256.

    A registered name is safe. One that a record of unknown origin states may lead elsewhere.
    """
    if _SAFE.fullmatch(name):
        return name
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def write_atomic(path: Path, content: bytes, *, durable: bool = False) -> Path:
    """Write a file whole or not at all, and return its path.

    The content goes to a temporary file in the same directory, which then replaces ``path``.
    A missing directory is created.

    Args:
        path: the file; an earlier one is replaced.
        content: what it holds afterwards.
        durable: flush the content to the disk before the file is replaced.

    Raises:
        OSError: the file cannot be written; an earlier file is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, _PERMISSIONS)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def parse_json(
    text: str, *, pairs_hook: Callable[[_Pairs], Any] | None = None, deepest: int = DEEPEST
) -> Any:
    """Return the value of a JSON text in which every number is finite.

    Nesting is checked before anything is parsed.

    Args:
        text: the JSON text.
        pairs_hook: makes a value of the fields of each object, as in ``json.loads``.
        deepest: levels of nesting that it may have.

    Raises:
        ValueError: not JSON, nested too deeply, or with NaN, an infinity or a number that
            overflows (1e999).
    """
    if _is_deeper(text.encode("utf-8", "surrogatepass"), deepest):
        raise ValueError(f"nested deeper than {deepest} levels")
    return json.loads(
        text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=pairs_hook
    )


def _is_deeper(content: bytes, most: int) -> bool:
    depth = 0
    for mark in _STRING.sub(b"", content).translate(None, _NO_BRACKET):
        depth += 1 if mark in b"[{" else -1
        if depth > most:
            return True
    return False


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:40]} is not a finite number")

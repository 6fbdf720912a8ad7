"""Writes files whole or not at all, and parses JSON strictly."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from symbench.errors import InputError

_PERMISSIONS = 0o644  # a temporary file is readable by its owner only
_Pairs = list[tuple[str, Any]]


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


def check_json(where: str, value: Any, kind: type = object) -> None:
    """Refuse a value that JSON cannot hold.

    Args:
        where: what the message calls the value; a field of it is ``where.field``.
        value: what must be None, a finite number, text, or a list or mapping of such values.
        kind: the type that the value itself must have.

    Raises:
        InputError: it is none of these; the message names the field.
    """
    if not isinstance(value, kind):
        raise InputError(f"{where} is a {type(value).__name__}: it must be a {kind.__name__}")
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str):
                raise InputError(f"{where} has the key {key!r}: every key must be a string")
            check_json(f"{where}.{key}", part)
    elif isinstance(value, list | tuple):
        for position, part in enumerate(value):
            check_json(f"{where}[{position}]", part)
    elif not _is_plain(value):
        raise InputError(
            f"{where} is {value!r} ({type(value).__name__}), which JSON cannot hold: "
            "use numbers that are finite, strings, booleans, None, or lists and mappings of these"
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return value.encode(errors="replace").decode() == value  # no half of a surrogate pair
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int)


def parse_json(text: str, *, pairs_hook: Callable[[_Pairs], Any] | None = None) -> Any:
    """Return the value of a JSON text in which every number is finite.

    Args:
        text: the JSON text.
        pairs_hook: makes a value of the fields of each object, as in ``json.loads``.

    Raises:
        ValueError: not JSON, or it holds NaN, an infinity or a number that overflows (1e999).
        RecursionError: nested too deeply.
    """
    return json.loads(
        text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=pairs_hook
    )


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:40]} is not a finite number")

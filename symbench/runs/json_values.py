"""Refuses values that JSON cannot hold, and names their field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from symbench.errors import InputError


def check_json(where: str, value: Any, kind: type = object) -> None:
    """Refuse a value that JSON cannot hold.

    Args:
        where: what the message calls the value; a field of it is ``where.field``.
        value: must be None, a finite number, text, or a list or mapping of such values.
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
        return value.encode(errors="replace").decode() == value  # no lone surrogate
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int)

"""Text of unknown origin -> a submission, or the reason why not."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from symbench.errors import InputError
from symbench.publish.submission.document import Submission

LARGEST = 64 * 2**20  # bytes; a cell takes some twenty thousand
DEEPEST = 20
# A string may be left open: one that has to end would be sought again from each of its quotes.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)


def read(path: Path) -> Submission:
    """Return the submission in a file.

    Raises:
        InputError: no such file, or none that may be read; the message says why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return parse(content)


def parse(content: bytes) -> Submission:
    """Return the submission that bytes of unknown origin hold.

    Size and nesting are bounded before anything is parsed; NaN, infinities and a field given twice
    are refused.

    Raises:
        InputError: not a submission; the message says why.
    """
    if len(content) > LARGEST:
        raise InputError(f"larger than {LARGEST} bytes")
    if _deeper_than(content, DEEPEST):
        raise InputError(f"nested deeper than {DEEPEST} levels")
    try:
        document = json.loads(
            content.decode(), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once
        )
    except ValueError as error:
        raise InputError(f"not JSON that a submission may hold: {error}") from error
    try:
        return Submission.of(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"not of the schema: {place}: {first['msg']}") from error


def _deeper_than(content: bytes, most: int) -> bool:
    depth = 0
    for token in _TOKEN.finditer(content):
        mark = token[0][:1]
        if mark in b"[{":
            depth += 1
            if depth > most:
                return True
        elif mark in b"]}":
            depth -= 1
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A reader must not see one of two values, and a tool the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field is given twice")
    if "tensors" in found:
        raise ValueError("tensors have no place in a submission")
    return found


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant[:40]} is not a finite number")

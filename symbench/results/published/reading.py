"""Reads a submission from text of unknown origin, or says why it cannot."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from symbench import files
from symbench.errors import InputError
from symbench.results.published.document import COMPRESSED, FILE_NAME, Submission

LARGEST = 64 * 2**20  # bytes; a cell takes about 20,000
DEEPEST = files.DEEPEST + 2  # a record is two levels deep in a submission
_LONGEST = 100_000  # fields of an object: the reader names every wrong one
# How many of each character: six to forty times as many as in a genuine submission of that size.
_MOST = {b'"': LARGEST // 8, b",": LARGEST // 12, b":": LARGEST // 12, b"\\": LARGEST // 64,
         b"[": LARGEST // 64, b"{": LARGEST // 64}  # fmt: skip


def file_of(path: Path) -> Path:
    """Return the file of a submission: the path itself, or what its directory has.

    Raises:
        InputError: the directory has the submission twice, once compressed.
    """
    if not path.is_dir():
        return path
    file, compressed = path / FILE_NAME, path / COMPRESSED
    if not compressed.is_file():
        return file
    if file.exists():
        raise InputError(f"{path} has {FILE_NAME} and {COMPRESSED}: remove one of them")
    return compressed


def read(path: Path) -> Submission:
    """Return the submission in a file, which is compressed if its name ends in ``.gz``.

    Raises:
        InputError: the file cannot be read or holds no submission; the message says why.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {_why(error)}") from error
    return parse(content)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def parse(content: bytes) -> Submission:
    """Return the submission that bytes of unknown origin hold.

    Size and nesting are checked before anything is parsed. NaN, infinities and duplicate fields
    are refused.

    Raises:
        InputError: not a submission; the message says why.
    """
    document = parse_foreign(content)
    try:
        return Submission.of(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"not of the schema: {place}: {first['msg']}") from error


def parse_foreign(content: bytes) -> Any:
    """Return the JSON value that bytes of unknown origin hold.

    Raises:
        InputError: too large, too deep, or not JSON that a submission may hold.
    """
    if len(content) > LARGEST:
        raise InputError(f"larger than {LARGEST} bytes")
    for mark, most in _MOST.items():
        if content.count(mark) > most:
            raise InputError(f"more than {most} times {mark.decode()}")
    try:
        return files.parse_json(content.decode(), pairs_hook=_object, deepest=DEEPEST)
    except ValueError as error:
        raise InputError(f"not JSON that a submission may hold: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse duplicate fields, of which different programs would read different values."""
    if len(pairs) > _LONGEST:
        raise ValueError(f"an object has more than {_LONGEST} fields")
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is given twice")
    if "tensors" in fields:
        raise ValueError("tensors have no place in a submission")
    return fields

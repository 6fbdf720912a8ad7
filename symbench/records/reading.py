"""Files of a store are read whole, up to a limit, and only in a schema that this version knows."""

from __future__ import annotations

import re
from pathlib import Path

from symbench.errors import StoreError
from symbench.records.record import Record

HEAD = 1000  # bytes in which a file states its schema
_SCHEMA = re.compile(rb'\A\s*\{\s*"schema"\s*:\s*(\d{1,6})\s*[,}]')


class NewerError(Exception):
    """A file of a schema newer than this version knows."""


def content_of(path: Path, largest: int) -> bytes:
    """Return the content of a file.

    Raises:
        NewerError: its schema is newer than this version knows.
        OSError: it cannot be read.
        ValueError: it has more than ``largest`` bytes.
    """
    with path.open("rb") as file:
        content = file.read(largest + 1)
    check_schema(content[:HEAD])
    if len(content) > largest:
        raise ValueError(f"larger than {largest} bytes")
    return content


def record_of(content: bytes, key: str) -> Record:
    """Return the record that the content of a file holds.

    Raises:
        ValueError: it is none, or has another key.
    """
    record = Record.from_json(content.decode())
    if record.key != key:
        raise ValueError(f"its identity hashes to {record.key}, not to its name")
    return record


def check_schema(head: bytes) -> None:
    """Check the schema that the first bytes of a file state.

    Raises:
        NewerError: it is newer than this version knows.
    """
    schema = _SCHEMA.match(head)
    if schema is not None and int(schema[1]) > 1:
        raise NewerError(f"its schema is {int(schema[1])}, this version reads 1; update symbench")


def cannot(verb: str, path: Path, error: OSError) -> StoreError:
    """Return the error of a path that cannot be read or written, with what to do."""
    return StoreError(
        f"cannot {verb} {path}: {error.strerror or error}; "
        "free disk space or fix its permissions, or choose another directory with --store DIR"
    )

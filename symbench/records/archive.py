"""A store as one file that is only read: ``cells.zip`` with what its folder ``cells`` had.

``python -m zipfile -c cells.zip cells`` makes it, ``python -m zipfile -e cells.zip .`` unpacks it.
"""

from __future__ import annotations

import re
import zlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile, ZipInfo

from symbench.errors import StoreError
from symbench.records.reading import NewerError, check_schema, record_of
from symbench.records.record import Record

if TYPE_CHECKING:
    from torch import Tensor

FILE_NAME = "cells.zip"
_CELL = re.compile(r"cells/([0-9a-f]{16})\.(json|safetensors)")
_LARGEST = 10_000_000  # bytes of a record
_LARGEST_TENSORS = 2**28  # bytes
_MOST = 100_000  # entries
# zipfile raises the last three for an unknown compression, an encrypted entry and a bad name
_UNREADABLE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class Archive:
    """The records in ``cells.zip`` of a directory. Nothing is ever written to it."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.file = self.path / FILE_NAME

    def records(self) -> list[Record]:
        """Return every record.

        Raises:
            StoreError: the archive, or a record in it, cannot be read.
        """
        found = []
        for (key, suffix), entry in self._entries.items():
            if suffix == "json":
                content = self._content(entry, _LARGEST)
                try:
                    check_schema(content)
                    found.append(record_of(content, key))
                except (NewerError, ValueError) as error:
                    raise self._broken(f"{entry.filename}: {error}") from error
        return found

    def read_tensors(self, key: str) -> dict[str, Tensor]:
        """Return the tensors of a record; empty if it has none.

        Raises:
            StoreError: they cannot be read.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        entry = self._entries.get((key, "safetensors"))
        if entry is None:
            return {}
        try:
            return dict(load(self._content(entry, _LARGEST_TENSORS)))
        except (SafetensorError, LookupError, TypeError, RuntimeError) as error:
            raise self._broken(f"{entry.filename}: {error}") from error

    def has_networks(self, record: Record) -> bool:  # noqa: ARG002 - as of a store
        """Return False: an archive has no networks."""
        return False

    def read_networks(self, record: Record) -> dict[str, Tensor]:  # noqa: ARG002 - as of a store
        """Refuse: an archive has no networks.

        Raises:
            StoreError: always.
        """
        raise StoreError(f"{self.file} keeps no networks: run the cell again with --keep-networks")

    @cached_property
    def _entries(self) -> dict[tuple[str, str], ZipInfo]:
        """The entries that a store would read, by key and suffix."""
        try:
            with ZipFile(self.file) as archive:
                entries = archive.infolist()
        except (OSError, *_UNREADABLE) as error:
            raise self._broken(error) from error
        if len(entries) > _MOST:
            raise self._broken(f"more than {_MOST} entries")
        named = ((_CELL.fullmatch(entry.filename), entry) for entry in entries)
        return {(match[1], match[2]): entry for match, entry in named if match}

    def _content(self, entry: ZipInfo, largest: int) -> bytes:
        try:
            with ZipFile(self.file) as archive, archive.open(entry) as file:
                content = file.read(largest + 1)
        except (OSError, *_UNREADABLE) as error:
            raise self._broken(f"{entry.filename}: {error}") from error
        if len(content) > largest:
            raise self._broken(f"{entry.filename}: larger than {largest} bytes")
        return content

    def _broken(self, why: object) -> StoreError:
        return StoreError(f"{self.file} cannot be used: {why}; make it again from the store")


def is_archive(path: Path) -> bool:
    """Whether a directory has an archive of cells, and no cells beside it."""
    return (path / FILE_NAME).is_file() and not (path / "cells").is_dir()

"""A store as one file that is only read: ``cells.zip`` with what its folder ``cells`` had.

``python -m zipfile -c cells.zip cells`` makes it, ``python -m zipfile -e cells.zip .`` unpacks it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from symbench.errors import StoreError
from symbench.records.reading import NewerError, check_schema, record_of
from symbench.records.record import Record
from symbench.records.store import merged

if TYPE_CHECKING:
    from torch import Tensor

FILE_NAME = "cells.zip"
_CELL = re.compile(r"cells/([0-9a-f]{16})\.(json|safetensors)")
_LARGEST = 10_000_000  # bytes of a record
_LARGEST_RECORDS = 2**30  # bytes of all of them
_LARGEST_TENSORS = 2**28  # bytes
_MOST = 100_000  # entries
_METHODS = ZIP_STORED, ZIP_DEFLATED  # others take up to gigabytes of memory to unpack
# zipfile raises the last three for a newer version, an encrypted entry and a bad name
_UNREADABLE = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class Archive:
    """The records in ``cells.zip`` of a directory. Nothing is ever written to it."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.file = self.path / FILE_NAME

    def records(self) -> list[Record]:
        """Return every record, by task, model, tier and start.

        Raises:
            StoreError: the archive, or a record in it, cannot be read.
        """
        entries = [entry for (_, suffix), entry in self._entries.items() if suffix == "json"]
        if sum(entry.file_size for entry in entries) > _LARGEST_RECORDS:
            raise self._broken(f"its records have more than {_LARGEST_RECORDS} bytes")
        contents = self._contents(entries, _LARGEST)
        return merged([[self._record(name, content) for name, content in contents]])

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
        ((_, content),) = self._contents([entry], _LARGEST_TENSORS)
        try:
            return dict(load(content))
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
        """The entries that a store would read, by key and suffix.

        Files of other names are left alone, unless the archive calls them by two names: then one of
        the two is damaged, and it may be a record's.
        """
        try:
            with ZipFile(self.file) as archive:
                entries = archive.infolist()
                for entry in entries[:_MOST]:
                    if not _CELL.fullmatch(entry.filename):
                        _check_name(archive, entry)
        except (OSError, *_UNREADABLE) as error:
            raise self._broken(error) from error
        if len(entries) > _MOST:
            raise self._broken(f"more than {_MOST} entries")
        named = ((_CELL.fullmatch(entry.filename), entry) for entry in entries)
        return {(match[1], match[2]): entry for match, entry in named if match}

    def _record(self, name: str, content: bytes) -> Record:
        try:
            check_schema(content)
            return record_of(content, PurePosixPath(name).stem)
        except (NewerError, ValueError) as error:
            raise self._broken(f"{name}: {error}") from error

    def _contents(self, entries: Sequence[ZipInfo], largest: int) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of each entry; the directory of the file is read once."""
        name = ""
        try:
            with ZipFile(self.file) as archive:
                for entry in entries:
                    name = f"{entry.filename}: "
                    if entry.compress_type not in _METHODS:
                        raise BadZipFile("its compression is neither none nor deflate")
                    with archive.open(entry) as file:
                        content = file.read(largest + 1)
                    if len(content) > largest:
                        raise BadZipFile(f"larger than {largest} bytes")
                    yield entry.filename, content
        except (OSError, *_UNREADABLE) as error:
            raise self._broken(f"{name}{error}") from error

    def _broken(self, why: object) -> StoreError:
        return StoreError(f"{self.file} cannot be used: {why}; make it again from the store")


def _check_name(archive: ZipFile, entry: ZipInfo) -> None:
    """Raise BadZipFile if an entry has another name in the directory than before its content."""
    with suppress(RuntimeError), archive.open(entry):  # encrypted, or of an unknown compression
        pass


def is_archive(path: Path) -> bool:
    """Whether a directory has an archive of cells, and no cells beside it."""
    return (path / FILE_NAME).is_file() and not (path / "cells").is_dir()

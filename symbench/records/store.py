"""Records on disk: one JSON file a cell, written atomically; nothing else writes them.

A path is made from a key (16 hex digits), never from a name. Stores merge by copying files.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from symbench.errors import StoreError
from symbench.records.record import Record

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{16}")
_SCHEMA = re.compile(r'\A\s*\{\s*"schema"\s*:\s*(\d{1,6})\s*[,}]')
_LARGEST = 10_000_000  # bytes; a record is some ten thousand
_PERMISSIONS = 0o644


class Store:
    """A directory of records; it is made when the first record is written.

    ``warnings`` collects one sentence for every file that could not be used.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.cells = self.path / "cells"
        self.aside = self.path / "aside"
        self.warnings: list[str] = []
        self._claims: dict[str, FileLock] = {}

    def check_writable(self) -> None:
        """Make the store's directory and prove that a file can be written there.

        Raises:
            StoreError: it cannot; the message names the path and the mend.
        """
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.cells) as file:
                file.write(b"\0")
        except OSError as error:
            raise _cannot("write", self.cells, error) from error

    def claim(self, key: str) -> bool:
        """Whether the cell is now this process's to compute; a claim ends with its process.

        Raises:
            StoreError: the directory cannot be written.
        """
        directory = self.path / "claims"
        lock = FileLock(directory / f"{_checked(key)}.lock", timeout=0)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            return False
        except OSError as error:
            raise _cannot("write", directory, error) from error
        self._claims[key] = lock
        return True

    def release(self, key: str) -> None:
        """Give a claim back, if there is one."""
        if (lock := self._claims.pop(key, None)) is not None:
            lock.release()

    def release_all(self) -> None:
        """Give every claim back."""
        for key in list(self._claims):
            self.release(key)

    def write(self, record: Record) -> Path:
        """Store a record in place of any earlier one of the same key, whole or not at all.

        Raises:
            StoreError: the directory cannot be written, or the disk is full.
            ValueError: the record holds NaN or an infinity; it could not be read back.
        """
        content = record.to_json().encode()
        _parsed(content, record.key)
        if record.tensors:  # first, so that no record is ever without them
            self.write_tensors(record.key, record.tensors)
        return self._write(f"{record.key}.json", content)

    def write_tensors(self, key: str, tensors: Mapping[str, Tensor]) -> Path:
        """Store tensors (learned generators, trajectories) beside the record of that key."""
        from safetensors.torch import save

        content = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
        return self._write(f"{_checked(key)}.safetensors", content)

    def read(self, key: str) -> Record | None:
        """Return the record, or None where there is none (or none that can be used)."""
        path = self.cells / f"{_checked(key)}.json"
        return self._read(path) if path.is_file() else None

    def read_tensors(self, key: str) -> dict[str, Tensor]:
        """Return the tensors stored beside a record; empty where there are none.

        Raises:
            StoreError: the file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self.cells / f"{_checked(key)}.safetensors"
        try:
            return dict(load_file(path)) if path.is_file() else {}
        except (SafetensorError, OSError) as error:
            raise StoreError(f"{path} cannot be read: {error}; run the cell --fresh") from error

    def records(self) -> list[Record]:
        """Return every usable record, by task, model, tier and start."""
        read = [self._read(path) for path in self._files()]
        return sorted((record for record in read if record is not None), key=_order)

    def set_aside(self) -> list[Path]:
        """Return the files that were found unusable and moved to ``aside/``."""
        return sorted(self.aside.iterdir()) if self.aside.is_dir() else []

    def _files(self) -> list[Path]:
        try:
            found = sorted(self.cells.iterdir()) if self.cells.is_dir() else []
        except OSError as error:
            raise _cannot("read", self.cells, error) from error
        return [path for path in found if _is_record(path)]

    def _read(self, path: Path) -> Record | None:
        try:
            content = _content(path)
            return _parsed(content, path.stem)
        except _NewerError as error:
            self._warn(f"{path} is left out: {error}")
        except FileNotFoundError:  # another process has just moved it
            return None
        except OSError as error:
            raise _cannot("read", path, error) from error
        except (ValueError, RecursionError) as error:
            return self._put_aside(path, error)
        return None

    def _put_aside(self, path: Path, reason: Exception) -> Record | None:
        """Move an unusable file out of the way; it is neither deleted nor overwritten."""
        why = " ".join(str(reason).split())[:200]
        try:
            self.aside.mkdir(exist_ok=True)
            handle, place = tempfile.mkstemp(".json", f"{path.stem}-", self.aside)
            os.close(handle)
            path.replace(place)
        except OSError as error:
            self._warn(f"{path} is left out: {why} (it could not be set aside: {error.strerror})")
            return None
        try:
            # Another process may have replaced the file by a good one since it was read.
            record = _parsed(_content(Path(place)), path.stem)
        except (OSError, ValueError, RecursionError):
            self._warn(f"{path} cannot be used: {why}; set aside as {place}")
            return None
        if not path.exists():
            Path(place).replace(path)
        return record

    def _write(self, name: str, content: bytes) -> Path:
        path = self.cells / name
        temporary = None
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(".tmp", f".{name}.", self.cells)
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, _PERMISSIONS)
            os.replace(temporary, path)
            temporary = None
        except OSError as error:
            raise _cannot("write", path, error) from error
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
        return path

    def _warn(self, message: str) -> None:
        self.warnings.append(message)
        _log.warning(message)


class _NewerError(Exception):
    """A record of a schema that this version does not know."""


def records_of(stores: Iterable[Store]) -> list[Record]:
    """Return the records of several stores; of one key's records the one started last."""
    merged: dict[str, Record] = {}
    for store in stores:
        for record in store.records():
            known = merged.get(record.key)
            if known is None or started(record) >= started(known):
                merged[record.key] = record
    return sorted(merged.values(), key=_order)


def started(record: Record) -> str:
    """Return when the cell was started (ISO 8601, UTC: sorts as text); empty if unknown."""
    return record.provenance.started or ""


def _order(record: Record) -> tuple[str, str, str, str, str]:
    identity = record.identity
    return identity.task, identity.model, identity.tier, started(record), record.key


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not a record's key: a key is 16 lower-case hex digits")
    return key


def _is_record(path: Path) -> bool:
    return path.suffix == ".json" and _KEY.fullmatch(path.stem) is not None and path.is_file()


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST} bytes")
    return content


def _parsed(content: bytes, key: str) -> Record:
    text = content.decode()
    schema = _SCHEMA.match(text)
    if schema is not None and int(schema[1]) > 1:
        raise _NewerError(f"its schema is {schema[1]}, this version reads 1; update symbench")
    record = Record.from_json(text)
    if record.key != key:
        raise ValueError(f"its identity hashes to {record.key}, not to its name")
    return record


def _cannot(verb: str, path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot {verb} {path}: {error.strerror or error}; "
        "free the place or choose another with --store DIR"
    )

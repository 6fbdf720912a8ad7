"""The result store: a directory with one JSON file per cell, each written atomically.

The pairs that a plan declined are in one file beside the cells (``records.declined``). Only these
modules write these files. A path is made from a record's key (16 hex digits), never from
the name of a task or model. Stores are merged by copying files.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock, Timeout

from symbench.errors import StoreError
from symbench.files import write_atomic
from symbench.records.declined import DeclinedPairs
from symbench.records.reading import HEAD, NewerError, cannot, check_schema, content_of, record_of
from symbench.records.record import Record

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{16}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(\+00:00|Z)?", re.ASCII)
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RuntimeError)  # for safetensors
_LARGEST = 10_000_000  # bytes; a record usually has about 10,000
_LARGEST_NETWORKS = 2**29  # bytes; the file of a cell's networks has at most half of them


class Store:
    """A directory of records, created when the first record is written.

    ``declined`` holds the pairs that plans declined. ``warnings`` has one sentence for every file
    that could not be used.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.cells = self.path / "cells"
        self.aside = self.path / "aside"
        self.warnings: list[str] = []
        self.declined = DeclinedPairs(self.path, self._warn, self._put_aside)
        self._claims: dict[str, FileLock] = {}
        self._place: tuple[int, int] | None = None  # device and inode of ``cells``

    def check_writable(self) -> None:
        """Create the store's directory and check that a file can be written in it.

        Raises:
            StoreError: it cannot; the message names the path and says what to do.
        """
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.cells) as file:
                file.write(b"\0")
            self._place = _place(self.cells)
        except OSError as error:
            raise cannot("write", self.cells, error) from error

    def claim(self, key: str) -> bool:
        """Claim a cell for this process; return False if another process has claimed it.

        The claim lasts until it is released or the process ends.

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
            raise cannot("write", directory, error) from error
        self._claims[key] = lock
        return True

    def release(self, key: str) -> None:
        """Release the claim on a cell, if this process has one."""
        if (lock := self._claims.pop(key, None)) is not None:
            lock.release()

    def release_all(self) -> None:
        """Release every claim of this process."""
        for key in list(self._claims):
            self.release(key)

    def newer(self, key: str) -> str | None:
        """Return what to say of a record of a newer schema under the key; None if there is none.

        Such a record is never read, moved or replaced.
        """
        path = self.cells / f"{_checked(key)}.json"
        if not path.is_file():  # reading a pipe would wait for a writer
            return None
        try:
            with path.open("rb") as file:
                check_schema(file.read(HEAD))
        except OSError:
            return None
        except NewerError as error:
            return f"{path}: {error}, or choose another directory with --store DIR"
        return None

    def write(self, record: Record) -> Path:
        """Store a record atomically; it replaces an earlier one with the same key.

        An earlier one of a newer schema stays, with a warning.

        Raises:
            StoreError: the directory cannot be written, or the disk is full.
            ValueError: the record holds NaN or an infinity; nothing is written.
        """
        content = record.to_json().encode()
        if (why := self.newer(record.key)) is not None:
            self._warn(f"a result is not stored: {why}")
            return self.cells / f"{record.key}.json"
        if record.tensors:  # before the record, so that a stored record always has its tensors
            self.write_tensors(record.key, record.tensors)
        if record.networks:
            self._write(_networks(record.key), record.networks)
        path = self._write(f"{record.key}.json", content)
        if record.provenance.networks is None:  # those of an earlier record are of no use
            (self.cells / _networks(record.key)).unlink(missing_ok=True)
        return path

    def write_tensors(self, key: str, tensors: Mapping[str, Tensor]) -> Path:
        """Store the tensors (learned generators, trajectories) of the record with that key."""
        from safetensors.torch import save

        content = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()})
        return self._write(f"{_checked(key)}.safetensors", content)

    def remove(self, key: str) -> None:
        """Delete the files of a record if they can be deleted; one of a newer schema stays."""
        if self.newer(key) is not None:
            return
        for name in (f"{key}.json", f"{key}.safetensors", _networks(key)):
            with suppress(OSError):
                (self.cells / name).unlink()

    def read(self, key: str) -> Record | None:
        """Return the record; None if there is none, or none that can be used."""
        path = self.cells / f"{_checked(key)}.json"
        return self._read(path) if path.is_file() else None

    def read_tensors(self, key: str) -> dict[str, Tensor]:
        """Return the tensors of a record; empty if it has none.

        Raises:
            StoreError: the file is damaged.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self.cells / f"{_checked(key)}.safetensors"
        try:
            return dict(load_file(path)) if path.is_file() else {}
        except (SafetensorError, *_UNREADABLE) as error:
            raise StoreError(
                f"{path} cannot be read: {error}; run the cell again with --fresh"
            ) from error

    def read_networks(self, record: Record) -> dict[str, Tensor]:
        """Return the tensors of the trained networks that were kept with a record.

        Raises:
            StoreError: none were kept, or the file is missing, damaged or that of another record.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        known, path = record.provenance.networks, self.cells / _networks(record.key)
        if known is None or not known.trials:
            raise StoreError(
                f"no networks of {record.identity.task} {record.identity.model} are kept: run the "
                "cell with --keep-networks, and with --fresh if it is finished"
            )
        try:
            with path.open("rb") as file:
                content = file.read(min(known.bytes + 1, _LARGEST_NETWORKS))
        except FileNotFoundError as error:
            raise StoreError(
                f"{path} is missing: copy it beside the record, or run the cell again with "
                "--keep-networks --fresh"
            ) from error
        except OSError as error:
            raise cannot("read", path, error) from error
        if hashlib.sha256(content).hexdigest() != known.sha256:
            raise StoreError(
                f"{path} is not the file that the record names: run the cell again with "
                "--keep-networks --fresh"
            )
        try:
            return dict(load(content))
        except (SafetensorError, *_UNREADABLE) as error:
            raise StoreError(
                f"{path} cannot be read: {error}; run the cell again with --keep-networks --fresh"
            ) from error

    def has_networks(self, record: Record) -> bool:
        """Whether trained networks are kept with a record, and their file is there."""
        known = record.provenance.networks
        if known is None or not known.trials:
            return False
        return (self.cells / _networks(record.key)).is_file()

    def records(self) -> list[Record]:
        """Return every usable record and the declined pairs, by task, model, tier and start."""
        read = [self._read(path) for path in self._files()]
        records = [record for record in read if record is not None]
        return sorted([*records, *self.declined.records()], key=_order)

    def set_aside(self) -> list[Path]:
        """Return the unusable files that were moved to ``aside/``."""
        return sorted(self.aside.iterdir()) if self.aside.is_dir() else []

    def _files(self) -> list[Path]:
        try:
            entries = sorted(self.cells.iterdir()) if self.cells.is_dir() else []
        except OSError as error:
            raise cannot("read", self.cells, error) from error
        return [path for path in entries if _is_record(path)]

    def _read(self, path: Path) -> Record | None:
        try:
            content = content_of(path, _LARGEST)
            return record_of(content, path.stem)
        except NewerError as error:
            self._warn(f"{path} is ignored: {error}")
        except FileNotFoundError:  # another process has just moved it
            return None
        except OSError as error:
            raise cannot("read", path, error) from error
        except ValueError as error:
            return self._put_aside(path, error)
        return None

    def _put_aside(self, path: Path, reason: Exception) -> Record | None:
        """Move an unusable file to ``aside/``, where it is neither deleted nor overwritten.

        Return the record if another process has meanwhile replaced the file by a good one.
        """
        why = " ".join(str(reason).split())[:200]
        try:
            self.aside.mkdir(exist_ok=True)
            handle, place = tempfile.mkstemp(".json", f"{path.stem}-", self.aside)
            os.close(handle)
            path.replace(place)
        except OSError as error:
            self._warn(f"{path} is ignored: {why} (it could not be set aside: {error.strerror})")
            return None
        try:
            record = record_of(content_of(Path(place), _LARGEST), path.stem)
        except (OSError, ValueError):
            self._warn(f"{path} cannot be used: {why}; set aside as {place}")
            return None
        if not path.exists():
            Path(place).replace(path)
        return record

    def _write(self, name: str, content: bytes) -> Path:
        path = self.cells / name
        try:
            if self._place is not None and _place(self.cells) != self._place:
                self.cells.mkdir(parents=True, exist_ok=True)
                self._place = _place(self.cells)
                self._warn(f"{self.path} was moved or deleted: a new store is begun under its name")
            return write_atomic(path, content, durable=True)
        except OSError as error:
            raise cannot("write", path, error) from error

    def _warn(self, message: str) -> None:
        self.warnings.append(message)
        _log.warning(message)


class Source(Protocol):
    """What records are read from: a store, or a publication."""

    @property
    def path(self) -> Path:
        """Where it is."""

    def records(self) -> list[Record]:
        """Return every usable record."""

    def read_tensors(self, key: str) -> dict[str, Tensor]:
        """Return the tensors of a record; empty if it has none."""

    def has_networks(self, record: Record) -> bool:
        """Whether trained networks are kept with a record."""

    def read_networks(self, record: Record) -> dict[str, Tensor]:
        """Return the tensors of the trained networks that were kept with a record."""


def records_of(sources: Iterable[Source]) -> list[Record]:
    """Return the records of several sources, for each key the one that was started last."""
    return merged(source.records() for source in sources)


def merged(read: Iterable[Iterable[Record]]) -> list[Record]:
    """Return records that were read from several sources, merged like those of ``records_of``."""
    newest: dict[str, Record] = {}
    for records in read:
        for record in records:
            known = newest.get(record.key)
            if known is None or started(record) >= started(known):
                newest[record.key] = record
    return sorted(newest.values(), key=_order)


def started(record: Record) -> str:
    """Return when the cell was started (ISO 8601 in UTC, so it sorts as text), "" if unknown.

    What is no such time, or more than a day ahead, is unknown: it would win over every record.
    """
    stated = record.provenance.started or ""
    if not _TIME.fullmatch(stated):
        return ""
    ahead = datetime.now(UTC) + timedelta(days=1)
    return stated if stated <= ahead.isoformat(timespec="seconds") else ""


def _place(directory: Path) -> tuple[int, int] | None:
    try:
        status = directory.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _order(record: Record) -> tuple[str, str, str, str, str]:
    identity = record.identity
    return identity.task, identity.model, identity.tier, started(record), record.key


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not a record's key: a key is 16 lower-case hex digits")
    return key


def _networks(key: str) -> str:
    return f"{_checked(key)}.networks.safetensors"


def _is_record(path: Path) -> bool:
    return path.suffix == ".json" and _KEY.fullmatch(path.stem) is not None and path.is_file()

"""Data files of tasks: where they are looked for, how they are checked and downloaded.

A data file is looked for in the directory that ``SYMBENCH_DATA`` names, then in the user's cache.
A missing file is downloaded, unless ``SYMBENCH_OFFLINE`` is set. Checksums are written as
``"md5:<hex digits>"`` or ``"sha256:<hex digits>"``.

A task describes its files and uses three calls of theirs: in ``Task.available``, ``unavailable``;
in ``Task.is_local``, ``find``; in ``Task.sample``, ``fetch``.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from symbench.errors import InputError

_PROBE = (2.0, 2.0)  # seconds to connect to a server, and to wait for its answer
_TRANSFER = 30.0  # seconds without a byte


@dataclass(frozen=True)
class Stamp:
    """An existing file with its size and its time of change.

    It is hashable: what is cached under a stamp is computed again when the file changes.

    Attributes:
        path: the file.
        size: in bytes.
        modified: time of the last change, in nanoseconds.
    """

    path: Path
    size: int
    modified: int

    @staticmethod
    def of(path: Path) -> Stamp:
        """Return the stamp of an existing file."""
        status = path.stat()
        return Stamp(path, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        path: where the file belongs, relative to a data directory.
        checksum: of its content, as ``"md5:…"`` or ``"sha256:…"``.
        urls: where it is served, tried in this order; empty if it must be fetched by hand.
    """

    path: str
    checksum: str
    urls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _parts(self.checksum)

    def find(self) -> Path | None:
        """Return the file in the first data directory that has it; its content is not checked."""
        places = (directory / self.path for directory in data_directories())
        return next((place for place in places if place.is_file()), None)

    def unavailable(self) -> str | None:
        """Return why the file cannot be had and what to do about it; None if it can.

        A file that is here is checked; for a missing one the servers are asked. Nothing is
        downloaded.
        """
        if (file := self.find()) is not None:
            return mismatch(Stamp.of(file), self.checksum)
        advice = f"set SYMBENCH_DATA to a directory with {self.path}"
        if offline():
            return f"{self.path} is not here and SYMBENCH_OFFLINE is set; {advice}, or unset it"
        if not self.urls:
            return f"{self.path} is not here and cannot be downloaded; {advice}"
        if any(_answers(url) for url in self.urls):
            return None
        host = urlsplit(self.urls[0]).netloc
        return (
            f"{self.path} is not here and {host} does not answer; {advice}, "
            "or connect to the network"
        )

    def fetch(self) -> Path:
        """Return the checked file; a missing one is downloaded.

        It is stored in the first data directory that can be written.

        Raises:
            InputError: the file cannot be had, or is not the published one.
        """
        if reason := self.unavailable():
            raise InputError(reason)
        return self.find() or self._download()

    def _download(self) -> Path:
        directory = _writable() / Path(self.path).parent
        failures = []
        for url in self.urls:
            try:
                return _retrieve(url, self, directory)
            except (OSError, ValueError) as error:  # no connection or file; another checksum
                failures.append(f"{url}: {_first_line(error)}")
        raise InputError(
            f"{self.path} cannot be downloaded ({'; '.join(failures)}); "
            f"set SYMBENCH_DATA to a directory with {self.path}"
        )


def offline() -> bool:
    """Return whether ``SYMBENCH_OFFLINE`` forbids the network."""
    return os.environ.get("SYMBENCH_OFFLINE", "") not in ("", "0")


def data_directories() -> tuple[Path, ...]:
    """Return where data files are looked for: ``SYMBENCH_DATA`` if set, then the user's cache."""
    from platformdirs import user_cache_path

    directory = os.environ.get("SYMBENCH_DATA")
    cache = user_cache_path("symbench") / "data"
    return (Path(directory).expanduser(), cache) if directory else (cache,)


def find(*names: str) -> Path | None:
    """Return the first file or directory with one of the names; None if there is none.

    The names, relative to a data directory, are tried in their order in the first directory, then
    in the next.
    """
    for directory in data_directories():
        for name in names:
            if (directory / name).exists():
                return directory / name
    return None


def mismatch(stamp: Stamp, checksum: str) -> str | None:
    """Return why a file is not the published one and what to do about it; None if it is.

    Args:
        stamp: the file.
        checksum: of the published file, as ``"md5:…"`` or ``"sha256:…"``.
    """
    algorithm, published = _parts(checksum)
    if (digest := _digest(stamp, algorithm)) == published:
        return None
    return (
        f"{stamp.path} is not the published file: its {algorithm} is {digest}, not {published}; "
        "remove it and fetch it again"
    )


def verify(stamp: Stamp, checksum: str) -> None:
    """Compare a file with its published checksum.

    Raises:
        InputError: it is another file; the message is that of ``mismatch``.
    """
    if reason := mismatch(stamp, checksum):
        raise InputError(reason)


def _parts(checksum: str) -> tuple[str, str]:
    """Return the algorithm and the digits of a checksum."""
    algorithm, _, digits = checksum.partition(":")
    if algorithm not in ("md5", "sha256") or not digits:
        raise InputError(f"checksum {checksum!r}: write it as 'md5:…' or 'sha256:…'")
    return algorithm, digits.lower()


@lru_cache(maxsize=64)
def _digest(stamp: Stamp, algorithm: str) -> str:
    with stamp.path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _answers(url: str) -> bool:
    """Whether a server has the file; asked once per process, nothing is downloaded."""
    import pooch

    try:
        return bool(pooch.HTTPDownloader(timeout=_PROBE)(url, None, None, check_only=True))
    except (OSError, ValueError):  # no connection; not an address
        return False


def _retrieve(url: str, file: RemoteFile, directory: Path) -> Path:
    import pooch

    return Path(
        pooch.retrieve(
            url,
            known_hash=file.checksum,
            fname=Path(file.path).name,
            path=directory,
            downloader=pooch.HTTPDownloader(timeout=_TRANSFER),
        )
    )


def _writable() -> Path:
    """Return the first data directory that exists or can be made, and can be written."""
    for directory in data_directories():
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK):
            return directory
    places = " nor ".join(str(directory) for directory in data_directories())
    raise InputError(f"neither {places} can be written; set SYMBENCH_DATA to one that can")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

"""Where data sets lie on disk, how their files are checked, and how missing ones are fetched."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from symbench import InputError

_PROBE = (2.0, 2.0)  # seconds to connect to one address, and to hear from it
_TRANSFER = 30.0  # seconds without a byte


@dataclass(frozen=True)
class Remote:
    """A published file: its place below the data directory, its md5 and where it is served."""

    path: str
    md5: str
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Stamp:
    """A file as it was when it was looked at; what is cached under it goes with the file."""

    path: Path
    size: int
    modified: int

    @staticmethod
    def of(path: Path) -> Stamp:
        """Return the stamp of an existing file."""
        status = path.stat()
        return Stamp(path, status.st_size, status.st_mtime_ns)


def offline() -> bool:
    """Whether SYMBENCH_OFFLINE forbids the network."""
    return os.environ.get("SYMBENCH_OFFLINE", "") not in ("", "0")


def roots() -> tuple[Path, ...]:
    """Return the data directories, the first wins: SYMBENCH_DATA if set, then the user's cache."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("SYMBENCH_DATA")
    cache = user_cache_path("symbench") / "data"
    return (Path(chosen).expanduser(), cache) if chosen else (cache,)


def find(*names: str) -> Path | None:
    """Return the first file or folder of these names, tried in order in each data directory."""
    for root in roots():
        for name in names:
            if (root / name).exists():
                return root / name
    return None


@lru_cache(maxsize=64)
def _md5(stamp: Stamp) -> str:
    with stamp.path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def verify(stamp: Stamp, md5: str) -> None:
    """Compare a file with its published md5.

    Raises:
        InputError: it is another file.
    """
    if (found := _md5(stamp)) != md5:
        raise InputError(
            f"{stamp.path} is not the published file: its md5 is {found}, not {md5}; "
            "remove it and fetch it again"
        )


def unavailable(missing: Remote) -> str | None:
    """Return why a file that is not on disk cannot be fetched, and the mend; None if it can."""
    mend = f"set SYMBENCH_DATA to a directory with {missing.path}"
    if offline():
        return f"{missing.path} is not here and SYMBENCH_OFFLINE is set; {mend}, or unset it"
    if any(_answers(url) for url in missing.urls):
        return None
    host = urlsplit(missing.urls[0]).netloc
    return (
        f"{missing.path} is not here and {host} does not answer; {mend}, or connect to the network"
    )


@lru_cache(maxsize=64)
def _answers(url: str) -> bool:
    """Whether the file can be had at the address; asked once per process, nothing is downloaded."""
    import pooch

    try:
        return bool(pooch.HTTPDownloader(timeout=_PROBE)(url, None, None, check_only=True))
    except (OSError, ValueError):  # no connection; nothing that could be an address
        return False


def fetch(missing: Remote) -> Path:
    """Download a file into the first data directory that can be written, and return its path.

    Raises:
        InputError: no address answers, what they serve has another md5, or it cannot be stored.
    """
    if reason := unavailable(missing):
        raise InputError(reason)
    directory = _writable() / Path(missing.path).parent
    failures = []
    for url in missing.urls:
        try:
            return _retrieve(url, missing, directory)
        except (OSError, ValueError) as error:  # no connection, no such file; another md5
            failures.append(f"{url}: {_one_line(error)}")
    raise InputError(
        f"{missing.path} cannot be downloaded ({'; '.join(failures)}); "
        f"set SYMBENCH_DATA to a directory with {missing.path}"
    )


def _retrieve(url: str, missing: Remote, directory: Path) -> Path:
    import pooch

    return Path(
        pooch.retrieve(
            url,
            known_hash=f"md5:{missing.md5}",
            fname=Path(missing.path).name,
            path=directory,
            downloader=pooch.HTTPDownloader(timeout=_TRANSFER),
        )
    )


def _writable() -> Path:
    """Return the first data directory that exists or can be made, and can be written."""
    for root in roots():
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(root, os.W_OK):
            return root
    places = " nor ".join(str(root) for root in roots())
    raise InputError(f"neither {places} can be written; set SYMBENCH_DATA to one that can")


def _one_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

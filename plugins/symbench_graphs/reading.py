"""Files of graph pairs: found or fetched, checked by SHA-256, decoded from graph6."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import networkx as nx
import numpy as np
from torch import Tensor

from symbench import InputError
from symbench_graphs.pairs import Pair, graph_tensor

_PROBE = (2.0, 2.0)  # seconds to connect to one address, and to hear from it
_TRANSFER = 30.0  # seconds without a byte


@dataclass(frozen=True)
class PairFile:
    """A published array of graph6 strings; neighbours in its flattened order are a pair.

    Attributes:
        path: its place below the data directory.
        url: where it is served.
        sha256: its checksum.
        category: what its pairs are counted as.
        pairs: how many it holds.
        first: the id of its first pair.
    """

    path: str
    url: str
    sha256: str
    category: str
    pairs: int
    first: int

    def find(self) -> Path | None:
        """Return the file in the first data directory that has it."""
        return next((root / self.path for root in roots() if (root / self.path).is_file()), None)

    def unavailable(self) -> str | None:
        """Return why the file cannot be had here, and the mend; None if it can."""
        if (found := self.find()) is not None:
            return None if _sha256(found) == self.sha256 else self._foreign(found)
        mend = f"set SYMBENCH_DATA to a directory with {self.path}"
        if os.environ.get("SYMBENCH_OFFLINE", "") not in ("", "0"):
            return f"{self.path} is not here and SYMBENCH_OFFLINE is set; {mend}, or unset it"
        if _answers(self.url):
            return None
        host = urlsplit(self.url).netloc
        return f"{self.path} is not here and {host} does not answer; {mend}, or go on-line"

    def read(self) -> list[Pair]:
        """Return the pairs, downloaded if need be.

        Raises:
            InputError: the file cannot be had, or is not the published one.
        """
        if reason := self.unavailable():
            raise InputError(reason)
        found = self.find() or _fetched(self)
        if _sha256(found) != self.sha256:
            raise InputError(self._foreign(found))
        return read_pairs(found, self.category, self.pairs, self.first)

    def _foreign(self, found: Path) -> str:
        return (
            f"{found} is not the published file: its SHA-256 is not {self.sha256}; "
            "remove it and fetch it again"
        )


def roots() -> tuple[Path, ...]:
    """Return the data directories, the first wins: SYMBENCH_DATA if set, then the user's cache."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("SYMBENCH_DATA")
    cache = user_cache_path("symbench") / "data"
    return (Path(chosen).expanduser(), cache) if chosen else (cache,)


def decode(code: str | bytes, where: str) -> Tensor:
    """Return the graph [2, n, n] that a graph6 string (without its header) stands for.

    Raises:
        InputError: it is malformed, or the graph has no node; the message begins with ``where``.
    """
    text = code.encode("ascii", "replace") if isinstance(code, str) else bytes(code)
    try:
        graph = nx.from_graph6_bytes(text)
    except (nx.NetworkXError, ValueError, IndexError) as error:
        raise InputError(f"{where}: {text[:20]!r} is not graph6 ({error})") from error
    try:
        return graph_tensor(graph)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def read_pairs(path: Path, category: str, count: int, first: int = 0) -> list[Pair]:
    """Return the pairs in a ``.npy`` array of graph6 strings, numbered from ``first``.

    Graphs may be disconnected; graph6 cannot write self-loops or directions.

    Raises:
        InputError: no such array, a wrong number of graphs, a malformed string, an empty graph,
            or a pair of different sizes; the message names the file.
    """
    try:
        codes = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as an array of strings: {error}") from error
    if codes.dtype.kind not in "SU":
        raise InputError(f"{path} holds {codes.dtype}, not graph6 strings")
    if codes.size != 2 * count:
        raise InputError(f"{path} holds {codes.size} graphs, not the {2 * count} of {count} pairs")
    graphs = [decode(code, f"{path}, graph {i}") for i, code in enumerate(codes.ravel().tolist())]
    try:
        return [
            Pair(first + i, category, graphs[2 * i], graphs[2 * i + 1], name=f"{path.name} {i}")
            for i in range(count)
        ]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _sha256(path: Path) -> str:
    status = path.stat()
    return _hashed(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: Path, size: int, modified: int) -> str:  # noqa: ARG001 - they are the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=64)
def _answers(url: str) -> bool:
    """Whether the file can be had at the address; asked once per process, nothing is downloaded."""
    import pooch

    try:
        return bool(pooch.HTTPDownloader(timeout=_PROBE)(url, None, None, check_only=True))
    except (OSError, ValueError):  # no connection; nothing that could be an address
        return False


def _fetched(missing: PairFile) -> Path:
    import pooch

    place = Path(missing.path)
    try:
        return Path(
            pooch.retrieve(
                missing.url, known_hash=f"sha256:{missing.sha256}", fname=place.name,
                path=_writable() / place.parent, downloader=pooch.HTTPDownloader(timeout=_TRANSFER),
            )
        )  # fmt: skip
    except (OSError, ValueError) as error:  # no connection, no such file; another checksum
        line = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(
            f"{missing.path} cannot be downloaded from {missing.url} ({line}); "
            f"set SYMBENCH_DATA to a directory with it"
        ) from error


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

"""Reads files of pairs of graphs in the graph6 format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import numpy as np
from torch import Tensor

from symbench import InputError
from symbench.downloads import RemoteFile
from symbench_graphs.pairs import Pair, graph_tensor


@dataclass(frozen=True)
class PairFile:
    """A published array of graph6 strings; each string at an even index and the next form a pair.

    Attributes:
        remote: the file and where it is served.
        category: the group in which its pairs are counted.
        pairs: the number of pairs.
        first: the id of its first pair.
    """

    remote: RemoteFile
    category: str
    pairs: int
    first: int

    def read(self) -> list[Pair]:
        """Return the pairs; a missing file is downloaded.

        Raises:
            InputError: the file can neither be found nor downloaded, or is not the published file.
        """
        return read_pairs(self.remote.fetch(), self.category, self.pairs, self.first)


def decode(code: str | bytes, where: str) -> Tensor:
    """Return the graph [2, n, n] that a graph6 string (without header) describes.

    Raises:
        InputError: the string is malformed, or the graph is empty; the message begins with
            ``where``.
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

    Graphs may be disconnected; graph6 has no self-loops and no directed edges.

    Raises:
        InputError: the file is not such an array, or it contains a wrong number of graphs, a
            malformed string, an empty graph or a pair of different sizes. The message names the
            file.
    """
    try:
        codes = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as an array of strings: {error}") from error
    if codes.dtype.kind not in "SU":
        raise InputError(f"{path} is an array of {codes.dtype}, not graph6 strings")
    if codes.size != 2 * count:
        raise InputError(f"{path} has {codes.size} graphs, not the {2 * count} of {count} pairs")
    graphs = [decode(code, f"{path}, graph {i}") for i, code in enumerate(codes.ravel().tolist())]
    try:
        return [
            Pair(first + i, category, graphs[2 * i], graphs[2 * i + 1], name=f"{path.name} {i}")
            for i in range(count)
        ]
    except InputError as error:
        raise InputError(f"{path}: {error}") from error

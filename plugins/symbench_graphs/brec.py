"""BREC: 400 pairs of graphs that 1-WL cannot distinguish, read from the published files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from symbench import InputError, Published
from symbench.downloads import RemoteFile
from symbench_graphs.pairs import Pair, PairTask
from symbench_graphs.reading import PairFile

_SERVED = (
    "https://raw.githubusercontent.com/GraphPKU/BREC/"
    "966b5ed5c27bf6372ea081f90ef8c8b2a3342ebc/customize/Data/raw"
)
_PARTS = (  # category, pairs, SHA-256, in the order of the official ids 0 to 399
    ("basic", 60, "adef7f761b803026b515d94172399f5db72fe73859b0e489a1edfaa5874aeec2"),
    ("regular", 50, "e9e85ff2003f50676e2a2ac7ef70b8ad919598c3042aaf8f5f6f43184bfdc663"),
    ("str", 50, "6de58d99b80b7ace4529d17cf8fe3d000b496b3c2a7ab7f59fe3f28f61746d6f"),
    ("extension", 100, "9b76b59842f997a502a83724daba033d793c5fbc9c2aa758834beb78d2309d4a"),
    ("cfi", 100, "e8d56d7c0a22768da8dfdcaae800bc8dc815fb10b1bf1b52dc7893ed68c4e92f"),
    ("4vtx", 20, "a9e593c485f3fa08d3db967d7c545a4f5cf7f417f016c9a77a5c1cc646786cea"),
    ("dr", 20, "11b861e1439ddee4c58fa04b523e874c25fdbb4ba867f3ac9104711cb3739d89"),
)
_THEOREM = "k-WL run on the 800 graphs"
_PAPER = "Wang and Zhang 2024, Table 2, as transcribed by another project"
_PROJECTS = "two public runs of the paper's protocol"


def files() -> tuple[PairFile, ...]:
    """Return the seven files, in the order of the official ids."""
    starts = [sum(count for _, count, _ in _PARTS[:i]) for i in range(len(_PARTS))]
    return tuple(
        PairFile(
            RemoteFile(f"brec/{name}.npy", f"sha256:{digest}", (f"{_SERVED}/{name}.npy",)),
            name,
            count,
            first,
        )
        for (name, count, digest), first in zip(_PARTS, starts, strict=True)
    )


def _published(model: str, label: str, source: str, pairs: float, score: str) -> Published:
    return Published(model, label, source, values={0: pairs, 32: pairs}, score=score)


class BREC(PairTask):
    """400 pairs of Wang and Zhang 2024 in seven categories, by their official ids.

    ``basic`` 0-59, ``regular`` 60-109, ``str`` (strongly regular) 110-159, ``extension`` 160-259,
    ``cfi`` 260-359, ``4vtx`` (4-vertex condition) 360-379, ``dr`` (distance regular) 380-399. The
    paper counts regular, str, 4vtx and dr as one category of 140. 1-WL distinguishes no pair, 2-FWL
    (= 3-WL) distinguishes 270: all of basic, regular and extension and 60 of cfi.

    The 800 graphs belong to 798 isomorphism classes: the second graphs of pairs 66 and 210 are
    isomorphic, and so are those of pairs 387 and 388. Ten pairs contain a disconnected graph.
    """

    name, version = "brec", "1"
    summary = "400 pairs of graphs that 1-WL cannot distinguish"
    reference = "Wang and Zhang, An Empirical Study of Realized GNN Expressiveness, ICML 2024"
    sizes = {"smoke": (0,), "quick": (), "standard": (0,), "full": (32,)}  # noqa: RUF012
    input_shape = (2, 20, 20)
    published = (
        _published("wl-1", "1-WL", _THEOREM, 0, "pairs_structural"),
        _published("fwl-2", "3-WL (= 2-FWL)", _THEOREM, 270, "pairs_structural"),
        _published("gin", "GIN", _PROJECTS, 0, "pairs_trained"),
        _published("ppgn", "PPGN", _PAPER, 233, "pairs_trained"),
        _published("i2-gnn", "I²-GNN", _PAPER, 281, "pairs_trained"),
        _published("khop-gnn", "KP-GNN", _PAPER, 275, "pairs_trained"),
        _published("gin-counted", "GSN", _PAPER, 254, "pairs_trained"),
        _published("sswl-plus", "SUN", _PAPER, 223, "pairs_trained"),
        _published("ngnn", "NGNN", _PAPER, 166, "pairs_trained"),
    )

    def pairs(self) -> Sequence[Pair]:
        """Return the 400 pairs; pair i has BREC's id i.

        Raises:
            InputError: a file can neither be found nor downloaded, or is not the published file.
        """
        return _read(tuple(file.remote.find() for file in files()))

    def is_local(self) -> bool:
        """Whether all seven files are in a data directory."""
        return all(file.remote.find() is not None for file in files())

    def available(self) -> str | None:
        """Return why the pairs are not available and what to do about it; None if they are."""
        reasons = (file.remote.unavailable() for file in files())
        if reason := next(filter(None, reasons), None):
            return reason
        if not self.is_local():
            return None
        try:
            self.pairs()
        except InputError as error:
            return str(error)
        return None


@lru_cache(maxsize=2)
def _read(paths: tuple[Path | None, ...]) -> tuple[Pair, ...]:  # noqa: ARG001 - the cache key
    return tuple(pair for file in files() for pair in file.read())

"""30 pairs like those of BREC that need no files: graph atlas, one srg and three CFI pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import networkx as nx

from symbench_graphs.ladder import bases, cfi_pair
from symbench_graphs.pairs import Pair, PairTask, graph_tensor

# All pairs of graphs of the atlas (every graph with at most 7 nodes, by its number there) to which
# colour refinement gives equal colours; a test recomputes this list.
ATLAS_PAIRS = (
    (105, 106), (128, 130), (152, 154), (174, 175), (268, 269), (312, 313), (353, 354),
    (377, 378), (449, 450), (471, 472), (555, 557), (573, 575), (699, 700), (722, 724),
    (729, 730), (839, 840), (870, 872), (877, 878), (946, 948), (998, 1000), (1008, 1009),
    (1080, 1081), (1104, 1105), (1150, 1152), (1170, 1171), (1207, 1208),
)  # fmt: skip
_CFI_BASES = ("K3", "K4", "K5")


def rook() -> nx.Graph:
    """Return the 4×4 rook's graph: srg(16, 6, 2, 2), with 8 cliques of four nodes."""
    return nx.line_graph(nx.complete_bipartite_graph(4, 4))


def shrikhande() -> nx.Graph:
    """Return the Shrikhande graph: srg(16, 6, 2, 2), the Cayley graph of ±(0,1), ±(1,0), ±(1,1)."""
    steps = ((0, 1), (1, 0), (1, 1))
    return nx.Graph(
        ((i, j), ((i + di) % 4, (j + dj) % 4))
        for (i, j), (di, dj) in product(product(range(4), repeat=2), steps)
    )


@lru_cache(maxsize=1)
def _pairs() -> tuple[Pair, ...]:
    atlas = nx.graph_atlas_g()
    rows = [
        (f"atlas-{len(atlas[i])}", f"atlas {i} and {j}", atlas[i], atlas[j]) for i, j in ATLAS_PAIRS
    ]
    rows.append(("srg", "rook 4×4 and Shrikhande", rook(), shrikhande()))
    wanted = [(name, base) for name, _, base in bases() if name in _CFI_BASES]
    rows += [("cfi", f"CFI({name})", *cfi_pair(base)) for name, base in wanted]
    return tuple(
        Pair(number, category, graph_tensor(a), graph_tensor(b), name=name)
        for number, (category, name, a, b) in enumerate(rows)
    )


class BRECMini(PairTask):
    """30 generated pairs that 1-WL does not distinguish.

    - ``atlas-6`` and ``atlas-7``: the 4 + 22 pairs of graphs with at most 7 nodes that 1-WL merges
      and 2-FWL separates.
    - ``srg``: the 4×4 rook's graph and the Shrikhande graph, which need 3-FWL.
    - ``cfi``: CFI(K3), two triangles against a hexagon (also atlas 105 and 106); CFI(K4), which is
      the pair of ``srg`` with other labels; CFI(K5), which 3-FWL does not distinguish.

    So 28 pairs are different. 2-FWL distinguishes 27 of the 30, and 3-FWL 29.
    """

    name, version = "brec-mini", "1"
    summary = "30 generated pairs of graphs that 1-WL cannot distinguish"
    reference = "after Wang and Zhang, An Empirical Study of Realized GNN Expressiveness, ICML 2024"
    sizes = {"smoke": (0,), "quick": (0,), "full": (32,)}  # noqa: RUF012
    input_shape = (2, 16, 16)

    def pairs(self) -> Sequence[Pair]:
        """Return the pairs, smallest first."""
        return _pairs()

"""Cai-Fürer-Immerman pairs of graphs, ordered by the k-WL that each pair needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, product

import networkx as nx

from symbench_graphs.pairs import Pair, PairTask, graph_tensor


def cfi_pair(base: nx.Graph) -> tuple[nx.Graph, nx.Graph]:
    """Return the untwisted and the twisted CFI graph over a connected base graph.

    Each node v of the base becomes one node (v, S) for every even-sized set S of its edges. For a
    base edge e = uv, (u, S) and (v, T) are joined if e is in both sets or in neither. The twisted
    graph has one edge e for which they are joined if e is in exactly one set. A relabelling cannot
    undo the twist, and k-FWL detects it if and only if k is at least the treewidth of the base.
    There are no edge vertices.

    Source: Cai, Fürer and Immerman 1992, An optimal lower bound on the number of variables for
    graph identification; Neuen 2023, Homomorphism-distinguishing closedness.
    """
    edges = [frozenset(edge) for edge in base.edges]
    return _cfi(base, edges, twisted=frozenset()), _cfi(base, edges, twisted=edges[0])


def _cfi(base: nx.Graph, edges: list[frozenset[int]], twisted: frozenset[int]) -> nx.Graph:
    even = {v: _even_subsets([edge for edge in edges if v in edge]) for v in base}
    graph = nx.Graph()
    graph.add_nodes_from((v, chosen) for v in base for chosen in even[v])
    for edge in edges:
        u, v = sorted(edge)
        for S, T in product(even[u], even[v]):
            if ((edge in S) != (edge in T)) == (edge == twisted):
                graph.add_edge((u, S), (v, T))
    return graph


def _even_subsets(edges: list[frozenset[int]]) -> list[frozenset[frozenset[int]]]:
    sizes = range(0, len(edges) + 1, 2)
    return [frozenset(chosen) for size in sizes for chosen in combinations(edges, size)]


def petersen() -> nx.Graph:
    """Return the Petersen graph."""
    return nx.petersen_graph()


def bases() -> tuple[tuple[str, int, nx.Graph], ...]:
    """Return the pairs' names, the least k such that k-FWL distinguishes them, and base graphs."""
    return (
        ("K3", 2, nx.complete_graph(3)),
        ("K4", 3, nx.complete_graph(4)),
        ("K3,3", 3, nx.complete_bipartite_graph(3, 3)),
        ("K5", 4, nx.complete_graph(5)),
        ("Petersen", 4, petersen()),
    )


@lru_cache(maxsize=1)
def _rungs() -> tuple[Pair, ...]:
    pairs = []
    for number, (name, k, base) in enumerate(bases()):
        plain, twisted = map(graph_tensor, cfi_pair(base))
        pairs.append(Pair(number, f"fwl-{k}", plain, twisted, name=f"CFI({name})"))
    return tuple(pairs)


class WLLadder(PairTask):
    """Five CFI pairs; each category is named after the least k-FWL that distinguishes its pairs.

    - 2-FWL: CFI(K3), two triangles against a hexagon;
    - 3-FWL: CFI(K4), the 4×4 rook's graph against the Shrikhande graph, and CFI(K3,3) with 24
      nodes;
    - 4-FWL: CFI(K5) and CFI(Petersen) with 40 nodes.

    1-WL distinguishes none of them. k-FWL = (k+1)-WL.
    """

    name, version = "wl-ladder", "1"
    summary = "pairs of CFI graphs that need increasing k of k-WL"
    reference = "Cai, Fürer and Immerman 1992; Neuen 2023"
    sizes = {"smoke": (0,), "quick": (0,), "full": (32,)}  # noqa: RUF012
    input_shape = (2, 16, 16)
    ordered = True

    def pairs(self) -> Sequence[Pair]:
        """Return the pairs, easiest first."""
        return _rungs()

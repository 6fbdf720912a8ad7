"""The 30 generated pairs: all pairs of the atlas that 1-WL merges, and four harder ones."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import networkx as nx
import pair_toys
import pytest
from symbench_graphs.mini import ATLAS_PAIRS, BRECMini, rook, shrikhande
from symbench_graphs.pairs import graph_tensor

PAIRS = BRECMini().pairs()


def test_the_atlas_pairs_are_all_that_colour_refinement_merges():
    atlas = nx.graph_atlas_g()
    buckets = {}
    for number, graph in enumerate(atlas[1:], start=1):
        degrees = dict(graph.degree)
        around = [(degrees[v], tuple(sorted(degrees[u] for u in graph[v]))) for v in sorted(graph)]
        buckets.setdefault(tuple(sorted(around)), []).append(number)
    found = [
        (i, j)
        for bucket in buckets.values()
        for i, j in combinations(bucket, 2)
        if not pair_toys.fwl(graph_tensor(atlas[i]), graph_tensor(atlas[j]), 1)
    ]
    assert sorted(found) == list(ATLAS_PAIRS)


def test_no_pair_is_isomorphic():
    for pair in PAIRS[:26]:
        graphs = [nx.from_numpy_array(g[0].numpy()) for g in (pair.a, pair.b)]
        assert not nx.is_isomorphic(*graphs), pair.name
    for pair in PAIRS[26:29]:  # CFI(K5) is tested in test_ladder.py
        assert pair_toys.fwl(pair.a, pair.b, 3), pair.name


def test_the_categories_hold_4_22_1_and_3_pairs():
    counts = Counter(pair.category for pair in PAIRS)
    assert counts == {"atlas-6": 4, "atlas-7": 22, "srg": 1, "cfi": 3}


@pytest.mark.parametrize(("k", "told"), [(1, 0), (2, 27)])
def test_k_fwl_tells_0_and_27_pairs_apart(k, told):
    assert sum(pair_toys.fwl(pair.a, pair.b, k) for pair in PAIRS) == told


def test_three_fwl_tells_all_but_the_last_apart():
    hard = [pair for pair in PAIRS if not pair_toys.fwl(pair.a, pair.b, 2)]
    assert [pair.name for pair in hard] == ["rook 4×4 and Shrikhande", "CFI(K4)", "CFI(K5)"]
    assert [pair_toys.fwl(pair.a, pair.b, 3) for pair in hard] == [True, True, False]


def test_rook_and_shrikhande_share_their_parameters_but_not_their_cliques():
    for graph, cliques in ((rook(), 8), (shrikhande(), 0)):
        assert nx.is_strongly_regular(graph)
        assert sum(nx.triangles(graph).values()) == 3 * 32
        assert sum(len(c) == 4 for c in nx.find_cliques(graph)) == cliques


def test_cfi_of_k4_is_rook_and_shrikhande_again():
    pair = next(pair for pair in PAIRS if pair.name == "CFI(K4)")
    graphs = [nx.from_numpy_array(g[0].numpy()) for g in (pair.a, pair.b)]
    cliques = [sum(len(c) == 4 for c in nx.find_cliques(g)) for g in graphs]
    for graph, count in zip(graphs, cliques, strict=True):
        assert nx.is_isomorphic(graph, rook() if count else shrikhande())
    assert sorted(cliques) == [0, 8]

"""CFI pairs, compared with theorems about them."""

from __future__ import annotations

import networkx as nx
import pair_toys
import pytest
from symbench_graphs.ladder import WLLadder, bases, cfi_pair
from symbench_graphs.pairs import graph_tensor

RUNGS = WLLadder().pairs()
EDGES = {"CFI(K3)": (6, 6), "CFI(K4)": (16, 48), "CFI(K3,3)": (24, 72),
         "CFI(K5)": (40, 320), "CFI(Petersen)": (40, 120)}  # fmt: skip


def test_over_a_triangle_it_is_two_triangles_and_a_hexagon():
    plain, twisted = cfi_pair(nx.complete_graph(3))
    two = nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3))
    assert nx.is_isomorphic(plain, two)
    assert nx.is_isomorphic(twisted, nx.cycle_graph(6))


def test_over_k4_both_are_strongly_regular_and_differ_in_their_cliques():
    pair = cfi_pair(nx.complete_graph(4))
    for graph in pair:
        assert nx.is_strongly_regular(graph)
        assert {d for _, d in graph.degree} == {6}
    cliques = [sum(len(c) == 4 for c in nx.find_cliques(graph)) for graph in pair]
    assert sorted(cliques) == [0, 8]


def test_colour_refinement_sees_the_twist_over_a_tree():
    plain, twisted = map(graph_tensor, cfi_pair(nx.path_graph(4)))
    assert pair_toys.fwl(plain, twisted, 1)


def test_it_does_not_matter_which_edge_is_twisted():
    base = nx.Graph([(0, 1), (1, 2), (2, 0), (2, 3), (3, 0)])
    other = nx.Graph([(3, 0), (2, 3), (0, 1), (1, 2), (2, 0)])
    assert nx.is_isomorphic(cfi_pair(base)[1], cfi_pair(other)[1])
    assert not nx.is_isomorphic(*cfi_pair(base))


@pytest.mark.parametrize("rung", RUNGS, ids=lambda pair: pair.name)
def test_nodes_and_edges_are_as_counted(rung):
    for graph in (rung.a, rung.b):
        assert (rung.nodes, int(graph[0].sum()) // 2) == EDGES[rung.name]


@pytest.mark.parametrize("rung", RUNGS, ids=lambda pair: pair.name)
def test_the_category_is_the_first_k_that_tells_the_pair_apart(rung):
    first = int(rung.category.removeprefix("fwl-"))
    for k in range(1, min(first, 4)):
        assert not pair_toys.fwl(rung.a, rung.b, k)
    if first < 4:
        assert pair_toys.fwl(rung.a, rung.b, first)


def test_the_ladder_rises():
    needed = [k for _, k, _ in bases()]
    assert needed == sorted(needed)
    assert WLLadder.ordered


def test_colour_refinement_tells_a_triangle_from_a_path():
    assert pair_toys.fwl(graph_tensor(nx.path_graph(3)), graph_tensor(nx.cycle_graph(3)), 1)

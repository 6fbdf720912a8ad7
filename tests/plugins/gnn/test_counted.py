"""Counts of subgraphs and shells against enumeration, and the networks that read them."""

from __future__ import annotations

from itertools import combinations

import known_graphs
import networkx as nx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from known_graphs import asks, built, tensor
from symbench_gnn.counted import CountedGIN, KHop, shells, subgraph_counts
from symbench_gnn.edge_subgraphs import I2GNN

from symbench import graphs

MODELS = (CountedGIN, KHop, I2GNN)


def enumerated(graph):
    """Edges, triangles, 4-cycles and 4-cliques at each node, by enumeration."""
    counts = torch.zeros(len(graph), 4, dtype=torch.float64)
    for i, j in graph.edges:
        counts[[i, j], 0] += 1
    for nodes in combinations(graph, 3):
        counts[list(nodes), 1] += graph.subgraph(nodes).number_of_edges() == 3
    for nodes in combinations(graph, 4):
        first, *rest = nodes
        for opposite in rest:
            a, b = (v for v in rest if v != opposite)
            cycle = all(graph.has_edge(u, v) for u in (first, opposite) for v in (a, b))
            counts[list(nodes), 2] += cycle
        counts[list(nodes), 3] += graph.subgraph(nodes).number_of_edges() == 6
    return counts


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 8), st.floats(0.2, 0.9), st.integers(0, 10**6))
def test_subgraphs_are_counted_as_by_enumeration(nodes, density, seed):
    graph = nx.gnp_random_graph(nodes, density, seed=seed)
    found = subgraph_counts(graphs.adjacency(tensor(graph)))[0]
    torch.testing.assert_close(found, enumerated(graph))


def test_shells_hold_the_nodes_at_each_distance():
    graph = nx.gnp_random_graph(9, 0.25, seed=3)
    found = shells(graphs.adjacency(tensor(graph)), 4)[0]
    distance = dict(nx.all_pairs_shortest_path_length(graph))
    for i in graph:
        for j in graph:
            wanted = [float(distance[i].get(j) == k) for k in (1, 2, 3, 4)]
            assert found[:, i, j].tolist() == wanted


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_relabelling_relabels_and_padding_changes_nothing(model, order):
    module = built(model, asks("mse", 2, 9, 2, order)).double()
    x = tensor(nx.gnp_random_graph(7, 0.4, seed=1), nx.gnp_random_graph(7, 0.6, seed=2))
    permutation = torch.tensor([3, 0, 5, 1, 4, 2, 6])
    with torch.no_grad():
        y, z = module(x), module(graphs.relabelled(x, permutation))
        padded = module(graphs.padded(x, 9))
    for axis in range(2, y.dim()):
        z = z.index_select(axis, permutation.argsort())
        padded = padded.narrow(axis, 0, 7)
    scale = float(y.abs().max())
    torch.testing.assert_close(z, y, rtol=0, atol=1e-12 * scale)
    torch.testing.assert_close(padded, y, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("model", MODELS)
def test_strongly_regular_graphs_that_2_fwl_merges_are_told_apart(model):
    first, second, _ = known_graphs.pairs()["rook-shrikhande"]
    module = built(model, asks("none", 2, 16, 16)).double()
    assert known_graphs.separated(module, first, second, torch.Generator())


@pytest.mark.parametrize("model", MODELS)
def test_a_graph_without_edges_has_finite_outputs(model):
    module = built(model, asks("mse", 2, 6, 2)).double()
    assert bool(module(tensor(nx.empty_graph(4))).isfinite().all())


@pytest.mark.parametrize("model", MODELS)
def test_the_quick_tier_trains_none_of_them_and_compares_small_graphs(model):
    for loss, nodes in (("mse", 6), ("none", 20)):
        assert "in this tier" in (model.for_tier("quick").accepts(asks(loss, 2, nodes, 1)) or "")
        assert model.for_tier("full").accepts(asks(loss, 2, nodes, 1)) is None
    assert model.for_tier("quick").accepts(asks("none", 2, 16, 1)) is None
    assert model.for_tier("full").accepts(asks("mse", 2, 65, 1)) is not None

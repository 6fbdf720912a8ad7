"""Local relational pooling: its sequences are all orders of up to three neighbours."""

from __future__ import annotations

from itertools import permutations

import networkx as nx
import pytest
import torch
from known_graphs import asks, built, csl, separated, shrikhande, tensor
from symbench_gnn.pooling import LRP, sequences

from symbench import InputError, graphs


def enumerated(x, node):
    """Return the rows of one node of a graph [1 + k, N, N], one per order of its neighbours."""
    A, features = graphs.adjacency(x), graphs.node_features(x)
    neighbours = A[node].nonzero()[:, 0].tolist()
    rows = []
    for chosen in permutations(neighbours, min(3, len(neighbours))):
        nodes = [node, *chosen]
        weights = [
            A[nodes[i], nodes[j]] if j < len(nodes) else torch.tensor(0.0)
            for i in range(4)
            for j in range(i + 1, 4)
        ]
        told = torch.zeros(4, features.shape[1], dtype=x.dtype)
        told[: len(nodes)] = features[nodes]
        rows.append(torch.cat([torch.stack(weights).to(x), told.flatten()]))
    return torch.stack(rows)


@pytest.mark.parametrize("name", ["house", "star", "pair", "lonely", "complete"])
def test_the_average_over_sequences_is_that_over_all_orders_of_neighbours(name):
    graph = {
        "house": nx.house_graph(),
        "star": nx.star_graph(5),
        "pair": nx.path_graph(2),
        "lonely": nx.empty_graph(1),
        "complete": nx.complete_graph(5),
    }[name]
    generator = torch.Generator().manual_seed(0)
    links = tensor(graph)[:, 0]
    weights = torch.rand(links.shape, generator=generator, dtype=torch.float64) + 0.5
    features = torch.randn(1, len(graph), 2, generator=generator, dtype=torch.float64)
    x = graphs.pack(links * (weights + weights.mT), features)
    rows, owner, count = sequences(x)
    for node in range(len(graph)):
        expected = enumerated(x[0], node)
        for power in (1, 2, 3):  # moments of the rows do not depend on their order
            found = rows.pow(power)[owner == node].sum(0) / count[0, node]
            torch.testing.assert_close(found, expected.pow(power).mean(0))


def test_stacked_graphs_have_the_sequences_of_each_stack():
    links = (torch.rand(3, 4, 7, 7, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    links = links.triu(1) + links.triu(1).mT
    x = torch.stack([graphs.pack(part) for part in links])
    together = torch.func.vmap(sequences)(x)
    for i, part in enumerate(x):
        alone = sequences(part)
        known = len(alone[0])
        for found, expected in zip(together[:2], alone, strict=False):
            torch.testing.assert_close(found[i, :known], expected)
        assert bool((together[1][i, known:] == 28).all())  # padding rows
        torch.testing.assert_close(together[2][i], alone[2])


def test_triangles_are_seen_and_distant_cycles_are_not():
    module = built(LRP, asks("none", 2, 10, 16)).double().eval()
    generator = torch.Generator().manual_seed(0)
    prism, bipartite = nx.circular_ladder_graph(3), nx.complete_bipartite_graph(3, 3)
    assert separated(module, prism, bipartite, generator)
    rook = nx.line_graph(nx.complete_bipartite_graph(4, 4))
    assert separated(module, rook, shrikhande(), generator)  # beyond 2-FWL
    squares = nx.disjoint_union(nx.cycle_graph(4), nx.cycle_graph(4))
    assert not separated(module, squares, nx.cycle_graph(8), generator)
    assert not separated(module, csl(3), csl(4), generator)


def test_nodes_of_many_neighbours_are_refused_and_large_training_graphs_declined():
    module = built(LRP, asks("none", 2, 10, 16))
    with pytest.raises(InputError, match="at most 16 neighbours of a node, not 17"):
        module(tensor(nx.star_graph(17)).float())
    assert "at most 48 nodes" in (LRP().accepts(asks("mse", 2, 60, 1)) or "")
    assert LRP().accepts(asks("none", 2, 60, 16)) is None
    assert "outputs" in (LRP().accepts(asks("mse", 2, 6, 1, order=2)) or "")

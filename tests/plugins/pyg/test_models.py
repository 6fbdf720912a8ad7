"""The networks of torch-geometric as rows: what they are made of, and what they tell apart."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from known_graphs import asks, built, tensor
from symbench_pyg.models import GAT, GCN, GIN, GPS, PNA, GraphSAGE
from torch_geometric import nn as pyg

import symbench
from symbench import graphs

MODELS = (GAT, GCN, GIN, GraphSAGE, PNA, GPS)
LAYERS = (pyg.GATConv, pyg.GCNConv, pyg.GINConv, pyg.SAGEConv, pyg.PNAConv, pyg.GPSConv)


def weighted(count, nodes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    upper = torch.rand(count, nodes, nodes, generator=generator).triu(1)
    upper = upper * (torch.rand(count, nodes, nodes, generator=generator) < 0.6)
    return graphs.pack(upper + upper.mT, torch.rand(count, nodes, 1, generator=generator))


@pytest.mark.parametrize(("model", "layer"), list(zip(MODELS, LAYERS, strict=True)))
def test_the_layers_are_those_of_torch_geometric(model, layer):
    module = built(model, asks("mse", 3, 6, 2))
    found = [part for part in module.modules() if type(part) is layer]
    assert len(found) == model.for_tier("quick").config.depth


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("order", [0, 1])
def test_relabelling_relabels_and_padding_changes_nothing(model, order):
    module = built(model, asks("mse", 3, 9, 2, order)).eval()
    x, permutation = weighted(4, 6), torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        y, z = module(x), module(graphs.relabelled(x, permutation))
        padded = module(graphs.padded(x, 9))
    assert y.shape == (4, 2, *[6] * order)
    assert float(y.std(0).max()) > 1e-4
    expected = y[..., permutation] if order else y
    torch.testing.assert_close(z, expected, rtol=1e-4, atol=1e-5)
    cut = padded[..., :6] if order else padded
    torch.testing.assert_close(cut, y, rtol=1e-4, atol=1e-5)
    if order:
        assert float(padded[..., 6:].abs().max()) == 0


def test_functions_of_pairs_of_nodes_are_declined():
    assert "pairs of nodes" in (GCN().accepts(asks("mse", 2, 6, 1, 2)) or "")
    assert "reads graphs" in (
        GCN().accepts(symbench.problem(symbench.task("o3-inertia"), GCN())) or ""
    )


def test_the_quick_tier_trains_none_of_them():
    training, large, pairs = asks("mse", 2, 6, 1), asks("none", 2, 20, 16), asks("none", 2, 6, 16)
    for model in MODELS:
        for problem in (training, large):
            assert "standard or full" in (model.for_tier("quick").accepts(problem) or "")
            assert model.for_tier("full").accepts(problem) is None
        assert model.for_tier("quick").accepts(pairs) is None


def test_message_passing_cannot_tell_two_triangles_from_a_hexagon():
    pair = tensor(nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)), nx.cycle_graph(6))
    for model in (GCN, GIN, PNA):
        module = built(model, asks("none", 2, 6, 16)).double().eval()
        with torch.no_grad():
            y = module(pair)
        torch.testing.assert_close(y[0], y[1], rtol=0, atol=1e-12)

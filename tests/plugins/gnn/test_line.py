"""The network on the line graph: its operator, and that it is as strong as 1-WL."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from known_graphs import asks, built, csl, pairs, separated, tensor
from symbench_gnn.line import LineGNN, onward

from symbench import graphs
from symbench.contract import Problem

MERGED = [name for name, (_, _, (told, *_)) in pairs().items() if not told]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def module():
    return built(LineGNN, asks("none", 2, 41, 16)).double().eval()


@pytest.mark.parametrize(
    "graph", [nx.petersen_graph(), nx.path_graph(5), nx.gnp_random_graph(9, 0.4, seed=1)]
)
def test_the_operator_goes_on_and_does_not_turn_back(graph, generator):
    arcs = list(graph.to_directed().edges)
    B = np.array([[float(j == tail and i != head) for tail, head in arcs] for i, j in arcs])
    values = torch.randn(len(arcs), generator=generator, dtype=torch.float64)
    y = torch.zeros(1, len(graph), len(graph), 1, dtype=torch.float64)
    tails, heads = zip(*arcs, strict=True)
    y[0, tails, heads, 0] = values
    torch.testing.assert_close(
        onward(y)[0, tails, heads, 0], torch.from_numpy(B) @ values, rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("name", MERGED)
def test_what_colour_refinement_merges_the_line_graph_does_not_tell_apart(name, module, generator):
    assert not separated(module, *pairs()[name][:2], generator)


def test_degrees_are_seen(module, generator):
    assert separated(module, *pairs()["K14-C4K1"][:2], generator)
    assert separated(module, nx.complete_graph(3), nx.path_graph(3), generator)


def test_on_the_atlas_it_merges_exactly_the_26_pairs_of_1_wl():
    atlas = [g for g in nx.graph_atlas_g() if len(g)]
    x = graphs.together([tensor(g)[0] for g in atlas])
    module = LineGNN.for_tier("quick", depth=4)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        y = module.build(asks("none", 2, 7, 16)).double().eval()(x)
    y = y / y.abs().amax(0)
    apart = torch.cdist(y, y, p=torch.inf).triu(1) + torch.ones(len(y), len(y)).tril()
    merged = [(len(atlas[i]), len(atlas[j])) for i, j in (apart < 1e-11).nonzero().tolist()]
    assert sorted(merged) == [(6, 6)] * 4 + [(7, 7)] * 22
    assert int(((apart >= 1e-13) & (apart < 1e-11)).sum()) == 0  # no undecided pairs


def test_the_first_powers_merge_all_circular_skip_links(module):
    with torch.no_grad():
        y = module(tensor(*(csl(skip) for skip in (2, 3, 4, 5, 6))))
    torch.testing.assert_close(y, y[:1].expand_as(y), rtol=1e-10, atol=0)


def test_padding_and_other_sizes_change_nothing(module):
    x = tensor(nx.petersen_graph())
    with torch.no_grad():
        torch.testing.assert_close(module(x), module(graphs.padded(x, 13)), rtol=1e-12, atol=0)


def test_the_weights_of_edges_are_seen_one_by_one_and_not_as_degrees_alone():
    A = nx.to_numpy_array(nx.cycle_graph(6))
    A[0, 1] = A[1, 0] = A[2, 3] = A[3, 2] = A[4, 5] = A[5, 4] = 0.5
    B = 0.75 * nx.to_numpy_array(nx.cycle_graph(6))  # the same weighted degrees
    x = graphs.pack(torch.stack([torch.from_numpy(A), torch.from_numpy(B)]).double())
    with torch.no_grad():
        first, second = built(LineGNN, asks("none", 2, 6, 16)).double().eval()(x)
    assert not torch.allclose(first, second, rtol=1e-6, atol=0)


def test_the_last_step_leaves_no_edges_unread():
    module = built(LineGNN, asks("mse", 2, 6, 1)).train()
    module(tensor(nx.path_graph(6)).float()).sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def test_what_is_no_graph_or_has_no_order_is_declined():
    image = Problem("image", "cross-entropy", (1, 8, 8), (10,))
    blind = Problem("graph", "mse", (2, 6, 6), (1,))
    for wanted, reason in ((image, "reads graphs, not image data"), (blind, "not told")):
        assert reason in LineGNN().accepts(wanted)

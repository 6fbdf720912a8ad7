"""The graph convolution of the L-conv family: its layer, and the limit of its expressivity."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
import torch
from known_graphs import CSL_SKIPS, csl, pairs, separated
from symbench_graphs.mini import BRECMini
from symbench_lconv.graph import GCN, OnGraphs
from torch.func import functional_call, stack_module_state, vmap
from torch_geometric.nn import GCNConv

from symbench import Problem, graphs

CLASSES = Problem("graph", "cross-entropy", (2, 41, 41), (10,))
EMBEDDING = Problem("graph", "none", (2, 16, 16), (16,))
COUNTS = Problem("graph", "mse", (4, 9, 9), (5,))


def built(problem, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GCN.for_tier("quick").build(problem)


def random_graphs(n, nodes, features=2, seed=1):
    generator = torch.Generator().manual_seed(seed)
    upper = (torch.rand(n, nodes, nodes, generator=generator) < 0.4).double().triu(1)
    more = torch.randn(n, nodes, features, generator=generator, dtype=torch.float64)
    return graphs.pack(upper + upper.mT, more)


@pytest.mark.parametrize("problem", [CLASSES, EMBEDDING, COUNTS])
def test_the_output_has_the_shape_of_the_problem(problem):
    assert GCN().accepts(problem) is None
    channels, nodes, _ = problem.input_shape
    y = built(problem)(random_graphs(3, nodes, channels - 2).float())
    assert y.shape == (3, *problem.output_shape)
    assert y.isfinite().all()


def test_a_layer_is_a_graph_convolution_beside_a_linear_map_of_the_node_alone():
    net, x = OnGraphs(COUNTS, 4, 1).double(), random_graphs(1, 9)
    batch, layer = graphs.to_batch(x), net.layers[0]
    convolution = GCNConv(3, 4, bias=False).double()
    with torch.no_grad():
        convolution.lin.weight.copy_(layer.weight[:, 3:])
        h = batch.x @ layer.weight[:, :3].T + convolution(batch.x, batch.edge_index) + layer.bias
        expected = net.head(h.relu().sum(0) / 9)
        torch.testing.assert_close(net(x)[0], expected, rtol=1e-12, atol=1e-12)


def test_relabelling_and_padding_change_nothing():
    net, x = built(COUNTS).double(), random_graphs(4, 7)
    order = graphs.random_orders(4, 7, torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(net(graphs.relabelled(x, order)), net(x))
        torch.testing.assert_close(net(graphs.padded(x, 12)), net(x))


def test_networks_stack():
    nets = [built(COUNTS, seed) for seed in range(3)]
    x = random_graphs(4, 9).float()
    stacked = vmap(lambda p, b: functional_call(nets[0], (p, b), (x,)))(*stack_module_state(nets))
    with torch.no_grad():
        torch.testing.assert_close(stacked, torch.stack([net(x) for net in nets]))


@pytest.mark.parametrize("seed", [0, 1])
def test_it_distinguishes_no_circular_skip_links(seed):
    net, generator = built(CLASSES, seed).double(), torch.Generator().manual_seed(0)
    links = [csl(skip) for skip in CSL_SKIPS]
    assert not any(separated(net, *pair, generator) for pair in combinations(links, 2))


@pytest.mark.parametrize("seed", [0, 1])
def test_it_distinguishes_no_pair_that_1_wl_merges(seed):
    net = built(EMBEDDING, seed).double()
    with torch.no_grad():
        for pair in BRECMini().pairs():
            a, b = net(torch.stack([pair.a, pair.b]).double())
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_it_distinguishes_graphs_with_different_degrees():
    first, second, _ = pairs()["K14-C4K1"]
    assert separated(built(EMBEDDING).double(), first, second, torch.Generator().manual_seed(0))


def test_functions_of_nodes_and_other_data_are_declined_with_the_reason():
    nodes = replace(COUNTS, output_shape=(1, 9))
    assert "invariants" in GCN().accepts(nodes)
    assert "vectors" in GCN().accepts(Problem("vectors", "mse", (10,), (1,)))


def test_graphs_without_edges_and_single_nodes_are_read():
    empty = torch.zeros(2, 5, 5, dtype=torch.float64)
    x = graphs.pack(empty, torch.zeros(2, 5, 2))
    x[1, :, 1:, 1:] = 0  # one node plus padding
    y = built(COUNTS).double()(x)
    assert y.isfinite().all()
    assert not torch.equal(y[0], y[1])

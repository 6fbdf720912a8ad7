"""Graphs as tensors: packing, padding, relabelling, and the way to torch-geometric."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from torch import nn

from symbench import graphs
from symbench.contract import Problem
from symbench.errors import InputError
from symbench.groups import S, V

GENERATOR = torch.Generator().manual_seed(0)


def adjacency_of(*many):
    return torch.stack([torch.from_numpy(nx.to_numpy_array(g)).float() for g in many])


@pytest.fixture
def two():
    return graphs.pack(adjacency_of(nx.cycle_graph(6), nx.path_graph(6)), torch.rand(2, 6, 3))


def test_packing_and_reading_are_inverse(two):
    assert two.shape == (2, 5, 6, 6)
    assert torch.equal(graphs.adjacency(two)[0], adjacency_of(nx.cycle_graph(6))[0])
    assert torch.equal(graphs.node_mask(two), torch.ones(2, 6))
    assert torch.equal(graphs.pack(graphs.adjacency(two), graphs.node_features(two)[..., 1:]), two)


def test_relabelling_is_the_action_of_the_inverse_permutation_matrix(two):
    order = graphs.random_orders(1, 6, GENERATOR)[0]
    symmetry = graphs.graph_symmetry(5, 6, output=0)
    g = torch.eye(6)[order]  # (gx)_i = x_order[i]
    acted = symmetry.input.act(g, two.flatten(1)).view_as(two)
    assert torch.equal(graphs.relabelled(two, order), acted)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_index_permutation_is_what_the_permutation_matrix_does(power):
    group = S(5)
    g = group.sample(4, GENERATOR)
    x = torch.rand(4, 3 * 5**power, dtype=torch.float64)
    matrix = g
    for _ in range(power - 1):
        matrix = torch.stack([torch.kron(a, b) for a, b in zip(matrix, g, strict=True)])
    expected = torch.einsum("nij,ncj->nci", matrix, x.view(4, 3, -1)).flatten(1)
    assert torch.equal((3 * V**power)(group).act(g, x), expected)


def test_padding_leaves_the_graph_and_marks_nothing_as_a_node(two):
    wide = graphs.padded(two, 9)
    assert torch.equal(wide[..., :6, :6], two)
    assert torch.isclose(wide.sum(), two.sum())
    assert graphs.node_mask(wide).sum() == 12
    with pytest.raises(InputError, match="6 nodes do not fit 5"):
        graphs.padded(two, 5)


def test_graphs_of_several_sizes_stand_together():
    small, large = (graphs.pack(adjacency_of(nx.cycle_graph(n)))[0] for n in (3, 5))
    x = graphs.together([small, large])
    assert x.shape == (2, 2, 5, 5)
    assert graphs.node_mask(x).sum(1).tolist() == [3, 5]


@pytest.mark.parametrize(("output", "copies", "size"), [(0, 10, 10), (1, 2, 12), (2, 1, 36)])
def test_the_order_of_the_output_is_read_off_the_representation(output, copies, size):
    symmetry = graphs.graph_symmetry(2, 6, output, copies)
    assert symmetry.output.size == size
    problem = Problem("graph", "mse", (2, 6, 6), (size,), symmetry)
    assert graphs.output_order(problem) == output


def test_a_problem_without_permutations_has_no_order():
    with pytest.raises(InputError, match="not told"):
        graphs.output_order(Problem("graph", "mse", (2, 6, 6), (1,)))


def test_a_batch_holds_the_nodes_and_edges_and_no_padding():
    small, large = (graphs.pack(adjacency_of(nx.path_graph(n)))[0] for n in (3, 5))
    batch = graphs.to_batch(graphs.together([small, large], 7))
    assert batch.num_graphs == 2
    assert batch.x.tolist() == [[1.0]] * 8
    assert batch.batch.tolist() == [0] * 3 + [1] * 5
    assert batch.edge_index.shape == (2, 2 * (2 + 4))
    assert set(map(tuple, batch.edge_index.mT.tolist())) == {
        edge
        for i, j in [(0, 1), (1, 2), (3, 4), (4, 5), (5, 6), (6, 7)]
        for edge in [(i, j), (j, i)]
    }


def test_a_layer_of_torch_geometric_runs_on_the_batch(two):
    from torch_geometric.nn import GINConv, global_add_pool

    batch = graphs.to_batch(two)
    torch.manual_seed(0)
    layer = GINConv(nn.Linear(4, 8))
    out = global_add_pool(layer(batch.x, batch.edge_index), batch.batch)
    assert out.shape == (2, 8)
    order = graphs.random_orders(2, 6, GENERATOR)
    moved = graphs.to_batch(graphs.relabelled(two, order))
    again = global_add_pool(layer(moved.x, moved.edge_index), moved.batch)
    assert torch.allclose(out, again, rtol=1e-5)

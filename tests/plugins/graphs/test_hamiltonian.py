"""Shortest Hamiltonian paths: the dynamic programme matches enumeration; decoding."""

from __future__ import annotations

from itertools import pairwise, permutations

import networkx as nx
import pytest
import torch
from symbench_graphs.csl import CSL
from symbench_graphs.hamiltonian import (
    HamiltonianLength,
    HamiltonianPath,
    LengthError,
    PathF1,
    PathGap,
    greedy_paths,
    shortest_paths,
)
from symbench_graphs.random_graphs import uniform_weights

from symbench import graphs
from symbench.contract import Problem, Trained

GENERATOR = torch.Generator().manual_seed(0)


@pytest.fixture(params=[HamiltonianLength, HamiltonianPath], ids=lambda task: task.name)
def task(request):
    return request.param()


def length_of(weights, order):
    return sum(float(weights[a, b]) for a, b in pairwise(order))


def is_path(edges):
    graph = nx.from_numpy_array(edges.numpy())
    degrees = sorted(degree for _, degree in graph.degree)
    return nx.is_connected(graph) and degrees == [1, 1] + [2] * (len(degrees) - 2)


@pytest.mark.parametrize("nodes", [2, 3, 4, 5, 6])
def test_the_programme_finds_what_going_through_all_orders_finds(nodes):
    weights = uniform_weights(5, nodes, GENERATOR).double()
    lengths, edges = shortest_paths(weights)
    for W, length, taken in zip(weights, lengths, edges, strict=True):
        best = min(permutations(range(nodes)), key=lambda order, W=W: length_of(W, order))
        assert float(length) == pytest.approx(length_of(W, best), abs=1e-12)
        expected = {frozenset(pair) for pair in pairwise(best)}
        assert {frozenset(pair) for pair in taken.nonzero().tolist()} == expected


def test_a_known_matrix():
    W = torch.full((4, 4), 9.0)
    for a, b, weight in [(2, 0, 1.0), (0, 3, 2.0), (3, 1, 1.0)]:
        W[a, b] = W[b, a] = weight
    lengths, edges = shortest_paths(W[None])
    assert lengths.tolist() == [4]
    assert edges[0].triu().nonzero().tolist() == [[0, 2], [0, 3], [1, 3]]


def test_the_edges_are_a_path_of_the_stated_length():
    path, length = HamiltonianPath(), HamiltonianLength()
    x = path.sample(50, 0, "train").x
    edges = path.target(x)
    assert all(is_path(one) for one in edges[:, 0])
    assert torch.equal(edges, edges.mT)
    total = (graphs.adjacency(x) * edges[:, 0]).sum((1, 2)) / 2
    assert torch.allclose(total[:, None], length.target(x), rtol=1e-5)


def test_the_target_moves_with_the_nodes(task):
    data, symmetry = task.sample(20, 0, "train"), task.symmetry
    g = symmetry.group.sample(20, GENERATOR)
    moved = symmetry.input.act(g, data.x.flatten(1)).view_as(data.x)
    assert torch.equal(graphs.relabelled(data.x, g.argmax(2)), moved)
    acted = symmetry.output.act(g, data.y.flatten(1)).view_as(data.y)
    assert torch.allclose(task.target(moved), acted, rtol=1e-5)


@pytest.mark.parametrize("n", [0, 1])
def test_small_draws_have_their_shapes(task, n):
    data = task.sample(n, 0, "train")
    assert data.x.shape == (n, *task.input_shape)
    assert data.y.shape == (n, *task.output_shape)


def test_weights_are_symmetric_uniform_and_drawn_anew():
    A = graphs.adjacency(HamiltonianPath().sample(2000, 0, "train").x)
    i, j = torch.triu_indices(8, 8, 1)
    weights = A[:, i, j]
    assert torch.equal(A, A.mT)
    assert A.diagonal(dim1=1, dim2=2).abs().sum() == 0
    assert float(weights.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(weights.var()) == pytest.approx(1 / 12, abs=0.003)
    other = graphs.adjacency(HamiltonianPath().sample(2000, 0, "test").x)
    assert not torch.equal(A, other)


def test_greedy_decoding_gives_a_path_for_any_scores():
    scores = torch.randn(100, 8, 8, generator=GENERATOR)
    assert all(is_path(one) for one in greedy_paths(scores))
    assert all(is_path(one) for one in greedy_paths(torch.zeros(2, 5, 5)))


def test_greedy_decoding_gives_back_the_path_it_is_shown():
    edges = HamiltonianPath().sample(50, 1, "test").y[:, 0]
    assert torch.equal(greedy_paths(edges), edges)
    assert torch.equal(greedy_paths(edges + 0.4 * torch.rand(50, 8, 8)), edges)


def scores_of(task, prediction, data):
    problem = Problem("graph", "mse", task.input_shape, task.output_shape)
    trained = Trained(torch.nn.Identity(), None, problem, 1, 0, data, prediction)
    found = {}
    for metric in (PathF1(), PathGap(), LengthError()):
        if metric.applies(task, None):
            scores = metric.score(trained, task, GENERATOR)
            found |= scores if isinstance(scores, dict) else {metric.name: scores}
    return found


def test_the_true_edges_score_one_and_no_gap():
    task = HamiltonianPath()
    data = task.sample(100, 0, "test")
    assert scores_of(task, data.y, data) == {
        "path_f1": 1.0,
        "path_f1.chance": 0.25,
        "path_gap": pytest.approx(0, abs=1e-12),
    }


def test_what_ignores_the_weights_has_the_f1_of_chance_and_a_long_path():
    task = HamiltonianPath()
    data = task.sample(2000, 0, "test")
    blind = scores_of(task, torch.zeros(2000, 1, 8, 8), data)
    # 7 edges of 28: sd 0.12 per path
    assert blind["path_f1"] == pytest.approx(blind["path_f1.chance"], abs=5 * 0.16 / 2000**0.5)
    assert blind["path_gap"] > 1.5


def test_taking_short_edges_first_is_a_tenth_too_long():
    task = HamiltonianPath()
    data = task.sample(2000, 0, "test")
    greedy = scores_of(task, -data.x[:, :1], data)
    assert greedy["path_f1"] == pytest.approx(0.80, abs=0.02)
    assert greedy["path_gap"] == pytest.approx(0.10, abs=0.015)


def test_the_relative_error_of_a_length():
    task = HamiltonianLength()
    data = task.sample(50, 0, "test")
    found = scores_of(task, 1.1 * data.y, data)
    assert found == {"length_error": pytest.approx(0.1, abs=1e-6)}


def test_the_metric_applies_to_paths_alone(task):
    metrics = (PathF1(), PathGap(), LengthError())
    assert any(metric.applies(task, None) for metric in metrics)
    assert not any(metric.applies(CSL(), None) for metric in metrics)

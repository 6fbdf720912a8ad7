"""Max-cut: exact optima, errors at chance, and why the nodes have noise."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from symbench_graphs.maxcut import MaxCut, cut, optimal_sides
from symbench_graphs.random_graphs import random_regular

from symbench import InputError, graphs
from symbench.contract import Data

GENERATOR = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def data():
    return MaxCut().sample(400, 0, "test")


def signs(count):
    return 1 - 2 * torch.cartesian_prod(*[torch.arange(2.0)] * count)


def local_search(A, sides):
    """Flip the best node of each graph until no flip helps."""
    rows = torch.arange(len(A))
    for _ in range(60):
        gain, node = (sides * torch.einsum("nij,nj->ni", A, sides)).max(1)
        sides[rows[gain > 0], node[gain > 0]] *= -1
    return sides


@pytest.mark.parametrize(
    ("graph", "largest"),
    [
        (nx.complete_graph(5), 6),
        (nx.cycle_graph(7), 6),
        (nx.complete_bipartite_graph(3, 3), 9),
        (nx.petersen_graph(), 12),
        (nx.path_graph(2), 1),
    ],
    ids=str,
)
def test_optima_of_known_graphs(graph, largest):
    A = torch.from_numpy(nx.to_numpy_array(graph))[None]
    sides = optimal_sides(A)
    assert set(sides.unique().tolist()) == {-1.0, 1.0}
    assert cut(A, sides).tolist() == [largest]


def test_no_partition_at_all_is_better_than_the_optimum():
    A = random_regular(8, 10, 3, GENERATOR)
    every = torch.stack([cut(one.expand(1024, -1, -1), signs(10)) for one in A])
    assert torch.equal(every.amax(1), cut(A, optimal_sides(A)))


def test_the_cut_is_the_number_of_edges_between_the_sides():
    A = random_regular(1, 12, 3, GENERATOR)
    sides = torch.where(torch.rand(12, generator=GENERATOR) < 0.5, -1.0, 1.0)
    graph = nx.from_numpy_array(A[0].numpy())
    left = {i for i in range(12) if sides[i] > 0}
    assert cut(A, sides[None]).tolist() == [nx.cut_size(graph, left)]


def test_the_expected_cut_is_that_of_independent_coins():
    A, means = random_regular(1, 6, 3, GENERATOR), torch.tensor([0.9, -0.5, 0, 0.2, -1, 0.3])
    sides = signs(6)
    weight = ((1 + sides * means) / 2).prod(1)
    mean = (weight * cut(A.expand(64, -1, -1), sides)).sum()
    assert torch.allclose(cut(A, means[None]), mean)


@pytest.mark.parametrize(("nodes", "degree"), [(10, 6), (16, 3), (30, 5), (4, 3), (3, 0)])
def test_regular_graphs_are_simple_and_regular(nodes, degree):
    A = random_regular(20, nodes, degree, GENERATOR)
    assert A.shape == (20, nodes, nodes)
    assert torch.equal(A, A.mT)
    assert set(A.unique().tolist()) <= {0.0, 1.0}
    assert A.diagonal(dim1=1, dim2=2).sum() == 0
    assert bool((A.sum(1) == degree).all())


@pytest.mark.parametrize(("nodes", "degree"), [(5, 3), (4, 4), (4, -1)])
def test_impossible_degrees_are_refused(nodes, degree):
    with pytest.raises(InputError, match=f"regular of degree {degree}"):
        random_regular(1, nodes, degree, GENERATOR)


def test_regular_graphs_on_six_nodes_come_as_often_as_they_should():
    """70 labelled cubic graphs: 10 are K3,3 and 60 the prism, distinguished by triangles."""
    A = random_regular(7000, 6, 3, GENERATOR)
    with_triangles = (torch.linalg.matrix_power(A, 3).diagonal(dim1=1, dim2=2).sum(1) > 0).float()
    assert float(with_triangles.mean()) == pytest.approx(6 / 7, abs=0.05)  # uniform in the limit
    edges = A.mean(0)[~torch.eye(6, dtype=torch.bool)]
    assert bool(((edges - 3 / 5).abs() < 0.03).all())  # 5 standard errors


def test_optimum_guess_and_local_search_have_their_known_ratios(data):
    task, A = MaxCut(), graphs.adjacency(data.x)
    optimum = cut(A, data.y[:, 0])
    assert float(optimum.mean()) == pytest.approx(21.13, abs=0.2)  # sd 0.8, 400 graphs
    assert 1 - float((12 / optimum).mean()) == pytest.approx(task.chance, abs=0.006)
    sides = torch.where(torch.rand(400, 16, generator=GENERATOR) < 0.5, -1.0, 1.0)
    guessed = task.headline_error(sides[:, None], data)
    assert guessed == pytest.approx(task.chance, abs=5 * 0.12 / 400**0.5)
    assert 0.02 < task.headline_error(local_search(A, sides)[:, None], data) < 0.06


def test_an_optimum_has_no_error_and_its_global_sign_does_not_matter(data):
    task = MaxCut()
    assert task.headline_error(0.1 * data.y, data) == pytest.approx(0, abs=1e-12)
    assert task.headline_error(-0.1 * data.y, data) == pytest.approx(0, abs=1e-12)


def test_constant_outputs_cut_nothing(data):
    assert MaxCut().headline_error(torch.full((400, 1, 16), 0.3), data) == 1
    assert MaxCut().headline_error(torch.zeros(400, 1, 16), data) == 1


def test_the_objective_is_minus_the_cut_part_of_the_edges_and_has_gradients(data):
    task = MaxCut()
    far = task.objective(50 * data.y, data.x, data.y)
    assert torch.allclose(far, -cut(graphs.adjacency(data.x), data.y[:, 0]) / 24)
    coin = torch.zeros(400, 1, 16, requires_grad=True)
    assert torch.allclose(task.objective(coin, data.x, data.y), torch.tensor(-0.5))
    some = torch.randn(400, 1, 16, generator=GENERATOR).requires_grad_()
    task.objective(some, data.x, data.y).sum().backward()
    assert bool(some.grad.abs().sum((1, 2)).gt(0).all())


def propagated(x, start):
    """Outputs [n, 1, N] of a linear network: ten steps towards the lowest eigenvector of A."""
    A, h = graphs.adjacency(x), start
    for _ in range(10):
        h = h - torch.einsum("nij,nj->ni", A, h) / 4
    return h[:, None]


def test_without_noise_message_passing_cuts_nothing_of_a_regular_graph(data):
    task = MaxCut()
    assert task.headline_error(propagated(data.x, graphs.node_mask(data.x)), data) == 1
    noise = graphs.node_features(data.x)[..., 1]
    assert task.headline_error(propagated(data.x, noise), data) < 0.15


def test_without_noise_no_equivariant_network_cuts_a_vertex_transitive_graph():
    """The output is as symmetric as the input, also for networks stronger than message passing."""
    A = torch.from_numpy(nx.to_numpy_array(nx.petersen_graph()))[None]
    X = A
    for _ in range(3):  # matrix and entrywise products have the power of 2-FWL
        X = (X + A @ X / 3 + X * A - 0.1).tanh()
    output = (X @ X).diagonal(dim1=1, dim2=2) + X.sum(1) - 4
    assert torch.allclose(output, output[:, :1].expand(1, 10))
    assert cut(A, torch.where(output < 0, -1.0, 1.0).double()).tolist() == [0]


def test_noise_is_standard_normal_and_differs_between_draws(data):
    noise = graphs.node_features(data.x)[..., 1]
    assert float(noise.mean()) == pytest.approx(0, abs=5 / 80)
    assert float(noise.std()) == pytest.approx(1, abs=0.05)
    other = MaxCut().sample(400, 0, "train")
    assert not torch.equal(other.x, data.x)


def test_a_relabelled_optimum_is_an_optimum_of_the_relabelled_graph(data):
    task, symmetry = MaxCut(), MaxCut().symmetry
    x, y = data.x[:50], data.y[:50]
    g = symmetry.group.sample(50, GENERATOR)
    moved = symmetry.input.act(g, x.flatten(1)).view_as(x)
    sides = symmetry.output.act(g, y.flatten(1)).view_as(y)
    assert torch.equal(graphs.relabelled(x, g.argmax(2)), moved)
    assert task.headline_error(sides, Data(moved, y=optimal(moved))) == pytest.approx(0, abs=1e-12)
    assert torch.allclose(
        task.objective(sides, moved, y), task.objective(y, x, y)
    )  # the loss is invariant too


def optimal(x):
    return optimal_sides(graphs.adjacency(x))[:, None]


@pytest.mark.parametrize("n", [0, 1])
def test_small_draws_have_their_shapes(n):
    data = MaxCut().sample(n, 0, "train")
    assert data.x.shape == (n, 3, 16, 16)
    assert data.y.shape == (n, 1, 16)

"""Random-walk encodings, thresholded powers, the transformer, and the perceptron."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from symbench_gnn.encodings import dyadic_powers, random_walk
from symbench_gnn.others import (
    FlatConfig,
    GraphTransformer,
    GraphTransformerConfig,
    MLPAdjacency,
    PowerConfig,
    PowerGNN,
)

from symbench import InputError, graphs
from symbench.contract import Problem

SKIPS = (2, 3, 4, 5, 6, 9, 11, 12, 13, 16)
GENERATOR = torch.Generator().manual_seed(0)


def adjacency_of(graph):
    return torch.from_numpy(nx.to_numpy_array(graph)).double()


@pytest.fixture(scope="module")
def classes():
    return torch.stack([adjacency_of(nx.circulant_graph(41, [1, skip])) for skip in SKIPS])


def problem(nodes, copies=16, loss="none"):
    symmetry = graphs.graph_symmetry(2, nodes, 0, copies)
    return Problem("graph", loss, (2, nodes, nodes), (copies,), symmetry)


def built(model, wanted, config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model(config).build(wanted).double().eval()


def groups(y, tolerance):
    """Return the number of groups of the rows of y [n, f]; rows that nearly agree are merged."""
    y = y / y.abs().amax(0).clamp(min=1e-300)
    near = (torch.cdist(y, y, p=torch.inf) < tolerance).double()
    return len(torch.unique(torch.linalg.matrix_power(near, len(y)) > 0, dim=0))


def test_random_walk_encodings_are_the_diagonals_of_powers_of_the_transition_matrix():
    A = torch.rand(3, 7, 7, generator=GENERATOR, dtype=torch.float64)
    A = (A + A.mT) * (A + A.mT > 1) * (1 - torch.eye(7))
    A[0, 2] = A[0, :, 2] = 0  # a node without edges
    degree = A.sum(-1)
    transition = A / torch.where(degree > 0, degree, 1.0)[..., None]
    expected = [
        torch.linalg.matrix_power(transition, m).diagonal(dim1=1, dim2=2) for m in range(1, 8)
    ]
    assert torch.allclose(random_walk(A, 7), torch.stack(expected, -1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("steps", "separated"), [(3, 2), (4, 3), (5, 5), (6, 6), (7, 9), (8, 10)])
def test_eight_steps_of_a_random_walk_tell_the_csl_classes_apart_and_fewer_do_not(
    classes, steps, separated
):
    walks = random_walk(classes, steps)
    assert (walks - walks[:, :1]).abs().max() < 1e-14  # vertex-transitive
    assert groups(walks[:, 0], 1e-9) == separated


@pytest.mark.parametrize(("steps", "separated"), [(7, 9), (8, 10)])
def test_the_transformer_sees_what_its_encodings_see(classes, steps, separated):
    config = GraphTransformerConfig(width=16, depth=2, steps=steps)
    module = built(GraphTransformer, problem(41), config)
    with torch.no_grad():
        assert groups(module(graphs.pack(classes)), 1e-10) == separated


def test_thresholded_powers_mark_walks_of_dyadic_length(classes):
    powers = dyadic_powers(classes, 3)
    assert torch.equal(powers[:, 0], classes)
    assert torch.equal(powers[:, 1], (torch.linalg.matrix_power(classes, 2) > 0).double())
    assert torch.equal(powers[:, 2], (torch.linalg.matrix_power(classes, 4) > 0).double())


@pytest.mark.parametrize(("powers", "separated"), [(1, 1), (2, 2), (3, 6), (4, 6), (5, 6), (6, 6)])
def test_thresholded_powers_tell_at_most_six_csl_classes_apart(classes, powers, separated):
    module = built(PowerGNN, problem(41), PowerConfig(width=16, powers=powers))
    with torch.no_grad():
        assert groups(module(graphs.pack(classes)), 1e-9) == separated


def test_the_perceptron_has_the_parameters_of_the_reference():
    module = MLPAdjacency().build(problem(41, 10))
    assert sum(p.numel() for p in module.parameters()) == 216_586


def test_the_perceptron_takes_a_relabelled_graph_for_another_and_pads_a_smaller_one():
    module = built(MLPAdjacency, problem(6, 3), FlatConfig(width=16))
    x = graphs.pack(adjacency_of(nx.path_graph(6))[None])
    order = torch.tensor([1, 0, 2, 3, 4, 5])
    assert not torch.allclose(module(x), module(graphs.relabelled(x, order)), rtol=1e-3)
    small = graphs.pack(adjacency_of(nx.path_graph(4))[None])
    assert torch.equal(module(small), module(graphs.padded(small, 6)))
    with pytest.raises(InputError, match="7 nodes do not fit 6"):
        module(graphs.pack(adjacency_of(nx.path_graph(7))[None]))


def test_the_perceptron_regresses_in_the_units_of_its_targets():
    module = built(MLPAdjacency, problem(6, 2, "mse"), FlatConfig(width=16))
    y = torch.randn(500, 2, generator=GENERATOR, dtype=torch.float64) * torch.tensor([3, 0]) + 7
    x = torch.zeros(500, 2, 6, 6).double()
    before = module(x[:1])
    module.calibrate(x, y)
    assert torch.allclose(
        module(x[:1]),
        before * torch.stack([y[:, 0].std(correction=0), y[0, 1]]) + y.mean(0),
    )


def test_the_perceptron_fits_shuffled_csl_and_learns_nothing_of_it(classes):
    wanted = problem(41, 10)
    module = built(MLPAdjacency, wanted, FlatConfig(width=64)).train()
    labels = torch.arange(100) % 10
    copies = graphs.relabelled(
        graphs.pack(classes)[labels.repeat(3)], graphs.random_orders(300, 41, GENERATOR)
    )
    optimiser = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(copies[:100]), labels).backward()
        optimiser.step()
    right = (module(copies).argmax(1) == labels.repeat(3)).double()
    assert right[:100].mean() == 1
    assert right[100:].mean() < 0.1 + 5 * (0.09 / 200) ** 0.5


def test_the_perceptron_declines_what_is_no_graph():
    assert "reads graphs" in MLPAdjacency().accepts(Problem("vectors", "mse", (3,), (1,)))
    assert MLPAdjacency().accepts(Problem("graph", "mse", (2, 6, 6), (1,))) is None

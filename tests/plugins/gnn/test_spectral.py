"""The eigenvalues of the adjacency, and what they cannot distinguish."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from known_graphs import CATEGORIES, DATA, asks, brec, built, csl, pairs, separated, tensor
from symbench_gnn.spectral import Spectrum, eigenvalues

from symbench import InputError, graphs

NO_BREC = not (DATA / "str.npy").exists()


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def module():
    return built(Spectrum, asks("none", 2, 41, 16)).double().eval()


def test_eigenvalues_of_a_cycle_are_cosines_wherever_its_padding_stands():
    x = graphs.padded(tensor(nx.cycle_graph(6)), 9)
    x = graphs.relabelled(x, torch.tensor([7, 0, 3, 8, 1, 6, 5, 2, 4]))
    expected = (2 * torch.cos(torch.arange(6, dtype=torch.float64) * torch.pi / 3)).sort().values
    torch.testing.assert_close(eigenvalues(x)[0, :6], expected)
    assert eigenvalues(x)[0, 6:].tolist() == [0, 0, 0]


def test_cospectral_graphs_look_the_same_and_a_triangle_does_not(module, generator):
    star, square, _ = pairs()["K14-C4K1"]
    assert not separated(module, star, square, generator)
    rook, shrikhande, _ = pairs()["rook-shrikhande"]
    assert not separated(module, rook, shrikhande, generator)
    assert not separated(module, csl(2), csl(20), generator)
    assert separated(module, *pairs()["K33-prism"][:2], generator)
    assert separated(module, csl(2), csl(3), generator)


def test_graphs_that_differ_by_an_isolated_node_are_told_apart(module):
    path = nx.path_graph(3)
    one, other = module(
        graphs.together([tensor(path)[0], tensor(nx.disjoint_union(path, nx.empty_graph(1)))[0]])
    )
    assert float((one - other).detach().abs().max()) > 1e-5


def test_more_nodes_than_the_problem_has_and_functions_of_nodes_are_refused(module):
    trained = built(Spectrum, asks("cross-entropy", 2, 41, 10))
    with pytest.raises(InputError, match="at most 41 nodes, not 42"):
        trained(tensor(nx.cycle_graph(42)))
    assert module(tensor(nx.cycle_graph(256))).shape == (1, 16)
    with pytest.raises(InputError, match="at most 256 nodes, not 257"):
        module(tensor(nx.cycle_graph(257)))
    assert "outputs invariants" in (Spectrum().accepts(asks("mse", 2, 6, 1, order=1)) or "")


@pytest.mark.skipif(NO_BREC, reason="needs BREC in SYMBENCH_DATA")
@pytest.mark.slow
def test_it_tells_212_pairs_of_brec_apart(generator):
    module = built(Spectrum, asks("none", 2, 20, 16)).double().eval()
    found = [
        sum(separated(module, *pair, generator) for pair in brec(category))
        for category in CATEGORIES
    ]
    assert found == [60, 50, 0, 99, 3, 0, 0]

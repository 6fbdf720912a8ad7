"""Graphs as dense batches against lists of edges, for networks that have both routes.

pytest tests/benchmarks/test_graph_routes.py --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

import time
from statistics import median

import pytest
import torch
from symbench_gnn.network import sparse_pays
from symbench_gnn.passing import GCN, GIN

from symbench import graphs
from symbench.contract import Problem

BATCH = 8
MODELS = {"gcn": GCN, "gin": GIN}
CASES = [(nodes, density) for nodes in (41, 160, 400) for density in (0.01, 0.05)]


def built(name, nodes):
    symmetry = graphs.graph_symmetry(2, nodes, 0, 16)
    problem = Problem("graph", "none", (2, nodes, nodes), (16,), symmetry)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MODELS[name].for_tier("full").build(problem)


def random_graphs(nodes, density):
    generator = torch.Generator().manual_seed(0)
    A = (torch.rand(BATCH, nodes, nodes, generator=generator) < density).float().triu(1)
    return graphs.pack(A + A.mT)


def routes(name, nodes, density):
    """Return a forward and backward pass of each route: dense, sparse."""
    module, x = built(name, nodes), random_graphs(nodes, density)

    def dense() -> None:
        y = module.dense(graphs.adjacency(x), graphs.node_features(x))
        y.square().sum().backward()

    def sparse() -> None:
        module.sparse(x).square().sum().backward()

    return dense, sparse


def seconds(step):
    started = time.process_time()  # tests run beside others
    step()
    return time.process_time() - started


def ratio(benchmark, steps):
    """Return the median of the time of the dense over that of the sparse route."""
    ratios = []

    def both() -> None:
        first, second = (seconds(step) for step in steps)
        ratios.append(first / second)

    both()
    ratios.clear()
    benchmark.pedantic(both, rounds=5)
    while len(ratios) < 3:  # a benchmark that is switched off runs once
        both()
    benchmark.extra_info["dense / sparse"] = median(ratios)
    return median(ratios)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("nodes", "density"), CASES)
def test_both_routes(benchmark, name, nodes, density):
    benchmark.group = f"{name}, {nodes} nodes"
    ratio(benchmark, routes(name, nodes, density))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_large_sparse_graphs_are_faster_by_lists_of_edges(benchmark, name):
    assert sparse_pays(graphs.adjacency(random_graphs(400, 0.005)))
    # with AVX-512 in the dense products the routes of gin are equally fast
    assert ratio(benchmark, routes(name, 400, 0.005)) > {"gcn": 1.1, "gin": 0.8}[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("nodes", [96, 198])
def test_graphs_with_many_edges_are_faster_by_dense_products(benchmark, name, nodes):
    assert not sparse_pays(graphs.adjacency(random_graphs(nodes, 0.3)))
    assert ratio(benchmark, routes(name, nodes, 0.3)) < 0.9

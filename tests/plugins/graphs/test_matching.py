"""Graph matching: an oracle is perfect, and a leak of the node order is at chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import quadratic_assignment
from symbench_graphs.matching import DENSITY, NODES, NOISE, GraphMatching, noisy
from symbench_graphs.random_graphs import bernoulli

from symbench import graphs
from symbench.contract import Data

GENERATOR = torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def data():
    return GraphMatching().sample(200, 0, "test")


def test_partners_are_a_symmetric_matching_across_the_sides(data):
    y = data.y[:, 0]
    assert torch.equal(y, y.mT)
    assert bool((y.sum(1) == 1).all())
    assert y[:, :NODES, :NODES].sum() == y[:, NODES:, NODES:].sum() == 0
    sides = graphs.node_features(data.x)[..., 1]
    assert torch.equal(sides, torch.cat([-torch.ones(200, NODES), torch.ones(200, NODES)], 1))


def test_no_edge_leads_from_one_graph_to_the_other(data):
    A = graphs.adjacency(data.x)
    assert torch.equal(A, A.mT)
    assert A[:, :NODES, NODES:].sum() == 0
    assert A.diagonal(dim1=1, dim2=2).sum() == 0


def test_the_second_graph_is_the_first_up_to_noise_at_the_partners(data):
    A, match = graphs.adjacency(data.x), data.y[:, 0, :NODES, NODES:]
    first, second = A[:, :NODES, :NODES], A[:, NODES:, NODES:]
    back = match @ second @ match.mT
    flipped = (first - back).abs().mean() * NODES / (NODES - 1)
    # 2 · density · noise of the pairs differ: 3 % of them at density 1/2; sd 9e-4 over 38,000 pairs
    assert float(flipped) == pytest.approx(2 * DENSITY * NOISE, abs=5 * 9e-4)
    asis = (first - second).abs().mean() * NODES / (NODES - 1)
    assert float(asis) == pytest.approx(2 * DENSITY * (1 - DENSITY), abs=0.02)


def test_the_noise_keeps_the_density_and_loses_the_stated_part():
    A = bernoulli(2000, 20, 0.2, GENERATOR)
    B = noisy(A, 0.2, 0.1, GENERATOR)
    lost, gained = (A * (1 - B)).sum() / A.sum(), ((1 - A) * B).sum() / (2000 * 380 - A.sum())
    assert float(lost) == pytest.approx(0.1, abs=5 * math.sqrt(0.09 / 76_000))
    assert float(gained) == pytest.approx(0.025, abs=5 * math.sqrt(0.025 / 300_000))
    assert torch.equal(B, B.mT)
    assert torch.equal(noisy(A, 0.2, 0, GENERATOR), A)


def test_an_oracle_is_perfect(data):
    assert GraphMatching().headline_error(data.y, data) == 0
    assert float(GraphMatching().objective(40 * data.y, data.x, data.y).max()) < 1e-6


def test_leaking_the_order_of_nodes_is_worth_a_guess(data):
    """The identity between the blocks, which solves the published data, is at chance here."""
    task, eye = GraphMatching(), torch.eye(NODES)
    zero = torch.zeros(NODES, NODES)
    leak = torch.cat([torch.cat([zero, eye]), torch.cat([eye, zero])], 1).expand(200, 1, -1, -1)
    error = task.headline_error(leak, data)
    assert error == pytest.approx(task.chance, abs=5 * 0.22 / (200 * NODES) ** 0.5)
    assert float(task.objective(10 * leak, data.x, data.y).mean()) > math.log(NODES)


def test_constant_scores_are_a_guess(data):
    task = GraphMatching()
    flat = torch.zeros(200, 1, 2 * NODES, 2 * NODES)
    assert task.headline_error(flat, data) == pytest.approx(task.chance, abs=1e-12)
    losses = task.objective(flat, data.x, data.y)
    assert torch.allclose(losses, torch.full((200,), math.log(NODES)))


def test_scores_inside_a_graph_and_rows_of_the_second_do_not_count(data):
    task = GraphMatching()
    inside = 9 * torch.rand(200, 1, 2 * NODES, 2 * NODES, generator=GENERATOR)
    inside[:, :, :NODES, NODES:] = 0
    changed = data.y + inside
    assert task.headline_error(changed, data) == 0
    plain = task.objective(data.y, data.x, data.y)
    assert torch.allclose(task.objective(changed, data.x, data.y), plain)


def test_the_objective_has_gradients(data):
    some = torch.randn(200, 1, 40, 40, generator=GENERATOR).requires_grad_()
    GraphMatching().objective(some, data.x, data.y).sum().backward()
    assert bool(some.grad.isfinite().all())
    assert bool(some.grad[:, 0, :NODES, NODES:].abs().sum((1, 2)).gt(0).all())
    assert some.grad[:, 0, NODES:].abs().sum() == 0


def test_a_classical_heuristic_finds_the_partners(data):
    found, rng = [], np.random.default_rng(0)
    for row in range(5):
        A = graphs.adjacency(data.x)[row].numpy()
        first, second = A[:NODES, :NODES], A[NODES:, NODES:]
        runs = [
            quadratic_assignment(
                first, second, options={"maximize": True, "rng": rng, "P0": "randomized"}
            )
            for _ in range(30)
        ]
        best = max(runs, key=lambda run: run.fun)
        partner = data.y[row, 0, :NODES, NODES:].argmax(1).numpy()
        found.append((best.col_ind == partner).mean())
    assert sum(found) / 5 > 0.9


def test_partners_and_scores_move_with_the_nodes(data):
    """Nodes of the two graphs may be mixed, because the feature gives their sides."""
    task, symmetry = GraphMatching(), GraphMatching().symmetry
    scores = torch.randn(200, 1, 40, 40, generator=GENERATOR) + 2 * data.y
    g = symmetry.group.sample(200, GENERATOR)
    moved = symmetry.input.act(g, data.x.flatten(1)).view_as(data.x)
    y, acted = (symmetry.output.act(g, one.flatten(1)).view_as(one) for one in (data.y, scores))
    assert torch.equal(graphs.relabelled(data.x, g.argmax(2)), moved)
    assert task.headline_error(acted, Data(moved, y)) == pytest.approx(
        task.headline_error(scores, data), abs=1e-12
    )
    there, back = task.objective(acted, moved, y), task.objective(scores, data.x, data.y)
    assert torch.allclose(there, back, rtol=1e-4)


@pytest.mark.parametrize("n", [0, 1])
def test_small_draws_have_their_shapes(n):
    data = GraphMatching().sample(n, 0, "train")
    assert data.x.shape == (n, 3, 40, 40)
    assert data.y.shape == (n, 1, 40, 40)


def test_splits_and_seeds_give_other_graphs():
    task = GraphMatching()
    first = task.sample(5, 0, "train").x
    assert torch.equal(first, task.sample(5, 0, "train").x)
    for seed, split in ((1, "train"), (0, "valid"), (0, "test")):
        assert not torch.equal(first, task.sample(5, seed, split).x)

"""Pairs of graphs in space: what agrees within a pair, and that no motion maps one to the other."""

from __future__ import annotations

from itertools import combinations, permutations

import pytest
import torch
from symbench_graphs.geometry import Chains, Neighbourhoods, Stars
from symbench_graphs.paired import examples

from symbench import graphs
from symbench.testing.laws import difference

TASKS = (Chains(), Stars(), Neighbourhoods())
PAIRS = [(task, pair) for task in TASKS for pair in task.pairs()]


def positions(graph):
    return graphs.node_features(graph)[:, 1:]


def around(graph, i):
    """The directions [d, 3] from a node to its neighbours."""
    return positions(graph)[graphs.adjacency(graph)[i] > 0] - positions(graph)[i]


def sorted_rows(rows):
    return torch.stack(sorted(rows, key=lambda row: row.tolist()))


def grams(graph, size):
    """The Gram matrices of every ``size`` neighbours of every node, each sorted."""
    found = []
    for i in range(graph.shape[-1]):
        for chosen in combinations(around(graph, i), size):
            orders = (torch.stack(order) for order in permutations(chosen))
            grams = ((x @ x.mT).flatten().mul(1e6).round() for x in orders)
            found.append(min(grams, key=lambda row: row.tolist()))
    return sorted_rows(found)


def distances(graph):
    x = positions(graph)
    return torch.cdist(x, x)


@pytest.mark.parametrize(("task", "pair"), PAIRS, ids=lambda v: getattr(v, "name", None))
def test_the_lengths_of_edges_agree_node_by_node(task, pair):
    a, b = (
        sorted_rows((distances(g) * graphs.adjacency(g)).sort(-1).values.mul(1e6).round())
        for g in (pair.a, pair.b)
    )
    assert torch.equal(a, b)


@pytest.mark.parametrize(("task", "pair"), PAIRS[:-1], ids=lambda v: getattr(v, "name", None))
def test_the_distances_of_all_nodes_differ_so_no_motion_maps_one_to_the_other(task, pair):
    a, b = (sorted_rows(distances(g).sort(-1).values.mul(1e6).round()) for g in (pair.a, pair.b))
    assert not torch.equal(a, b)


def test_no_motion_maps_the_neighbourhoods_of_four_bodies_to_each_other():
    pair = Neighbourhoods().pair(2)
    x, y = around(pair.a, 0), around(pair.b, 0)
    orders = torch.tensor(list(permutations(range(len(x)))))
    moved = x[orders]
    gaps = (moved @ moved.mT - y @ y.mT).abs().amax((1, 2))
    assert float(gaps.min()) > 1


@pytest.mark.parametrize(("bodies", "agree"), [(2, 1), (3, 2), (4, 3)])
def test_neighbourhoods_agree_in_as_many_bodies_as_they_are_named_after(bodies, agree):
    pair = Neighbourhoods().pair(bodies - 2)
    for size in range(1, agree + 2):
        one, other = grams(pair.a, size), grams(pair.b, size)
        if size <= agree:
            assert torch.equal(one, other)
        else:
            assert not torch.equal(one, other)


def test_all_edges_of_a_chain_have_one_length():
    for pair in Chains().pairs():
        lengths = distances(pair.a)[graphs.adjacency(pair.a) > 0]
        torch.testing.assert_close(lengths, torch.full_like(lengths, 5.0))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_moving_is_the_action_of_the_declared_group(task):
    x = torch.stack([graphs.padded(task.pair(0).a, task.input_shape[-1])] * 2)
    law, generator = task.symmetry, torch.Generator().manual_seed(0)
    g = law.group.sample(2, generator)
    n = task.input_shape[-1]
    moved = law.input.act(g, x.flatten(1)).view_as(x)
    order = g[:, :n, :n].argmax(-1)
    turned = torch.einsum("mab,mbij->maij", g[:, n:, n:], x[:, 2:])
    expected = graphs.relabelled(torch.cat([x[:, :2], turned], 1), order)
    assert difference(moved, expected) < 1e-12


def test_drawn_copies_keep_edges_and_distances():
    pair = Stars().pair(0)
    x, again = examples(pair, 4, torch.Generator().manual_seed(0), Stars().moved)
    assert x.dtype == torch.float32
    assert x.shape == again.shape == (8, 5, 6, 6)
    for copy in x[0::2]:
        assert sorted(distances(copy).flatten().mul(1e3).round().tolist()) == pytest.approx(
            sorted(distances(pair.a).flatten().mul(1e3).round().tolist()), abs=1.01
        )
    assert len({copy.numpy().tobytes() for copy in x}) == 8

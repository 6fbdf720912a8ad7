"""Pairs of graphs, and the tasks on them."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from symbench_graphs.ladder import WLLadder
from symbench_graphs.mini import BRECMini
from symbench_graphs.pairs import Pair, by_size, graph_tensor

from symbench import InputError
from symbench.graphs import node_mask, pack

TASKS = [BRECMini, WLLadder]
PATH, CYCLE = graph_tensor(nx.path_graph(4)), graph_tensor(nx.cycle_graph(4))


def test_a_pair_of_different_sizes_is_refused():
    with pytest.raises(InputError, match="4 and 5 nodes"):
        Pair(0, "x", PATH, graph_tensor(nx.path_graph(5)))


def test_a_self_loop_is_refused():
    looped = pack(torch.eye(4)[None])[0]
    with pytest.raises(InputError, match="self-loops"):
        Pair(0, "x", PATH, looped)


def test_a_directed_graph_is_refused():
    with pytest.raises(InputError, match="directed"):
        Pair(0, "x", PATH, pack(torch.ones(4, 4).triu(1)[None])[0])


def test_an_empty_graph_is_refused():
    with pytest.raises(InputError, match="empty"):
        graph_tensor(nx.Graph())
    with pytest.raises(InputError, match="empty"):
        Pair(0, "x", torch.zeros(2, 0, 0), torch.zeros(2, 0, 0))


def test_a_disconnected_graph_is_allowed():
    lonely = graph_tensor(nx.disjoint_union(nx.path_graph(3), nx.path_graph(1)))
    assert Pair(0, "x", PATH, lonely).nodes == 4


def test_pairs_are_grouped_by_size_smallest_first():
    pairs = [Pair(0, "x", CYCLE, PATH), Pair(1, "x", PATH[:, :3, :3], PATH[:, 1:, 1:])]
    pairs += [Pair(2, "x", PATH, CYCLE)]
    assert {n: [p.id for p in found] for n, found in by_size(pairs).items()} == {3: [1], 4: [0, 2]}
    assert list(by_size(pairs)) == [3, 4]


@pytest.mark.parametrize("task", TASKS)
def test_a_pair_is_found_by_its_number(task):
    pairs = task().pairs()
    assert [pair.id for pair in pairs] == list(range(len(pairs)))
    assert task().pair(3) is pairs[3]
    with pytest.raises(InputError, match=f"0 to {len(pairs) - 1}"):
        task().pair(len(pairs))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("n", [0, 12])
def test_a_sample_has_the_declared_shapes_and_depends_on_its_arguments_alone(task, n):
    first, again = task().sample(n, 3, "train"), task().sample(n, 3, "train")
    assert first.x.shape == (n, *task.input_shape)
    assert first.y.shape == (n, 16)
    assert torch.equal(first.x, again.x)


@pytest.mark.parametrize("task", TASKS)
def test_a_sample_holds_relabelled_graphs_of_the_pairs(task):
    def trace(x):
        return (int(x[..., 1, :, :].sum()), int(x[..., 0, :, :].sum()))

    small = {trace(p.a) for p in task().pairs() if p.nodes <= task.input_shape[-1]}
    x = task().sample(40, 0, "test").x
    assert {trace(g) for g in x} <= small
    assert torch.equal(x[:, 0], x[:, 0].mT)
    outside = 1 - node_mask(x)
    assert not (x[:, 0] * outside[:, None]).any()
    assert not torch.equal(x, task().sample(40, 0, "valid").x)


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_trained_and_the_embedding_is_invariant(task):
    symmetry = task().symmetry
    assert task.loss == "none"
    assert symmetry.group.dim == task.input_shape[-1]
    assert symmetry.output.size == 16

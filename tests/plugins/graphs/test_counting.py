"""Substructure counts: closed forms match enumeration, labels match the published moments."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pytest
import torch
from symbench_graphs import counts
from symbench_graphs.counting import TARGETS, CountError, ErdosRenyiCount, RegularCount
from symbench_graphs.csl import CSL

from symbench import graphs
from symbench.contract import Data, Problem, Trained

PATTERNS = {
    "triangle": nx.complete_graph(3),
    "tailed-triangle": nx.Graph([(0, 1), (1, 2), (2, 0), (2, 3)]),
    "chordal-cycle": nx.Graph([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]),
}


@pytest.fixture(params=[ErdosRenyiCount, RegularCount], ids=lambda task: task.name)
def task(request):
    return request.param()


def enumerated(x):
    """Return the five counts of one graph [4, N, N] by enumerating all sets of nodes."""
    keep = graphs.node_mask(x) > 0
    graph = nx.from_numpy_array(graphs.adjacency(x)[keep][:, keep].numpy())
    odd = graphs.node_features(x)[keep][:, 2]
    found = dict.fromkeys(TARGETS, 0)
    for size in (3, 4):
        for nodes in combinations(graph, size):
            part = graph.subgraph(nodes)
            for name, pattern in PATTERNS.items():
                found[name] += len(pattern) == size and nx.is_isomorphic(part, pattern)
            if size == 3 and part.size() == 3 and odd[list(nodes)].sum() == 2:
                found["attributed-triangle"] += 1
    for _, neighbours in graph.adjacency():
        found["3-star"] += sum(1 for _ in combinations(neighbours, 3))
    return list(found.values())


def test_closed_forms_are_what_enumeration_finds(task):
    x = task.sample(4 if task.input_shape[-1] == 10 else 1, 5, "train").x
    assert task.counts(x).tolist() == [enumerated(graph) for graph in x]


def test_closed_forms_hold_on_dense_graphs_too():
    dense = torch.stack(
        [
            torch.from_numpy(nx.to_numpy_array(nx.gnp_random_graph(8, 0.7, seed=seed)))
            for seed in range(6)
        ]
    )
    colour = (torch.arange(8) % 2).double().expand(6, 8)
    x = graphs.pack(dense, torch.stack([1 - colour, colour], -1))
    assert ErdosRenyiCount().counts(x).tolist() == [enumerated(graph) for graph in x]
    assert counts.cliques(dense).tolist() == [
        sum(len(c) == 4 for c in nx.enumerate_all_cliques(nx.from_numpy_array(A.numpy())))
        for A in dense
    ]


def test_a_complete_graph_holds_no_induced_tailed_triangle_and_12_others():
    K4 = (1 - torch.eye(4, dtype=torch.float64))[None]
    assert counts.tailed_triangles(K4).tolist() == [0]
    assert counts.chordal_cycles(K4).tolist() == [0]
    assert counts.triangles(K4).tolist() == [4]
    assert counts.three_stars(K4).tolist() == [4]
    triangles_at_a_node, degree = 3, 3
    assert 4 * triangles_at_a_node * (degree - 2) == 12  # other data sets count subgraphs


def test_the_counts_of_circular_skip_links():
    A = torch.stack(CSL().classes())[:, 0].double()
    assert counts.triangles(A).tolist() == [41] + [0] * 9
    assert counts.three_stars(A).tolist() == [41 * 4] * 10
    assert counts.chordal_cycles(A)[0] == 41


def test_the_labels_have_the_published_moments():
    """Means and variances agree with the published 5,000 graphs within 5 standard errors."""
    published = torch.tensor(
        [[22.588, 3.211, 9.887, 2.144, 1.337], [311.20, 7.3529, 67.531, 9.6087, 2.1114]]
    ).double()
    task = ErdosRenyiCount()
    y = task.counts(task.sample(20_000, 0, "train").x)
    centred = y - y.mean(0)
    error = centred.std(0) / 5000**0.5
    assert bool(((y.mean(0) - published[0]).abs() < 5 * 1.12 * error).all())
    error = (centred**2).std(0) / 5000**0.5  # 1.12 adds the standard error of 20,000 graphs
    assert bool(((y.var(0) - published[1]).abs() < 5 * 1.12 * error).all())


def test_the_regular_graphs_have_the_published_moments():
    """The published set has variances 163.66 and 11.4 (stated), and means 5.13 and 61.9."""
    y = RegularCount().counts(RegularCount().sample(2000, 0, "train").x)
    assert float(y[:, 2].var()) == pytest.approx(163.66, rel=0.15)
    assert float(y[:, 3].var()) == pytest.approx(11.4, rel=0.25)
    assert float(y[:, 1].mean()) == pytest.approx(5.13, abs=0.35)
    assert float(y[:, 0].mean()) == pytest.approx(61.9, abs=2)


def test_targets_have_unit_deviation(task):
    n = 20_000 if isinstance(task, ErdosRenyiCount) else 2000
    assert task.sample(n, 1, "train").y.std(0).tolist() == pytest.approx([1] * 5, rel=0.1)


def test_regular_graphs_are_padded_and_lost_as_many_edges_as_they_have_nodes():
    task = RegularCount()
    x = task.sample(200, 0, "valid").x
    nodes, edges = graphs.node_mask(x).sum(1), graphs.adjacency(x).sum((1, 2)) / 2
    laws = set(zip(nodes.int().tolist(), edges.int().tolist(), strict=True))
    assert laws == {(m, m * d // 2 - m) for m, d in task.laws}
    outside = 1 - graphs.node_mask(x)
    assert (graphs.adjacency(x) * outside[:, :, None]).sum() == 0
    assert (graphs.node_features(x) * outside[:, :, None]).sum() == 0
    assert torch.equal(graphs.node_features(x)[..., 1:].sum(-1), graphs.node_mask(x))


def test_the_counts_do_not_see_the_labels_or_the_padding(task):
    data, symmetry = task.sample(6, 0, "train"), task.symmetry
    g = symmetry.group.sample(6, torch.Generator().manual_seed(1))
    moved = symmetry.input.act(g, data.x.flatten(1)).view_as(data.x)
    assert torch.equal(graphs.relabelled(data.x, g.argmax(2)), moved)
    assert torch.equal(task.target(moved), symmetry.output.act(g, data.y))
    assert torch.equal(task.target(graphs.padded(data.x, 33)), data.y)


@pytest.mark.parametrize("n", [0, 1])
def test_small_draws_have_their_shapes(task, n):
    data = task.sample(n, 0, "train")
    assert data.x.shape == (n, *task.input_shape)
    assert data.y.shape == (n, 5)


def test_splits_and_seeds_give_other_graphs(task):
    drawn = [task.sample(5, seed, split).x for seed, split in
             ((0, "train"), (1, "train"), (0, "valid"), (0, "test"))]  # fmt: skip
    assert all(not torch.equal(a, b) for a, b in combinations(drawn, 2))


def scores_of(prediction, data):
    task = ErdosRenyiCount()
    problem = Problem("graph", "mse", task.input_shape, task.output_shape)
    trained = Trained(torch.nn.Identity(), None, problem, 1, 0, data, prediction)
    return CountError().score(trained, task, torch.Generator())


def test_the_metric_is_one_for_the_mean_and_zero_for_the_truth_count_by_count():
    data = ErdosRenyiCount().sample(300, 0, "test")
    mean = scores_of(data.y.mean(0).expand(300, 5), data)
    assert set(mean) == {"count_error", *(f"count_error.{name}" for name in TARGETS)}
    assert all(value == pytest.approx(1, abs=1e-5) for value in mean.values())
    half = data.y.clone()
    half[:, 0] = data.y[:, 0].mean()
    found = scores_of(half, data)
    assert found["count_error.3-star"] == pytest.approx(1, abs=1e-5)
    assert found["count_error.triangle"] == 0
    assert found["count_error"] == pytest.approx(0.2, abs=1e-5)


def test_the_metric_does_not_depend_on_the_units_of_the_targets():
    data = ErdosRenyiCount().sample(100, 0, "test")
    guess = data.y + torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    other = scores_of(7 * guess, Data(data.x, 7 * data.y))
    assert other == pytest.approx(scores_of(guess, data), rel=1e-4)


def test_the_metric_applies_to_counting_alone(task):
    assert CountError().applies(task, None)
    assert not CountError().applies(CSL(), None)

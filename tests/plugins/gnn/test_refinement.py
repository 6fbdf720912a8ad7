"""Weisfeiler-Leman tests: known answers, and agreement with networkx."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import networkx as nx
import pytest
import torch
from known_graphs import CATEGORIES, DATA, asks, brec, built, cfi, csl, pairs, tensor
from symbench_gnn.refinement import FWL2, FWL3, WL1, embedded, mix, refined, signatures

from symbench import InputError, graphs

MODELS = (WL1, FWL2, FWL3)
NO_BREC = not (DATA / "str.npy").exists()
needs_brec = pytest.mark.skipif(NO_BREC, reason="needs BREC in SYMBENCH_DATA")


def told_apart(first, second, order):
    one, other = signatures(tensor(first, second), order).tolist()
    return one != other


def counted(category, order):
    return sum(told_apart(*pair, order) for pair in brec(category))


def groups(keys):
    found = defaultdict(set)
    for number, key in enumerate(keys):
        found[key].add(number)
    return set(map(frozenset, found.values()))


@pytest.fixture(scope="module")
def atlas():
    return nx.graph_atlas_g()[1:]


@pytest.fixture(scope="module")
def atlas_tensor(atlas):
    return graphs.together([tensor(graph)[0] for graph in atlas])


@pytest.mark.parametrize("name", pairs())
def test_known_pairs_are_told_apart_by_what_the_theorems_say(name):
    first, second, answers = pairs()[name]
    for order, answer in enumerate(answers, 1):
        assert answer is None or told_apart(first, second, order) is answer


def test_cfi_over_a_triangle_is_two_triangles_and_a_hexagon():
    first, second = cfi(nx.complete_graph(3))
    assert nx.number_connected_components(first) == 2
    assert nx.is_isomorphic(second, nx.cycle_graph(6))


def test_one_dimensional_partition_of_the_atlas_is_that_of_networkx(atlas, atlas_tensor):
    expected = groups(
        (len(graph), nx.weisfeiler_lehman_graph_hash(graph, iterations=8)) for graph in atlas
    )
    assert groups(signatures(atlas_tensor, 1).tolist()) == expected


def test_one_dimensional_refinement_merges_exactly_26_pairs_of_the_atlas(atlas, atlas_tensor):
    merged = [
        len(atlas[i])
        for group in groups(signatures(atlas_tensor, 1).tolist())
        for i, _ in combinations(sorted(group), 2)
    ]
    assert {n: merged.count(n) for n in set(merged)} == {6: 4, 7: 22}


@pytest.mark.parametrize("order", [2, 3])
def test_folklore_refinement_tells_all_graphs_of_the_atlas_apart(atlas_tensor, order):
    assert len(set(signatures(atlas_tensor, order).tolist())) == len(atlas_tensor) == 1252


def test_all_classes_of_circular_skip_links_differ_for_pairs_and_none_for_nodes():
    x = tensor(*(csl(skip) for skip in (2, 3, 4, 5, 6, 9, 11, 12, 13, 16)))
    assert len(signatures(x, 1).unique()) == 1
    assert len(signatures(x, 2).unique()) == 10


@pytest.mark.parametrize("order", [1, 2, 3])
def test_relabelling_padding_and_precision_change_no_bit(order):
    generator = torch.Generator().manual_seed(order)
    upper = torch.rand(5, 7, 7, generator=generator).triu(1)
    upper = upper * (torch.rand(5, 7, 7, generator=generator) < 0.5)
    features = torch.randint(2, (5, 7, 1), generator=generator)
    x = graphs.pack(upper + upper.mT, features)
    moved = graphs.relabelled(graphs.padded(x, 10), graphs.random_orders(5, 10, generator))
    expected = signatures(x, order)
    assert len(expected.unique()) == 5
    assert torch.equal(signatures(moved, order), expected)
    assert torch.equal(signatures(moved.double(), order), expected)
    assert torch.equal(signatures(x[3:4], order), expected[3:4])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_weights_and_features_are_seen(order):
    links = tensor(nx.path_graph(3))[:, 0].expand(2, 3, 3).clone()
    links[1, 0, 1] = links[1, 1, 0] = 2
    weighted = signatures(graphs.pack(links), order)
    assert weighted[0] != weighted[1]
    features = torch.tensor([[0, 1, 0], [1, 0, 0]])[..., None]
    coloured = signatures(graphs.pack(links[:1].expand(2, 3, 3), features), order)
    assert coloured[0] != coloured[1]


def test_colours_of_a_path_are_its_orbits():
    colours = refined(tensor(nx.path_graph(5)), 1)[0].tolist()
    assert groups(colours) == {frozenset({0, 4}), frozenset({1, 3}), frozenset({2})}


def test_mixing_is_splitmix64():
    expected = 0xE220A8397B1DCDAF  # the generator's first output from seed 0
    assert int(mix(torch.zeros(1, dtype=torch.long))) % 2**64 == expected


def test_embeddings_are_uniform_and_exact_in_single_precision():
    values = embedded(torch.arange(1000), 16)
    assert torch.equal(values.float().double(), values)
    assert 0 <= float(values.min()) < float(values.max()) < 1
    assert float(values.mean()) == pytest.approx(0.5, abs=5 * (1 / 12 / values.numel()) ** 0.5)


@pytest.mark.parametrize("model", MODELS)
def test_pair_tasks_get_an_embedding_of_any_size_of_graph(model):
    module = built(model, asks("none", 2, 24, 16))
    first, second = module(tensor(*pairs()["K14-C4K1"][:2]))
    assert first.shape == (16,)
    assert first.dtype == torch.float64
    assert not torch.equal(first, second)


@pytest.mark.parametrize("model", MODELS)
def test_a_graph_seen_in_training_gets_its_mean_target_and_others_the_overall_mean(model):
    module = built(model, asks("mse", 2, 4, 1))
    path, star = nx.path_graph(4), nx.star_graph(3)
    y = torch.tensor([[1.0], [3.0], [8.0]])
    module.calibrate(tensor(path, path, star).float(), y)
    shuffled = nx.relabel_nodes(path, {0: 2, 2: 0})
    asked = tensor(*(nx.from_edgelist(g.edges) for g in (path, star)), nx.cycle_graph(4))
    assert nx.is_isomorphic(shuffled, path)
    assert module(asked.float()).flatten().tolist() == [2.0, 8.0, 4.0]


def test_classes_come_as_frequencies_and_ties_stay_ties():
    x = tensor(*(csl(skip) for skip in (2, 3, 4)))
    y = torch.tensor([0, 1, 2])
    for model, correct in ((WL1, 1), (FWL2, 3)):
        module = built(model, asks("cross-entropy", 2, 41, 3))
        module.calibrate(x.float(), y)
        assert int((module(x.float()).argmax(1) == y).sum()) == correct


def test_large_graphs_are_declined_by_triples():
    reason = FWL3().accepts(asks("none", 2, 65, 16))
    assert reason is not None
    assert "64 nodes" in reason
    module = built(FWL3, asks("none", 2, 24, 16))
    with pytest.raises(InputError, match="at most 64 nodes, not 65"):
        module(tensor(nx.cycle_graph(65)))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("order", [1, 2])
def test_functions_of_nodes_and_of_pairs_are_declined(model, order):
    assert "outputs invariants" in (model().accepts(asks("mse", 2, 6, 1, order)) or "")


@needs_brec
def test_counts_on_brec_are_none_by_nodes_and_270_by_pairs():
    assert [counted(category, 1) for category in CATEGORIES] == [0] * 7
    assert [counted(category, 2) for category in CATEGORIES] == [60, 50, 0, 100, 60, 0, 0]


@needs_brec
def test_all_pairs_of_equal_strongly_regular_graphs_are_told_apart_by_triples():
    found = [g for pair in brec("str") for g in pair if len(g) == 25]
    assert len(found) == 14
    x = tensor(*found)
    assert len(signatures(x, 2).unique()) == 1
    assert len(signatures(x, 3).unique()) == 14


@needs_brec
@pytest.mark.slow
@pytest.mark.parametrize(("category", "pairs"), [("str", 50), ("4vtx", 20), ("dr", 20)])
def test_triples_tell_the_hard_pairs_of_brec_apart(category, pairs):
    assert counted(category, 3) == pairs

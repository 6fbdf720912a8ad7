"""Theorems on pair tensors: which graphs networks with random weights can distinguish."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import networkx as nx
import pytest
import torch
from known_graphs import (
    CATEGORIES,
    CSL_SKIPS,
    DATA,
    asks,
    brec,
    built,
    csl,
    pairs,
    separated,
    tensor,
)
from symbench_gnn.refinement import signatures
from symbench_gnn.spectral import Spectrum
from symbench_gnn.tensors import IGN2, PPGN, RingGNN

from symbench import graphs

NO_BREC = not (DATA / "str.npy").exists()
STRONG = ("rook-shrikhande", "CFI-K4", "CFI-K33", "CFI-K5", "CSL-2-20")
SIMPLE = ("2C3-C6", "2C4-C8", "K33-prism", "decalin-bicyclopentyl", "CSL-2-3", "CFI-K3")
LONG = ("decalin-bicyclopentyl",)  # equal up to closed walks of length 4, so two layers are too few


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def merged_by_1wl():
    """The pairs of the atlas that colour refinement cannot distinguish."""
    atlas = nx.graph_atlas_g()[1:]
    keys = signatures(graphs.together([tensor(graph)[0] for graph in atlas]), 1).tolist()
    groups = defaultdict(list)
    for graph, key in zip(atlas, keys, strict=True):
        groups[key].append(graph)
    return [pair for group in groups.values() for pair in combinations(group, 2)]


def untrained(model, seed=0, loss="none", copies=16, **config):
    return built(model, asks(loss, 2, 41, copies), seed, **config).double().eval()


def count(module, category, generator):
    """Return how many pairs with at most 100 nodes are distinguished."""
    return sum(
        separated(module, *pair, generator) for pair in brec(category) if len(pair[0]) <= 100
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_2_ign_merges_what_1_wl_merges_and_nothing_else_tried(seed, merged_by_1wl, generator):
    module = untrained(IGN2, seed)
    assert len(merged_by_1wl) == 26
    assert not any(separated(module, *pair, generator) for pair in merged_by_1wl)
    assert not any(separated(module, *pairs()[name][:2], generator) for name in SIMPLE + STRONG)
    assert separated(module, *pairs()["K14-C4K1"][:2], generator)
    assert separated(module, nx.cycle_graph(3), nx.path_graph(3), generator)


@pytest.mark.parametrize("model", [RingGNN, PPGN])
@pytest.mark.parametrize("seed", [0, 1])
def test_products_of_matrices_tell_apart_what_1_wl_merges(model, seed, merged_by_1wl, generator):
    module = untrained(model, seed)
    assert all(separated(module, *pair, generator) for pair in merged_by_1wl)
    names = [name for name in SIMPLE if model is PPGN or name not in LONG]
    assert all(separated(module, *pairs()[name][:2], generator) for name in names)


@pytest.mark.parametrize("model", [RingGNN, PPGN])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_beyond_2_fwl_is_told_apart(model, seed, generator):
    module = untrained(model, seed)
    assert not any(separated(module, *pairs()[name][:2], generator) for name in STRONG)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("loss", ["none", "cross-entropy"])
def test_ppgn_without_training_tells_all_circular_skip_links_apart(seed, loss, generator):
    module = untrained(PPGN, seed, loss, copies=10)
    links = [csl(skip) for skip in CSL_SKIPS]
    assert all(separated(module, *pair, generator) for pair in combinations(links, 2))


def test_ring_gnn_of_two_layers_tells_only_few_circular_skip_links_apart(generator):
    module = untrained(RingGNN, loss="cross-entropy", copies=10)
    links = [csl(skip) for skip in CSL_SKIPS]
    alike = nx.Graph()
    alike.add_nodes_from(range(10))
    for i, j in combinations(range(10), 2):
        if not separated(module, links[i], links[j], generator):
            alike.add_edge(i, j)
    assert 2 <= nx.number_connected_components(alike) <= 5


@pytest.mark.parametrize("model", [IGN2, RingGNN, PPGN, Spectrum])
def test_isomorphic_circular_skip_links_are_never_told_apart(model, generator):
    assert not separated(untrained(model), csl(2), csl(20), generator)


@pytest.mark.skipif(NO_BREC, reason="needs BREC in SYMBENCH_DATA")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "config", "least", "most"),
    [
        (IGN2, {}, (0,) * 7, (0,) * 7),
        (RingGNN, {}, (60, 50, 0, 90, 0, 0, 0), (60, 50, 0, 100, 3, 0, 0)),
        (PPGN, {}, (60, 50, 0, 100, 1, 0, 0), (60, 50, 0, 100, 23, 0, 0)),
    ],
)
def test_counts_on_brec_lie_in_the_measured_bands(model, config, least, most, generator):
    module = untrained(model, **config)
    for category, low, high in zip(CATEGORIES, least, most, strict=True):
        assert low <= count(module, category, generator) <= high, category

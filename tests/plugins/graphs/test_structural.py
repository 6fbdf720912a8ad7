"""The graphs that untrained networks distinguish, compared with theorems."""

from __future__ import annotations

import pair_toys
import pytest
import torch
from symbench_graphs.ladder import WLLadder
from symbench_graphs.mini import BRECMini
from symbench_graphs.pair_contrast import Contrast, contrast, embeddings, relabelings
from symbench_graphs.structural import Classes, Structural
from torch import nn

MINI, LADDER = BRECMini(), WLLadder()


def score(task, network, metric=Structural, seed=0):
    return metric().score(pair_toys.trial(task, network, seed=seed), task, torch.Generator())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_message_passing_tells_no_pair_apart(seed):
    scores = score(MINI, pair_toys.Gin, seed=seed)
    assert scores["pairs_structural"] == scores["pairs_structural.undecided"] == 0
    assert scores["pairs_structural.noise"] < 1e-14
    assert "pairs_structural.margin" not in scores


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_closed_walks_tell_apart_what_is_not_cospectral(seed):
    scores = score(MINI, pair_toys.Walks, seed=seed)
    wanted = {"": 27, ".atlas-6": 4, ".atlas-7": 22, ".srg": 0, ".cfi": 1, ".undecided": 0}
    assert {part: scores["pairs_structural" + part] for part in wanted} == wanted
    assert scores["pairs_structural.margin"] > 1e6 * scores["pairs_structural.noise"]
    assert scores["pairs_structural.float32"] <= 27
    assert 1e-8 < scores["pairs_structural.float32_noise"] < 1e-5


def test_every_count_stands_beside_the_number_of_pairs():
    scores = score(MINI, pair_toys.Walks)
    assert scores["pairs_structural.truth"] == 30
    assert scores["pairs_structural.atlas-7.truth"] == 22


def test_the_rung_counts_from_the_bottom():
    assert score(LADDER, pair_toys.Walks)["pairs_structural.rung"] == 1
    assert score(LADDER, pair_toys.Gin)["pairs_structural.rung"] == 0
    assert "pairs_structural.rung" not in score(MINI, pair_toys.Gin)


def test_a_network_that_sees_the_order_of_nodes_tells_nothing_apart():
    scores = score(MINI, pair_toys.Flat)
    assert scores["pairs_structural"] == 0
    assert scores["pairs_structural.noise"] > 1e-3
    assert scores["pairs_structural.refused"] == 1  # CFI(K5) has 40 nodes, the perceptron 16


def test_the_score_is_the_same_each_time_and_leaves_the_global_generator_alone():
    trial, before = pair_toys.trial(LADDER, pair_toys.Walks), torch.get_rng_state()
    first, again = (Structural().score(trial, LADDER, torch.Generator()) for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())


class Half(pair_toys.Gin):
    def to(self, *args, **kwargs):
        if torch.float64 in args:
            raise RuntimeError("this one has no float64")
        return super().to(*args, **kwargs)


class Refusing(nn.Module):
    def forward(self, x):
        raise RuntimeError("too large")


class Broken(nn.Module):
    def forward(self, x):
        return x.new_full((len(x), 16), float("nan"))


@pytest.mark.parametrize("network", [Half, Refusing, Broken])
def test_what_cannot_be_measured_has_no_score(network):
    assert score(LADDER, network) == {}


def test_graphs_of_one_size_are_embedded_together_and_keep_their_places():
    sizes = []

    def sums(x):
        sizes.append(x.shape[-1])
        return x.flatten(1).sum(1, keepdim=True)

    graphs = [graph for pair in LADDER.pairs() for graph in (pair.a, pair.b)]
    found = embeddings(sums, graphs, torch.Generator().manual_seed(0))
    for graph, f in zip(graphs, found, strict=True):
        assert f.flatten().tolist() == [float(graph.sum())] * relabelings(graph.shape[-1])
    assert sizes[:3] == [6, 16, 24]


def test_a_gap_is_separated_undecided_or_hidden():
    assert Contrast(2e-12, 1e-15).separated
    assert not Contrast(0.9e-12, 1e-16).separated
    assert Contrast(5e-11, 1e-13).undecided
    assert not Contrast(5e-12, 1e-13).undecided
    assert not Contrast(0.0, 1e-16).separated


def test_gap_and_noise_are_relative_to_the_largest_output():
    a = torch.tensor([[100.0, 1.0], [100.0, 2.0]], dtype=torch.float64)
    b = torch.tensor([[96.0, 1.0], [96.0, 1.0]], dtype=torch.float64)
    found = contrast(a, b)
    assert found.gap == pytest.approx(0.04)
    assert found.noise == pytest.approx(0.01)


def test_equal_outputs_are_not_separated_and_have_the_noise_of_rounding():
    found = contrast(torch.zeros(4, 3), torch.zeros(4, 3))
    assert (found.gap, found.noise) == (0, torch.finfo(torch.float32).eps)
    assert not found.separated
    assert not found.undecided


class Skips(WLLadder):
    """Three classes; the first two are copies of one graph."""

    output_shape = (3,)

    def classes(self):
        pairs = self.pairs()
        return [pairs[0].a, pairs[0].a[:, [2, 0, 1, 3, 5, 4]][:, :, [2, 0, 1, 3, 5, 4]], pairs[0].b]


def test_classes_of_one_graph_are_never_told_apart():
    scores = score(Skips(), pair_toys.Walks, Classes)
    assert scores["classes_structural"] == 2
    assert scores["classes_structural.accuracy"] == pytest.approx(2 / 3)


def test_message_passing_sees_one_class():
    assert score(Skips(), pair_toys.Gin, Classes)["classes_structural"] == 1


def test_the_metrics_apply_where_there_are_pairs_or_classes():
    model = pair_toys.Toy(pair_toys.Gin)
    assert Structural().applies(MINI, model)
    assert not Classes().applies(MINI, model)
    assert Classes().applies(Skips(), model)

"""Message passing merges exactly the graphs that colour refinement merges."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from symbench_gnn.others import DeepSets, PowerGNN
from symbench_gnn.passing import GAT, GCN, GIN, MPNN, GATConfig, RandomGIN, RandomGINConfig

from symbench import graphs
from symbench.contract import Problem


def csl(skip):
    return nx.circulant_graph(41, [1, skip])


def decalin():
    return nx.compose(nx.cycle_graph(6), nx.cycle_graph([0, 1, 6, 7, 8, 9]))


def bicyclopentyl():
    graph = nx.disjoint_union(nx.cycle_graph(5), nx.cycle_graph(5))
    graph.add_edge(0, 5)
    return graph


def twice(graph):
    return nx.disjoint_union(graph, graph)


MERGED = {
    "2 C3, C6": (twice(nx.cycle_graph(3)), nx.cycle_graph(6)),
    "2 C4, C8": (twice(nx.cycle_graph(4)), nx.cycle_graph(8)),
    "K3,3, prism": (nx.complete_bipartite_graph(3, 3), nx.circular_ladder_graph(3)),
    "decalin, bicyclopentyl": (decalin(), bicyclopentyl()),
    "CSL(41, 2), CSL(41, 3)": (csl(2), csl(3)),
}
STAR_AND_SQUARE = (nx.star_graph(4), nx.disjoint_union(nx.cycle_graph(4), nx.empty_graph(1)))


def packed(graph):
    return graphs.pack(torch.from_numpy(nx.to_numpy_array(graph)).double()[None])


def problem(nodes, copies=16):
    symmetry = graphs.graph_symmetry(2, nodes, 0, copies)
    return Problem("graph", "none", (2, nodes, nodes), (copies,), symmetry)


def built(model, wanted, config=None):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model(config).build(wanted).double().eval()


def relative_gap(module, pair):
    with torch.no_grad():
        first, second = (module(packed(graph)) for graph in pair)
    return float((first - second).abs().max() / first.abs().max())


@pytest.mark.parametrize("pair", MERGED.values(), ids=MERGED)
@pytest.mark.parametrize("model", [GCN, GIN, GAT, MPNN, DeepSets])
def test_message_passing_merges_what_colour_refinement_merges(model, pair):
    assert relative_gap(built(model, problem(len(pair[0]))), pair) < 1e-10


@pytest.mark.parametrize("pair", MERGED.values(), ids=MERGED)
def test_the_first_power_alone_merges_what_colour_refinement_merges(pair):
    module = built(PowerGNN, problem(len(pair[0])), PowerGNN.Config(powers=1))
    assert relative_gap(module, pair) < 1e-10


@pytest.mark.parametrize("model", [GCN, GIN, GAT, MPNN, PowerGNN])
@pytest.mark.parametrize(
    "pair", [(nx.complete_graph(3), nx.path_graph(3)), STAR_AND_SQUARE], ids=["K3, P3", "K1,4, C4"]
)
def test_degrees_are_seen(model, pair):
    assert relative_gap(built(model, problem(len(pair[0]))), pair) > 1e-6


def test_deep_sets_are_blind_to_edges_and_count_nodes():
    module = built(DeepSets, problem(5))
    assert relative_gap(module, STAR_AND_SQUARE) < 1e-12
    assert relative_gap(module, (nx.path_graph(4), nx.path_graph(5))) > 1e-6


@pytest.mark.parametrize("model", [GIN, MPNN])
def test_on_the_atlas_it_merges_exactly_the_26_pairs_of_1_wl(model):
    atlas = [g for g in nx.graph_atlas_g() if len(g)]
    x = graphs.together([packed(g)[0] for g in atlas])
    with torch.no_grad():
        y = built(model, problem(7))(x)
    y = y / y.abs().amax(0)
    apart = torch.cdist(y, y, p=torch.inf).triu(1) + torch.ones(len(y), len(y)).tril()
    merged = [(len(atlas[i]), len(atlas[j])) for i, j in (apart < 1e-11).nonzero().tolist()]
    assert sorted(merged) == [(6, 6)] * 4 + [(7, 7)] * 22
    assert int(((apart >= 1e-13) & (apart < 1e-11)).sum()) == 0  # no undecided pairs


@pytest.mark.parametrize("model", [GCN, GIN])
def test_the_full_tier_has_the_parameters_of_the_reference(model):
    module = model.for_tier("full").build(problem(10, copies=1))
    assert sum(p.numel() for p in module.parameters()) == 45_761


def test_attention_without_degrees_would_be_constant_on_constant_features():
    module = built(GAT, problem(3))
    x = packed(nx.path_graph(3))
    first = module.layers[0].conv
    h = torch.ones(1, 3, 2).double()
    assert torch.allclose(*first(h, graphs.adjacency(x))[0, :2], rtol=1e-12, atol=0)
    assert not torch.allclose(
        *first(module.encode(h[..., :1], graphs.adjacency(x)), graphs.adjacency(x))[0, :2]
    )


def test_the_edge_network_sees_weights_and_attention_only_through_the_degree():
    A = nx.to_numpy_array(nx.cycle_graph(6))
    A[0, 1] = A[1, 0] = A[2, 3] = A[3, 2] = A[4, 5] = A[5, 4] = 0.5
    B = 0.75 * nx.to_numpy_array(nx.cycle_graph(6))  # the same weighted degrees
    x = graphs.pack(torch.stack([torch.from_numpy(A), torch.from_numpy(B)]).double())
    for model, sees in ((MPNN, True), (GAT, False), (GIN, False)):
        first, second = built(model, problem(6))(x)
        assert torch.allclose(first, second, rtol=1e-10, atol=0) is not sees


def noise_of(draws):
    config = RandomGINConfig(width=16, depth=2, draws=draws, pool=draws)
    module = built(RandomGIN, problem(6), config)
    x = packed(nx.path_graph(6))
    orders = graphs.random_orders(24, 6, torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = module(graphs.relabelled(x.expand(24, -1, -1, -1), orders))
    return float(y.std(0).norm() / y.mean(0).norm())


def test_random_features_leave_an_equivariance_error_that_falls_with_the_draws():
    few, many = noise_of(4), noise_of(256)
    assert few > 1e-3
    assert 3 < few / many < 20  # √(256 / 4) = 8


def test_random_features_tell_two_triangles_from_a_hexagon_in_distribution():
    config = RandomGINConfig(width=16, depth=3, pool=12_000)
    module = built(RandomGIN, problem(6), config)
    draws = torch.arange(12_000)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    triangles, hexagon = (packed(g).expand(12_000, -1, -1, -1) for g in MERGED["2 C3, C6"])
    with torch.no_grad():
        y, again, other = (
            module.on(x, draws) for x in (triangles, graphs.relabelled(triangles, order), hexagon)
        )

    def deviations(a, b):
        return float(((a - b).mean(0) / ((a.var(0) + b.var(0)) / 12_000).sqrt()).abs().max())

    assert deviations(y, again) < 5
    assert deviations(y, other) > 8


def test_a_problem_that_is_no_graph_or_has_no_order_is_declined():
    image = Problem("image", "cross-entropy", (1, 8, 8), (10,))
    blind = Problem("graph", "mse", (2, 6, 6), (1,))
    for wanted, reason in ((image, "reads graphs, not image data"), (blind, "not told")):
        assert reason in GIN().accepts(wanted)
    assert GIN().accepts(problem(6)) is None


def test_the_heads_of_attention_divide_its_width():
    module = built(GAT, problem(6), GATConfig(width=12, heads=3))
    assert module.layers[0].conv.heads == 3


def test_parameters_are_selected_by_the_mean_over_draws_and_not_by_one():
    module = built(RandomGIN, problem(6), RandomGINConfig(width=16, depth=2))
    x = packed(nx.path_graph(6)).expand(4, -1, -1, -1)
    learning = module.train()(x)
    with torch.no_grad():
        validation = module(x)
        tested = module.eval()(x)
    assert torch.equal(validation, tested)
    assert float((learning.detach() - tested).abs().max()) > 1e-3

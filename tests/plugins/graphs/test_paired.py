"""The paired comparison: its relabelings, its fleets and its verdicts."""

from __future__ import annotations

from dataclasses import replace

import pair_toys
import pytest
import torch
from symbench_graphs.ladder import WLLadder
from symbench_graphs.mini import BRECMini
from symbench_graphs.pair_fleet import Pace, Protocol, stacks, thinned, train_apart
from symbench_graphs.paired import Comparison, PairsTrained, copies, examples

MINI = BRECMini()
SMALL = [MINI.pair(i) for i in (0, 3, 5, 26, 27)]  # 6, 6, 7, 16 and 6 nodes
CPU = torch.device("cpu")


def fresh_of(network):
    def fresh(pair):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(pair.id)
            return network()

    return fresh


def compared(network, pairs, protocol=Protocol(), together=True):  # noqa: B008
    comparison = Comparison(fresh_of(network), MINI, 32, 0, protocol, together)
    return comparison.verdicts(pairs, CPU)


def test_copies_are_distinct_relabelings_as_far_as_there_are():
    generator = torch.Generator().manual_seed(0)
    hexagon, triangles = WLLadder().pair(0).b, WLLadder().pair(0).a
    for graph, possible in ((triangles, 10), (hexagon, 60), (MINI.pair(26).a, 10**9)):
        drawn = copies(graph, 32, generator)
        assert drawn.shape == (32, *graph.shape)
        assert len(torch.unique(drawn.flatten(1), dim=0)) == min(possible, 32)
        spectra = torch.linalg.eigvalsh(drawn[:, 0].double())
        torch.testing.assert_close(spectra, spectra[:1].expand_as(spectra), atol=1e-9, rtol=0)


def test_examples_alternate_and_the_second_half_is_of_one_graph():
    generator = torch.Generator().manual_seed(0)
    major, again = examples(WLLadder().pair(0), 32, generator)
    triangles = torch.linalg.matrix_power(major[:, 0], 3).diagonal(dim1=1, dim2=2).sum(1)
    assert triangles.tolist() == [12, 0] * 32
    one = torch.linalg.matrix_power(again[:, 0], 3).diagonal(dim1=1, dim2=2).sum(1)
    assert len(one) == 64
    assert len(set(one.tolist())) == 1


def plainly_trained(module, x, protocol):
    """Train as BREC's code does, with the classes of torch."""
    optimiser = torch.optim.Adam(module.parameters(), protocol.learning_rate,
                                 weight_decay=protocol.weight_decay)  # fmt: skip
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser)
    criterion = torch.nn.CosineEmbeddingLoss(margin=0)
    for _ in range(protocol.epochs):
        total = 0.0
        for batch in x.split(16):
            y = module(batch)
            loss = criterion(y[0::2], y[1::2], -torch.ones(8))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() / 4
        schedule.step(total)
        if total < protocol.stop_below:
            break
    return module


@pytest.mark.parametrize(
    ("network", "rate", "epochs"),
    [
        (pair_toys.Gin, 1e-4, 14),
        (pair_toys.Walks, 1e-2, 8),
        (pair_toys.Normed, 1e-3, 4),
    ],
)
def test_a_network_is_trained_as_by_torchs_own_classes(network, rate, epochs):
    protocol, pair = Protocol(learning_rate=rate, epochs=epochs), MINI.pair(3)
    x = examples(pair, 32, torch.Generator().manual_seed(0))[0].double()
    fresh = fresh_of(network)
    fleet = train_apart([fresh(pair).double()], x[None], protocol)
    alone = plainly_trained(fresh(pair).double().train(), x, protocol)
    state = {**fleet.parameters, **fleet.buffers}
    for name, tensor in alone.state_dict().items():
        torch.testing.assert_close(state[name][0], tensor, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("network", [pair_toys.Gin, pair_toys.Walks])
def test_a_fleet_gives_each_network_what_it_gets_alone(network):
    protocol = Protocol(learning_rate=1e-2, epochs=6)
    pairs = [MINI.pair(i) for i in (0, 1, 3)]
    generator, fresh = torch.Generator().manual_seed(0), fresh_of(network)
    x = torch.stack([examples(pair, 32, generator)[0] for pair in pairs]).double()
    fleet = train_apart([fresh(pair).double() for pair in pairs], x, protocol)
    for i, pair in enumerate(pairs):
        alone = train_apart([fresh(pair).double()], x[i : i + 1], protocol)
        for name, tensor in alone.parameters.items():
            torch.testing.assert_close(fleet.parameters[name][i], tensor[0], rtol=1e-6, atol=1e-8)


def test_one_that_is_done_leaves_its_fleet(monkeypatch):
    trained, look = [], Pace.look
    monkeypatch.setattr(Pace, "look", lambda p, loss: (trained.append(len(loss)), look(p, loss)))
    pairs, generator = [MINI.pair(i) for i in (0, 1, 3)], torch.Generator().manual_seed(0)
    x = torch.stack([examples(pair, 32, generator)[0] for pair in pairs])
    fresh = fresh_of(pair_toys.Walks)
    train_apart([fresh(pair) for pair in pairs], x, Protocol(learning_rate=1e-2))
    assert trained == sorted(trained, reverse=True)
    assert 1 <= trained[-1] < trained[0] == 3
    assert len(trained) < 20


@pytest.mark.parametrize("network", [pair_toys.Gin, pair_toys.Walks])
def test_one_relabelling_a_batch_trains_an_invariant_network_as_eight_do(network):
    protocol, pair = Protocol(learning_rate=1e-3, epochs=6), MINI.pair(3)
    x = examples(pair, 32, torch.Generator().manual_seed(0))[0].double()[None]
    assert thinned(x, protocol).shape == (1, 8, *x.shape[2:])
    assert torch.equal(thinned(x, protocol)[:, 2:4], x[:, 16:18])
    fresh = fresh_of(network)
    eight = train_apart([fresh(pair).double()], x, protocol)
    single = replace(protocol, pairs_a_batch=1)
    one = train_apart([fresh(pair).double()], thinned(x, protocol), single)
    for name, tensor in eight.parameters.items():
        torch.testing.assert_close(one.parameters[name], tensor, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("network", "spared"),
    [
        (pair_toys.Gin, True),
        (pair_toys.Walks, True),
        (pair_toys.Normed, False),  # depends on the batch
        (pair_toys.Dropped, False),  # depends on the mode
        (pair_toys.Flat, False),  # depends on the order of nodes
        (pair_toys.Waking, False),  # depends on it once it is trained
    ],
)
def test_only_what_is_and_stays_invariant_is_trained_on_one_relabelling_a_batch(network, spared):
    pair = 26 if network is pair_toys.Flat else 3
    found = compared(network, [MINI.pair(pair)], Protocol(epochs=3))
    assert [v.thinned for v in found.values()] == [spared]
    found = compared(network, [MINI.pair(pair)], Protocol(epochs=1, thin=False))
    assert not any(v.thinned for v in found.values())


def test_both_ways_of_training_decide_alike():
    decided = [
        {i: (v.separated(32, Protocol()), v.unreliable(32, Protocol())) for i, v in found.items()}
        for found in (compared(pair_toys.Walks, SMALL, Protocol(thin=t)) for t in (True, False))
    ]
    assert decided[0] == decided[1]


def test_the_learning_rate_falls_after_a_plateau_and_ends_below_the_bound():
    pace = Pace(3, Protocol(), torch.zeros(1))
    for epoch in range(12):
        pace.look(torch.tensor([1.0, 1.0 - 0.01 * epoch, 0.3 if epoch < 5 else 0.19]))
    torch.testing.assert_close(pace.factor, torch.tensor([0.1, 1.0, 0.0]))
    assert not pace.over
    pace.look(torch.full((3,), 0.1))
    assert pace.over


def test_fleets_and_single_networks_decide_alike():
    short = Protocol(epochs=5)
    together, alone = (
        compared(pair_toys.Walks, SMALL, short, together) for together in (True, False)
    )
    decided = [
        {i: (v.separated(32, Protocol()), v.unreliable(32, Protocol())) for i, v in found.items()}
        for found in (together, alone)
    ]
    assert decided[0] == decided[1]


def test_batch_normalisation_is_trained_one_by_one():
    x = torch.stack([examples(MINI.pair(i), 32, torch.Generator())[0] for i in (0, 3)])
    assert stacks([pair_toys.Gin(), pair_toys.Gin()], x)
    assert not stacks([pair_toys.Normed(), pair_toys.Normed()], x)
    assert all(v is not None for v in compared(pair_toys.Normed, SMALL[:2]).values())


@pytest.mark.parametrize("network", [pair_toys.Scaled, pair_toys.Remembering, pair_toys.Averaging])
def test_state_outside_of_buffers_is_each_networks_own(network):
    x = torch.stack([examples(MINI.pair(i), 32, torch.Generator())[0] for i in (0, 3)])
    fresh = [fresh_of(network)(MINI.pair(i)) for i in (0, 3)]
    assert not stacks(fresh, x)
    protocol = Protocol(learning_rate=1e-2, epochs=3)
    together, apart = (compared(network, SMALL[:2], protocol, way) for way in (True, False))
    assert together == apart


def test_a_replaced_buffer_is_kept():
    x = examples(MINI.pair(0), 32, torch.Generator())[0]
    fleet = train_apart([pair_toys.Averaging()], x[None], Protocol(epochs=2))
    assert bool(fleet.buffers["mean"].any())


def score(task, network, n_train=32):
    trial = pair_toys.trial(task, network, n_train=n_train)
    return PairsTrained().score(trial, task, torch.Generator())


def test_message_passing_tells_no_pair_apart():
    scores = score(MINI, pair_toys.Gin)
    assert scores["pairs_trained"] == scores["pairs_trained.failures"] == 0
    assert scores["pairs_trained.truth"] == scores["pairs_trained.thinned"] == 30
    assert scores["pairs_trained.with_q"] <= 6  # 5 % of 60 tests on noise would be 3


def test_closed_walks_tell_apart_what_is_not_cospectral_but_for_the_degenerate_pairs():
    scores = score(MINI, pair_toys.Walks)
    wanted = {".srg": 0, ".failures": 0, ".refused": 0}
    assert {part: scores["pairs_trained" + part] for part in wanted} == wanted
    assert scores["pairs_trained"] + scores["pairs_trained.degenerate"] == 27
    assert scores["pairs_trained"] >= 20


def test_a_network_without_rounding_is_degenerate_where_it_tells_apart():
    found = compared(pair_toys.Exact, SMALL)
    assert [v.degenerate for v in found.values()] == [True, True, True, True, False]
    assert not any(v.separated(32, Protocol()) for v in found.values())


def test_a_network_that_sees_the_order_of_nodes_tells_nothing_apart():
    scores = score(WLLadder(), pair_toys.Flat)
    assert scores["pairs_trained"] == 0
    assert scores["pairs_trained.refused"] == 3  # graphs of 24, 40 and 40 nodes


def test_a_network_that_sees_the_place_in_the_batch_is_unreliable():
    found = compared(pair_toys.Place, SMALL)
    assert all(v.unreliable(32, Protocol()) for v in found.values())


@pytest.mark.parametrize("n_train", [0, 16])
def test_too_few_relabelings_are_no_comparison(n_train):
    assert score(WLLadder(), pair_toys.Gin, n_train) == {}


class Constant(torch.nn.Module):
    def forward(self, x):
        return x.new_ones(len(x), 16)


def test_a_network_without_parameters_is_not_trained():
    assert score(WLLadder(), Constant) == {}

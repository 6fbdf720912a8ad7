"""Which pairs in space networks of random weights separate, compared with theorems."""

from __future__ import annotations

import pytest
import torch
from symbench_geometry.coupling import harmonics
from symbench_geometry.models import (
    Angles,
    Complete,
    Distances,
    MovedNodes,
    Tensor1,
    Tensor2,
    Tensor3,
    Tensor4,
)
from symbench_graphs.geometry import Chains, Neighbourhoods, Stars
from symbench_graphs.mini import BRECMini
from symbench_graphs.structural import Structural

import symbench
from symbench import Trained, seeded
from symbench.groups import O

CHAINS, STARS, BODIES = Chains(), Stars(), Neighbourhoods()
TENSORS = (Tensor1, Tensor2, Tensor3, Tensor4)
EQUIVARIANT = (MovedNodes, *TENSORS)
INVARIANT = (Distances, Angles)


def scores(model, task, **options):
    chosen = model.for_tier("quick", **{"width": 8, **options})
    problem = symbench.problem(task, chosen)
    assert chosen.accepts(problem) is None
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = chosen.build(problem)
    test = task.sample(2, 0, "test")
    trial = Trained(module, chosen, problem, 0, 0, test, test.y)
    found = Structural().score(trial, task, torch.Generator())
    assert found["pairs_structural.undecided"] == found["pairs_structural.refused"] == 0
    assert found["pairs_structural.noise"] < 1e-13
    return found


def separated(model, task, **options):
    found = scores(model, task, **options)
    return [bool(found[f"pairs_structural.{pair.category}"]) for pair in task.pairs()]


@pytest.mark.parametrize("model", INVARIANT)
@pytest.mark.parametrize("depth", [2, 8])
def test_invariants_of_neighbourhoods_tell_no_chain_and_no_star_apart(model, depth):
    assert not any(separated(model, CHAINS, depth=depth))
    assert not any(separated(model, STARS, depth=depth))


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_chains_need_a_layer_for_every_step_from_the_end_to_the_middle(depth):
    wanted = [depth >= k // 2 + 1 for k in range(2, 9)]
    assert separated(Tensor1, CHAINS, depth=depth) == wanted


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_stars_of_l_spokes_need_tensors_of_degree_l(degree):
    wanted = [degree >= fold for fold in range(2, 7)]
    assert separated(TENSORS[degree - 1], STARS, width=4) == wanted


def test_more_layers_do_not_replace_the_degree():
    assert not any(separated(Tensor1, STARS, depth=8))
    assert not any(separated(MovedNodes, STARS, depth=8))


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_moved_nodes_need_one_layer_more_for_chains_of_odd_length(depth):
    wanted = [depth >= (k + 1) // 2 + 1 for k in range(2, 9)]
    assert separated(MovedNodes, CHAINS, depth=depth) == wanted


def test_distances_of_all_pairs_of_nodes_tell_every_chain_and_star_apart():
    assert all(separated(Complete, CHAINS))
    assert all(separated(Complete, STARS))


def test_distances_tell_no_neighbourhood_apart_and_angles_only_the_first():
    assert separated(Distances, BODIES) == [False, False, False]
    assert separated(Angles, BODIES) == [True, False, False]


@pytest.mark.parametrize("model", [*INVARIANT, Complete, *EQUIVARIANT])
def test_outputs_are_invariant_and_depend_on_the_input(model):
    chosen = model.for_tier("smoke")
    module = chosen.build(symbench.problem(BODIES, chosen)).double()
    x = torch.stack([BODIES.pair(2).a] * 3)
    with torch.no_grad():
        y, moved = module(x), module(BODIES.moved(x, torch.Generator().manual_seed(1)))
        other = module(x * torch.tensor([1, 1, 2, 2, 2.0])[:, None, None])
    torch.testing.assert_close(moved, y, rtol=0, atol=1e-12 * float(y.abs().max()))
    assert float((other - y).abs().max()) > 1e-6


@pytest.mark.parametrize("degree", [1, 3, 5])
def test_harmonics_have_equal_lengths_and_turn_by_an_orthogonal_map(degree):
    generator = seeded("harmonics", degree)
    unit = torch.randn(200, 3, generator=generator, dtype=torch.float64)
    unit = unit / unit.norm(dim=1, keepdim=True)
    y = harmonics(unit, degree)
    last = y[:, degree**2 :]
    torch.testing.assert_close(last.square().sum(1), torch.full((200,), 2.0 * degree + 1).double())
    turned = harmonics(unit @ O(3).sample(1, generator)[0].mT, degree)[:, degree**2 :]
    torch.testing.assert_close(turned @ turned.mT, last @ last.mT)


def test_what_is_no_graph_in_space_is_declined():
    for task in (BRECMini(), symbench.task("o3-inertia")):
        reason = Distances().accepts(symbench.problem(task, Distances()))
        assert reason is not None
        assert "graphs" in reason

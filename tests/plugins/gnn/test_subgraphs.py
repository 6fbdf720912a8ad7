"""Networks on pairs (root, node): equivariance, padding, stacking, and what they tell apart."""

from __future__ import annotations

from copy import deepcopy

import known_graphs
import pytest
import torch
from known_graphs import asks, built
from symbench_gnn.subgraphs import NGNN, SSWL, EdgeTransformer, LocalFWL2
from symbench_graphs.mini import BRECMini
from torch.func import functional_call, stack_module_state, vmap

from symbench import graphs

MODELS = (NGNN, SSWL, LocalFWL2, EdgeTransformer)
CASES = [(model, order) for model in MODELS for order in (0, 1, 2)]
NODES = 6


def weighted(count, nodes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    upper = torch.rand(count, nodes, nodes, generator=generator, dtype=torch.float64).triu(1)
    upper = upper * (torch.rand(count, nodes, nodes, generator=generator) < 0.6)
    return graphs.pack(upper + upper.mT, torch.randn(count, nodes, 1, generator=generator))


def moved(y, order):
    for axis in range(2, y.dim()):
        y = y.index_select(axis, order)
    return y


@pytest.mark.parametrize(("model", "order"), CASES)
def test_relabelling_the_graph_relabels_the_output(model, order):
    module = built(model, asks("mse", 3, NODES, 2, order)).double()
    x, permutation = weighted(4, NODES), torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        y, z = module(x), module(graphs.relabelled(x, permutation))
    assert float(y.std(0).max()) > 1e-4
    torch.testing.assert_close(z, moved(y, permutation), rtol=0, atol=1e-12 * float(y.abs().max()))


@pytest.mark.parametrize(("model", "order"), CASES)
def test_padding_changes_no_output_and_gets_none(model, order):
    module = built(model, asks("mse", 3, 9, 2, order)).double()
    x = weighted(3, 5)
    with torch.no_grad():
        alone, beside = module(x), module(graphs.padded(x, 9))
    cut = (slice(None), slice(None), *[slice(5)] * order)
    torch.testing.assert_close(beside[cut], alone, rtol=1e-11, atol=1e-11)
    assert int((beside != 0).sum()) == alone.numel()


@pytest.mark.parametrize("model", MODELS)
def test_stacked_modules_and_their_gradients_equal_single_ones(model):
    problem = asks("mse", 3, NODES, 2)
    modules = [built(model, problem, seed).double() for seed in (0, 1)]
    x = torch.stack([weighted(3, NODES, seed) for seed in (5, 6)])
    parameters, buffers = stack_module_state(modules)
    base = deepcopy(modules[0])
    stacked = vmap(lambda p, b, own: functional_call(base, (p, b), (own,)))(parameters, buffers, x)
    stacked.square().sum().backward()
    for number, module in enumerate(modules):
        y = module(x[number])
        y.square().sum().backward()
        torch.testing.assert_close(stacked[number], y)
        for name, parameter in module.named_parameters():
            gradient = parameters[name].grad[number]
            torch.testing.assert_close(gradient, parameter.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_they_tell_apart_what_colour_refinement_merges_and_no_strongly_regular_pair(model):
    generator = torch.Generator().manual_seed(0)
    module = built(model, asks("none", 2, 16, 16)).double()
    for pair in BRECMini().pairs():
        if pair.category == "cfi" and pair.nodes > 16:
            continue
        x = torch.stack([pair.a, pair.a, pair.b]).double()
        orders = graphs.random_orders(3, pair.nodes, generator)
        with torch.no_grad():
            y = module(graphs.relabelled(x, orders))
        gap, noise = (float((y[0] - y[k]).abs().max() / y.abs().max()) for k in (2, 1))
        wanted = pair.nodes < 16
        assert (gap > 1e3 * noise + 1e-12) == wanted, pair.name


def test_the_ball_of_a_nested_network_ends_after_three_steps():
    module = built(NGNN, asks("none", 2, 9, 16))
    path = known_graphs.tensor(known_graphs.nx.path_graph(9)).float()
    A, mask = graphs.adjacency(path), graphs.node_mask(path)
    near = module._pairs(A, mask, torch.diag_embed(mask))
    gaps = (torch.arange(9)[:, None] - torch.arange(9)).abs()
    assert torch.equal(near[0], (gaps <= 3).float())

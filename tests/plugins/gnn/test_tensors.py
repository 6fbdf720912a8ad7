"""Networks on pair tensors: the 15 operations, equivariance, padding and stacking."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from known_graphs import asks, built
from symbench_gnn.pooling import LRP
from symbench_gnn.spectral import Spectrum
from symbench_gnn.tensor_layers import Linear15, Nodes
from symbench_gnn.tensors import IGN2, PPGN, RingGNN
from torch.func import functional_call, stack_module_state, vmap

from symbench import Problem, graphs
from symbench.groups import S, V, equivariant_basis

TENSORS = (IGN2, RingGNN, PPGN)
CASES = [(model, order) for model in TENSORS for order in (0, 1, 2)]
CASES += [(LRP, 0), (LRP, 1), (Spectrum, 0)]
NODES, FEATURES = 6, 2


def random_graphs(count, nodes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    upper = torch.rand(count, nodes, nodes, generator=generator, dtype=torch.float64).triu(1)
    upper = upper * (torch.rand(count, nodes, nodes, generator=generator) < 0.6)
    return graphs.pack(upper + upper.mT, torch.randn(count, nodes, 1, generator=generator))


def targets(problem, x, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(x), *problem.output_shape, generator=generator, dtype=x.dtype)


def calibrated(model, order, nodes=NODES):
    """Return a module in float64 after calibration."""
    problem = asks("mse", 1 + FEATURES, nodes, 2, order)
    module = built(model, problem).double()
    x = random_graphs(8, nodes, seed=2)
    module.calibrate(x, 5 + targets(problem, x))
    return module


def moved(y, order):
    for axis in range(2, y.dim()):
        y = y.index_select(axis, order)
    return y


def operations(nodes):
    """Return the layer's 15 maps as matrices [15, N², N²], one weight at a time."""
    layer = Linear15(1, 1).double()
    units = torch.eye(nodes**2, dtype=torch.float64).view(1, nodes**2, nodes, nodes)
    found = []
    with torch.no_grad():
        layer.bias.zero_()
        for k in range(15):
            layer.weight.zero_()
            layer.weight[k] = 1
            y = layer(units, Nodes.of(torch.ones(nodes**2, nodes, dtype=torch.float64)))
            found.append(y[0].flatten(1).mT)
    return torch.stack(found)


@pytest.mark.parametrize("nodes", [4, 5])
def test_the_15_operations_span_all_equivariant_maps_of_matrices(nodes):
    group = S(nodes)
    basis = equivariant_basis((V**2)(group), (V**2)(group)).flatten(1)
    found = operations(nodes).flatten(1)
    assert len(basis) == len(found) == 15
    assert torch.linalg.matrix_rank(found) == 15
    torch.testing.assert_close(found @ basis.mT @ basis, found, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("model", "order"), CASES)
def test_relabelling_the_graph_relabels_the_output(model, order):
    module, x = calibrated(model, order), random_graphs(5, NODES)
    permutation = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        y, z = module(x), module(graphs.relabelled(x, permutation))
    assert y.shape == (5, 2, *[NODES] * order)
    assert float(y.std(0).max()) > 1e-3
    torch.testing.assert_close(z, moved(y, permutation), rtol=0, atol=1e-12 * float(y.abs().max()))


@pytest.mark.parametrize(("model", "order"), CASES)
def test_padding_changes_no_output_and_gets_none(model, order):
    module, x = calibrated(model, order, nodes=9), random_graphs(3, 5)
    alone = module(x)
    beside = graphs.together([*x, random_graphs(1, 7)[0]], 9)
    places = torch.tensor([8, 1, 7, 3, 0, 5, 2, 4, 6])  # the padded nodes are between the others
    together = module(graphs.relabelled(beside, places))[:3]
    back = moved(together, places.argsort())
    cut = (slice(None), slice(None), *[slice(5)] * order)
    torch.testing.assert_close(back[cut], alone, rtol=1e-11, atol=1e-11)
    assert int((back != 0).sum()) == alone.numel()


@pytest.mark.parametrize("model", [*TENSORS, LRP])
@pytest.mark.parametrize("nodes", [1, 2, 11])
def test_graphs_of_other_sizes_than_the_problem_are_read(model, nodes):
    y = calibrated(model, 0)(random_graphs(2, nodes))
    assert y.shape == (2, 2)
    assert bool(y.isfinite().all())


@pytest.mark.parametrize(("model", "order"), CASES)
def test_stacked_modules_and_their_gradients_equal_single_ones(model, order):
    problem = asks("mse", 1 + FEATURES, NODES, 2, order)
    modules = [built(model, problem, seed).double() for seed in (0, 1)]
    x = torch.stack([random_graphs(4, NODES, seed) for seed in (5, 6)])
    for module, own in zip(modules, x, strict=True):
        module.calibrate(own, targets(problem, own))
    parameters, buffers = stack_module_state(modules)
    base = deepcopy(modules[0])

    def one(p, b, own):
        return functional_call(base, (p, b), (own,))

    stacked = vmap(one)(parameters, buffers, x)
    stacked.square().sum().backward()
    for number, module in enumerate(modules):
        y = module(x[number])
        y.square().sum().backward()
        torch.testing.assert_close(stacked[number], y)
        for name, parameter in module.named_parameters():
            gradient = parameters[name].grad[number]
            torch.testing.assert_close(gradient, parameter.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("model", [*TENSORS, LRP, Spectrum])
def test_what_is_no_graph_with_permutations_is_declined(model):
    image = Problem("image", "mse", (1, 6, 6), (1,))
    untold = Problem("graph", "mse", (2, 6, 6), (1,))
    assert "not image data" in (model().accepts(image) or "")
    assert "not told" in (model().accepts(untold) or "")


@pytest.mark.parametrize("model", TENSORS)
def test_a_task_that_trains_nothing_gets_its_own_depth(model):
    module = built(model, asks("none", 2, 6, 16))
    assert len(module.layers) == model.for_tier("quick").config.untrained_depth


@pytest.mark.parametrize("model", TENSORS)
def test_features_of_the_training_graphs_start_out_standardised(model):
    problem = asks("mse", 2, 6, 1)
    module, x = built(model, problem).double(), random_graphs(8, 6)[:, :2]
    y = 40 + targets(problem, x)
    module.calibrate(x, y)
    nodes = Nodes.of(graphs.node_mask(x))
    centred = module.layers[0](x.movedim(1, 0), nodes, module.centred[0]).flatten(1)
    torch.testing.assert_close(centred.mean(1), torch.zeros_like(centred[:, 0]), rtol=0, atol=1e-9)
    assert bool(((centred.std(1) - 1).abs() < 1e-2).any())
    assert float(module(x).detach().mean()) == pytest.approx(40, abs=10)


@pytest.mark.parametrize("model", TENSORS)
def test_calibrating_again_changes_nothing(model):
    problem = asks("mse", 2, 6, 1)
    module, x = built(model, problem).double(), random_graphs(8, 6)[:, :2]
    y = targets(problem, x)
    module.calibrate(x, y)
    once = module(x)
    module.calibrate(x, y)
    torch.testing.assert_close(module(x), once, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mlp_depth", [1, 2])
def test_absent_pairs_stay_at_zero_in_every_block_of_ppgn(mlp_depth):
    module = built(PPGN, asks("mse", 2, 6, 1), mlp_depth=mlp_depth).double()
    x = random_graphs(4, 6)[:, :2]
    module.calibrate(x, targets(asks("mse", 2, 6, 1), x))
    nodes = Nodes.of(graphs.node_mask(graphs.padded(x, 9)))
    y = graphs.padded(x, 9).movedim(1, 0)
    for layer, centred in zip(module.layers, module.centred, strict=True):
        y = layer(y, nodes, centred)
        assert not bool(y[..., 6:, :].any() or y[..., 6:].any())
        assert bool(y[..., :6, :6].any())

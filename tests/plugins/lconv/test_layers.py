"""The L-conv layer: its formula, its special cases, its parameters."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_lconv.grid import grid_edges, propagation
from symbench_lconv.layers import DenseGenerators, LConvLayer, LowRankGenerators, ResidualLConv
from torch import nn
from torch_geometric.nn import GCNConv


@pytest.fixture(autouse=True)
def _own_stream():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def by_the_formula(layer: LConvLayer, x):
    """Equation 22, index by index."""
    L, W = layer.generators.matrices(), layer.others
    y = torch.einsum("oc,ncd->nod", layer.first, x) + layer.bias
    for k in range(len(L)):
        y = y + torch.einsum("ij,ncj,oc->noi", L[k], x, W[k])
    return y


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 6), (4, 6), (6, 6)])
@pytest.mark.parametrize("rank", [0, 2])
def test_the_layer_is_equation_22(rank, inputs, outputs):
    low = LowRankGenerators(9, 3, 2)
    generators = low if rank else DenseGenerators.random(9, 3)
    layer = LConvLayer(generators, inputs, outputs).double()
    x = torch.randn(5, inputs, 9, dtype=torch.float64)
    assert torch.allclose(layer(x), by_the_formula(layer, x), atol=1e-13)


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 8), (8, 8)])
def test_both_orders_of_the_low_rank_products_are_the_dense_product(inputs, outputs):
    low = LowRankGenerators(12, 4, 3).double()
    x = torch.randn(5, inputs, 12, dtype=torch.float64)
    mixing = torch.randn(4, outputs, inputs, dtype=torch.float64)
    dense = DenseGenerators(low.matrices().detach())
    assert torch.allclose(low(x, mixing), dense(x, mixing), atol=1e-13)


def test_low_rank_generators_have_their_rank():
    L = LowRankGenerators(12, 4, 3).double().matrices()
    assert L.shape == (4, 12, 12)
    assert torch.linalg.matrix_rank(L).tolist() == [3] * 4


@pytest.mark.parametrize(("K", "d", "h", "c", "F"), [(8, 49, 8, 1, 32), (2, 10, 3, 5, 7)])
def test_parameters_of_a_low_rank_layer_are_counted_by_the_formula(K, d, h, c, F):
    layer = LConvLayer(LowRankGenerators(d, K, h), c, F)
    assert size(layer) == K * 2 * d * h + (K + 1) * c * F + F


def test_parameters_of_a_dense_and_of_a_frozen_layer_are_counted_by_the_formula():
    assert size(LConvLayer(DenseGenerators.random(10, 3), 2, 5)) == 3 * 100 + 4 * 10 + 5
    assert size(LConvLayer(DenseGenerators.random(10, 3, learned=False), 2, 5)) == 4 * 10 + 5


def test_the_factorised_weights_are_products_with_the_first():
    layer = LConvLayer(DenseGenerators.random(6, 2), 3, 5, factorised=True).double()
    free = LConvLayer(layer.generators, 3, 5).double()
    with torch.no_grad():
        free.first.copy_(layer.first)
        for k in range(2):
            free.others[k] = layer.first @ layer.others[k]
    x = torch.randn(4, 3, 6, dtype=torch.float64)
    assert layer.others.shape == (2, 3, 3)
    assert torch.allclose(layer(x), free(x), atol=1e-13)


def test_shifts_as_generators_make_a_circular_convolution():
    one = torch.eye(11, dtype=torch.float64)
    shifts = DenseGenerators(torch.stack([one.roll(1, 0), one.roll(-1, 0)]))
    layer = LConvLayer(shifts, 2, 3).double()
    convolution = nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular").double()
    with torch.no_grad():
        convolution.weight.copy_(torch.stack([layer.others[0], layer.first, layer.others[1]], 2))
        convolution.bias.copy_(layer.bias[:, 0])
    x = torch.randn(4, 2, 11, dtype=torch.float64)
    assert torch.allclose(layer(x), convolution(x), atol=1e-13)


def test_the_layer_commutes_with_what_commutes_with_its_generators():
    L = torch.randn(1, 7, 7, dtype=torch.float64)
    g = torch.linalg.matrix_exp(0.3 * L[0])
    layer = LConvLayer(DenseGenerators(L), 2, 3).double()
    x = torch.randn(4, 2, 7, dtype=torch.float64)
    assert torch.allclose(layer(x @ g.mT), layer(x) @ g.mT, atol=1e-12)


def test_without_the_first_tap_the_layer_of_a_graph_is_a_graph_convolution():
    edges = grid_edges(5, 4)
    generators = DenseGenerators(propagation(edges, 20).float()[None], learned=False)
    layer = LConvLayer(generators, 3, 6)
    convolution = GCNConv(3, 6)
    with torch.no_grad():
        layer.first.zero_()
        layer.others[0] = convolution.lin.weight
        layer.bias.copy_(torch.randn(6, 1))
        convolution.bias.copy_(layer.bias[:, 0])
    x = torch.randn(2, 3, 20)
    graphs = torch.stack([convolution(image.mT, edges).mT for image in x])
    assert float((layer(x) - graphs).detach().abs().max()) < 1e-6


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (4, 3)])
def test_the_grid_joins_every_two_neighbours_in_both_directions(height, width):
    edges = grid_edges(height, width)
    assert edges.shape[1] == 2 * (height * (width - 1) + width * (height - 1))
    rows, columns = edges // width, edges % width
    assert ((rows[0] - rows[1]).abs() + (columns[0] - columns[1]).abs() == 1).all()
    assert len(set(map(tuple, edges.mT.tolist()))) == edges.shape[1]


def test_propagation_is_symmetric_with_largest_eigenvalue_1():
    P = propagation(grid_edges(4, 6), 24)
    assert torch.equal(P, P.mT)
    assert float(torch.linalg.eigvalsh(P)[-1]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("times", [1, 3])
def test_the_residual_layer_is_a_power_of_one_step(times):
    L = torch.randn(1, 5, 5, dtype=torch.float64)
    layer = ResidualLConv(DenseGenerators(L), 1, times).double()
    step = torch.eye(5) + layer.mixing[0, 0, 0] * L[0]
    x = torch.randn(4, 1, 5, dtype=torch.float64)
    assert torch.allclose(layer(x), x @ torch.linalg.matrix_power(step, times).mT, atol=1e-12)


def test_the_start_has_the_published_spread():
    dense = DenseGenerators.random(60, 8).L
    low = LowRankGenerators(400, 8, 6)
    assert float(dense.detach().std()) == pytest.approx(math.sqrt(2) / 60, rel=0.03)
    assert float(low.U.detach().std()) == pytest.approx(math.sqrt(2 / 406), rel=0.03)
    assert float(low.V.detach().std()) == pytest.approx(math.sqrt(2 / 406), rel=0.03)
    mixing = ResidualLConv(DenseGenerators.random(2, 50), 10).mixing
    assert float(mixing.detach().std()) == pytest.approx(math.sqrt(2 / 100), rel=0.05)

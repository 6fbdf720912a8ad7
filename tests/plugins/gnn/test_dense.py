"""Networks on nodes are equivariant, ignore padding and stack; dense and sparse forms agree."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from symbench_gnn import network
from symbench_gnn.others import DeepSets, GraphTransformer, MLPAdjacency, PowerGNN
from symbench_gnn.passing import GAT, GCN, GIN, MPNN, RandomGIN
from torch.func import functional_call, stack_module_state, vmap
from torch_geometric.nn import GCNConv, GINConv

from symbench import InputError, graphs
from symbench.contract import Problem

EXACT = [GCN, GIN, GAT, MPNN, DeepSets, GraphTransformer, PowerGNN]
ALL = [*EXACT, RandomGIN, MLPAdjacency]
SIZES = (7, 4, 6)
NODES, FEATURES = 8, 2


def random_graph(nodes, generator, features=FEATURES, density=0.5):
    weights = torch.rand(1, nodes, nodes, generator=generator, dtype=torch.float64).triu(1)
    weights = weights * (torch.rand(1, nodes, nodes, generator=generator) < density)
    more = torch.randn(1, nodes, features, generator=generator, dtype=torch.float64)
    return graphs.pack(weights + weights.mT, more)[0]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def several(generator):
    return [random_graph(size, generator) for size in SIZES]


def problem(order, nodes=NODES, copies=2, features=FEATURES):
    symmetry = graphs.graph_symmetry(2 + features, nodes, order, copies)
    shape = (copies, *[nodes] * order)
    return Problem("graph", "mse", (2 + features, nodes, nodes), shape, symmetry)


def built(model, wanted, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = model.for_tier("smoke").build(wanted)
    for name, buffer in module.named_buffers():
        if name.endswith("centre"):
            buffer.fill_(0.3)  # calibration sets a mean, which must not be added to padding
    return module.double()


def moved(y, order):
    for axis in range(2, y.dim()):
        y = y.index_select(axis, order)
    return y


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("model", EXACT)
def test_outputs_of_all_orders_move_with_the_nodes(model, order, several, generator):
    module = built(model, problem(order)).eval()
    x = graphs.together(several, NODES)
    shuffle = torch.randperm(NODES, generator=generator)
    expected = moved(module(x), shuffle)
    difference = (module(graphs.relabelled(x, shuffle)) - expected).abs().max()
    assert difference < 1e-12 * expected.abs().max()
    assert expected.std() > 1e-3 * expected.abs().max()


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("model", [*EXACT, RandomGIN])
def test_padding_changes_nothing(model, order, several):
    module = built(model, problem(order)).eval()
    together = module(graphs.together(several, NODES + 3))
    for i, graph in enumerate(several):
        alone = module(graph[None])[0]
        n = graph.shape[-1]
        inside = together[i][(..., *[slice(n)] * order)]
        assert torch.allclose(inside, alone, rtol=1e-11, atol=1e-13)
        assert torch.isclose(together[i].abs().sum(), inside.abs().sum(), rtol=1e-12)


@pytest.mark.parametrize("model", ALL)
def test_trials_stack_and_have_the_gradients_of_one_trial(model, several):
    x = graphs.together(several, NODES)
    modules = [built(model, problem(0), seed).train() for seed in (0, 1)]
    parameters, buffers = stack_module_state(modules)

    def one(parameters, buffers, x):
        return functional_call(modules[0], (parameters, buffers), (x,))

    stacked = vmap(one, randomness="error")(parameters, buffers, torch.stack([x, 2 * x]))
    stacked.square().sum().backward()
    for trial, (module, inputs) in enumerate(zip(modules, (x, 2 * x), strict=True)):
        alone = module(inputs)
        assert torch.allclose(stacked[trial], alone, rtol=1e-10)
        alone.square().sum().backward()
        for name, parameter in module.named_parameters():
            gradient = parameters[name].grad[trial]
            assert bool(gradient.isfinite().all()), name
            assert torch.allclose(gradient, parameter.grad, rtol=1e-8, atol=1e-9), name


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_float32_batch_has_the_promised_shape(model, order, several):
    module = built(model, problem(order)).float()
    x = graphs.together(several, NODES).float()
    assert module(x).shape == (3, 2, *[NODES] * order)
    assert module(x).dtype == torch.float32
    assert module(x[:0]).shape == (0, 2, *[NODES] * order)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("model", [GCN, GIN])
def test_lists_of_edges_give_what_dense_products_give(model, order, several):
    module = built(model, problem(order))
    x = graphs.together(several, NODES)
    dense = module.dense(graphs.adjacency(x), graphs.node_features(x))
    assert torch.allclose(module.sparse(x), dense, rtol=1e-12, atol=1e-13)
    shares = [
        torch.autograd.grad(y.square().sum(), list(module.parameters()))
        for y in (dense, module.sparse(x))
    ]
    for one, other in zip(*shares, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-11)


def test_a_network_without_sparse_layers_says_so(several):
    with pytest.raises(InputError, match="without a sparse form"):
        built(MPNN, problem(0)).sparse(graphs.together(several))


def test_gcn_is_a_stack_of_gcnconv(several):
    module = built(GCN, problem(0))
    batch = graphs.to_batch(graphs.together(several))
    h = batch.x
    for layer in module.layers:
        other = GCNConv(*reversed(layer.conv.lin.weight.shape)).double()
        other.load_state_dict({"lin.weight": layer.conv.lin.weight, "bias": layer.conv.bias})
        h = layer.mix(other(h, batch.edge_index, batch.edge_attr[:, 0]))
    check_last_layer(module, several, h)


def test_gin_is_a_stack_of_ginconv():
    generator = torch.Generator().manual_seed(0)
    several = [random_graph(size, generator) for size in SIZES]
    for graph in several:
        graph[0] = (graph[0] > 0).to(graph)  # GINConv does not support weights
    module = built(GIN, problem(0))
    batch = graphs.to_batch(graphs.together(several))
    h = batch.x
    for layer in module.layers:
        other = GINConv(deepcopy(layer.conv.nn))  # draws its parameters again
        other.nn.load_state_dict(layer.conv.nn.state_dict())
        h = other(h, batch.edge_index).relu()
    check_last_layer(module, several, h)


def check_last_layer(module, several, h):
    x = graphs.together(several)
    A, dense = graphs.adjacency(x), graphs.node_features(x)
    for layer in module.layers:
        dense = layer(dense, A, graphs.node_mask(x))
    assert torch.allclose(dense[graphs.node_mask(x) > 0], h, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("nodes", "density", "sparse"), [(24, 0.01, False), (200, 0.01, True), (200, 0.5, False)]
)
def test_the_route_depends_on_size_and_density(nodes, density, sparse, generator, monkeypatch):
    taken = []
    monkeypatch.setattr(network.NodeNetwork, "sparse", lambda self, x: taken.append("sparse"))
    monkeypatch.setattr(network.NodeNetwork, "dense", lambda self, *_: taken.append("dense"))
    x = random_graph(nodes, generator, density=density)[None]
    built(GIN, problem(0)).forward(x)
    built(GAT, problem(0)).forward(x)
    assert taken == ["sparse" if sparse else "dense", "dense"]

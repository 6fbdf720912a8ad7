"""Readouts of order 0, 1 and 2, in the units of the targets."""

from __future__ import annotations

import pytest
import torch
from symbench_gnn.heads import PairFunction, Readout

from symbench import graphs
from symbench.contract import Problem

GENERATOR = torch.Generator().manual_seed(0)
NODES = 5


def readout(order, loss="mse", copies=2, **options):
    symmetry = graphs.graph_symmetry(2, NODES, order, copies)
    shape = (copies, *[NODES] * order)
    problem = Problem("graph", loss, (2, NODES, NODES), shape, symmetry)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Readout(problem, 4, 8, **options).double()


@pytest.fixture
def inputs():
    h = torch.randn(3, NODES, 4, generator=GENERATOR, dtype=torch.float64)
    A = torch.rand(3, NODES, NODES, generator=GENERATOR, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0]]).double()
    h = h * mask[..., None]
    A = (A + A.mT) * mask[:, None] * mask[..., None] * (1 - torch.eye(NODES))
    return h, A, mask


@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_output_has_one_axis_of_nodes_for_each_order(order, inputs):
    assert readout(order)(*inputs).shape == (3, 2, *[NODES] * order)


@pytest.mark.parametrize("order", [1, 2])
def test_padding_has_the_value_zero_even_where_targets_have_a_mean(order, inputs):
    head = readout(order)
    head.calibrate(torch.ones(4, 2, *[NODES] * order))
    y = head(*inputs)
    assert bool((y[0] != 0).all())
    assert not y[2, ..., 2:].any()
    if order == 2:
        assert not y[1, :, 4].any()


def test_pair_functions_are_symmetric_and_may_be_blind_to_edges(inputs):
    h, A, mask = inputs
    y = readout(2)(h, A, mask)
    assert torch.allclose(y, y.mT, rtol=1e-13, atol=1e-14)
    assert not torch.allclose(y, readout(2)(h, 2 * A, mask))
    blind = readout(2, edges=False)
    assert torch.equal(blind(h, A, mask), blind(h, 2 * A, mask))


def test_a_pair_function_holds_the_score_matrix_of_graph_matching(inputs):
    h, A, mask = inputs
    head = PairFunction(4, 9, 1, edges=True).double()
    with torch.no_grad():
        head.last.weight.zero_()
        head.last.bias.zero_()
        head.combine.weight.fill_(1)
    embedded = h @ head.embed.weight.mT
    expected = embedded @ embedded.mT / 3
    assert torch.allclose(head(h, A, mask)[:, 0], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_calibration_shifts_and_scales_each_copy(order, inputs):
    h, A, mask = (part[:1] for part in inputs)
    head = readout(order)
    y = torch.randn(200, 2, *[NODES] * order, generator=GENERATOR).double()
    y[:, 1] = 5 + 3 * y[:, 1]
    raw = head(h, A, mask)
    head.calibrate(y)
    new = head(h, A, mask)
    for copy in (0, 1):
        expected = raw[:, copy] * y[:, copy].std(correction=0) + y[:, copy].mean()
        assert torch.allclose(new[:, copy], expected)


def test_constant_targets_are_scaled_by_their_magnitude(inputs):
    head = readout(0)
    head.calibrate(torch.full((6, 2), 4.0))
    assert head.scale.tolist() == [4, 4]
    assert head.centre.tolist() == [4, 4]


@pytest.mark.parametrize("loss", ["cross-entropy", "own", "none"])
def test_other_losses_are_not_calibrated(loss):
    head = readout(0, loss)
    head.calibrate(torch.arange(6))
    assert head.scale.tolist() == [1, 1]
    assert head.centre.tolist() == [0, 0]


def test_invariants_are_sums_over_nodes_that_exist_in_units_of_the_task(inputs):
    h, A, mask = inputs
    head = readout(0)
    h = h + (1 - mask[..., None])  # arbitrary values at padded nodes
    sums = [h[i, : int(mask[i].sum())].sum(0) for i in range(3)]
    expected = head.head.net(torch.stack(sums) / NODES)
    assert torch.allclose(head(h, A, mask), expected)

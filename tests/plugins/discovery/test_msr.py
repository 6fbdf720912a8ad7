"""MSR: the pattern shared by rotations spans the identity and the generator of the rotations."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.msr import MSR, PairMSR, SharedWeights
from torch import Tensor

from symbench.contract import Problem, seeded

PAIR = Problem("image", "mse", (2, 7, 7), (1,))


def test_the_inner_step_descends_the_support_error(stream) -> None:
    shared = SharedWeights(6, 4).double()
    x = torch.randn(3, 6, generator=seeded("x")).double()
    y = torch.randn(3, 6, generator=seeded("y")).double()
    v = shared.v.detach().clone().requires_grad_()
    half = (shared(v, x) - y).square().sum() / (2 * len(x))
    (slope,) = torch.autograd.grad(half, v)
    torch.testing.assert_close(shared.adapted(x, y), v - shared.rate * slope)


def share_inside(U: Tensor, A: Tensor) -> float:
    """The share of A [d, d] that lies in the span of U [k, d, d]: 1 for all of it."""
    basis = torch.linalg.qr(U.double().flatten(1).mT)[0]
    return float((basis.mT @ A.flatten()).norm() / A.norm())


@pytest.mark.statistics
def test_the_pattern_spans_the_identity_and_the_generator(
    stream, pairs, context, generator
) -> None:
    data, test = pairs(1000, 0, clean=True), pairs(500, 1, clean=True)
    net = MSR().fit(PAIR, data, context(data, 350))
    assert isinstance(net, PairMSR)
    U = net.shared.U.detach()
    # six random directions of 2401 contain a share of 0.05 of any direction
    assert share_inside(U, torch.eye(49, dtype=torch.float64)) > 0.95
    assert share_inside(U, generator) > 0.95
    error = (net(test.x).detach() - test.y).square().mean() / test.y.var()
    assert float(error) < 0.1


@pytest.mark.parametrize("n", [1, 2, 15])
def test_few_pairs_are_enough_to_train_on(n: int, stream, pairs, context) -> None:
    data = pairs(n, 0, clean=True)
    net = MSR().fit(PAIR, data, context(data, 6))
    assert bool(net(data.x).isfinite().all())


@pytest.mark.parametrize(
    "problem",
    [
        Problem("vectors", "mse", (4,), (1,)),
        Problem("image", "mse", (1, 7, 7), (1, 7, 7)),
        Problem("image", "mse", (2, 20, 20), (1,)),
    ],
)
def test_what_is_no_pair_of_small_images_is_declined(problem: Problem) -> None:
    reason = MSR().accepts(problem)
    assert reason is not None
    assert "msr" in reason

"""What the scalars models learn from little data, in a training loop of this file."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_baselines.models import MLP
from symbench_scalars.models import PermutationScalars, Scalars
from torch import Tensor

from symbench import Model, Symmetry
from symbench.contract import Calibrates, Data, Problem, seeded
from symbench.groups import O, Scalar, V


def o5(n: int, *key: object) -> Data:
    """Return the O(5)-invariant regression of Finzi et al. (2021)."""
    x = torch.randn(n, 2, 5, generator=seeded("o5", *key))
    first, second = x.norm(dim=2).unbind(1)
    cosine = (x[:, 0] * x[:, 1]).sum(1) / (first * second)
    return Data(x.flatten(1), (first.sin() - 0.5 * second**3 + cosine)[:, None])


def inertia(n: int, *key: object) -> Data:
    """Return the moment of inertia of five point masses."""
    generator = seeded("inertia", *key)
    mass = torch.nn.functional.softplus(torch.randn(n, 5, generator=generator))
    r = torch.randn(n, 5, 3, generator=generator)
    square = torch.einsum("nb,nbi,nbi->n", mass, r, r)[:, None, None] * torch.eye(3)
    y = square - torch.einsum("nb,nbi,nbj->nij", mass, r, r)
    return Data(torch.cat([mass, r.flatten(1)], 1), y.flatten(1))


def problem(*law: object, size: tuple[int, int]) -> Problem:
    return Problem("vectors", "mse", (size[0],), (size[1],), Symmetry(*law))  # type: ignore[arg-type]


G5, G3 = O(5), O(3)
O5 = problem(G5, (2 * V)(G5), Scalar(G5), size=(10, 1))
INERTIA = problem(G3, (5 * Scalar + 5 * V)(G3), (V * V)(G3), 5, size=(20, 9))


def mean_square_error(model: Model, view: Problem, data: Data, test: Data, updates: int) -> float:
    """Return the mean squared error on ``test`` after full-batch updates of Adam."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = model.build(view)
    if isinstance(module, Calibrates):
        module.calibrate(data.x, data.y)
    optimiser = torch.optim.Adam(module.parameters())
    scale = data.y.var()
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = 1.5e-3 * (1 + math.cos(math.pi * update / updates))
        loss: Tensor = (module(data.x) - data.y).square().mean() / scale
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return float((module(test.x) - test.y).square().mean())


@pytest.mark.statistics
def test_inner_products_need_a_tenth_of_the_error_of_coordinates() -> None:
    data, test = o5(100, "train"), o5(1000, "test")
    scalars = mean_square_error(Scalars(), O5, data, test, 150)
    assert scalars < 0.3  # three seeds give 0.015 to 0.026; the target's variance is 38
    assert mean_square_error(MLP(), O5, data, test, 150) > 10 * scalars


@pytest.mark.statistics
def test_shared_bodies_need_a_tenth_of_the_error_of_ordered_ones() -> None:
    data, test = inertia(100, "train"), inertia(500, "test")
    shared = mean_square_error(
        PermutationScalars.for_tier("quick", width=32), INERTIA, data, test, 150
    )
    assert shared < 0.3  # three seeds give 0.06 to 0.11; the variance of an entry is 11
    assert mean_square_error(Scalars(), INERTIA, data, test, 150) > 10 * shared

"""Using a discovery: compact groups, averaged outputs, and what it is worth."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.averaged import Averaged
from symbench_discovery.compact import as_compact, orthonormalised
from symbench_discovery.use import (
    AugerinoGLUse,
    FieldFitUse,
    Found,
    InfinitesimalMLPUse,
    KernelNullUse,
    LieAugmentUse,
    LieGANChosenUse,
    LieGGUse,
    LocalNullUse,
)
from symbench_images.controls import NoSymmetry
from symbench_vectors.tasks import O5Invariant
from torch import nn

import symbench
from symbench.contract import Symmetry, seeded
from symbench.groups import GL, SO, Lorentz, Scalar, Trivial, V
from symbench.metrics.algebra import Whitening, orthonormal, principal_cosines
from symbench.training.spending import counted


def normal(*shape, seed="use"):
    return torch.randn(*shape, generator=seeded(seed, *shape), dtype=torch.float64)


def plain(d):
    return Whitening.of(torch.eye(d, dtype=torch.float64))


def same_span(A, B):
    rows = [orthonormal(each.flatten(1)) for each in (A, B)]
    return len(rows[0]) == len(rows[1]) and float(principal_cosines(*rows).min()) > 1 - 1e-6


@pytest.mark.parametrize("group", [SO(2), SO(3), SO(5), Trivial(1) * SO(4), SO(2) * SO(3)], ids=str)
def test_the_generators_of_a_compact_group_are_kept(group):
    d = group.dim
    B = torch.eye(d).double() + 0.3 * normal(d, d)
    L = orthonormalised(B @ group.algebra @ torch.linalg.inv(B), plain(d))
    found = as_compact(L, plain(d))
    assert found is not None
    assert same_span(found, L)


@pytest.mark.parametrize("size", [0.02, 0.05])
def test_nearly_compact_generators_become_compact_ones(size):
    L = SO(4).algebra
    noisy = orthonormalised(L + size * normal(6, 4, 4), plain(4))
    found = as_compact(noisy, plain(4))
    assert found is not None
    g = torch.linalg.matrix_exp(50 * found.sum(0))
    assert float(torch.linalg.svdvals(g).max()) < 2  # the nearest ones do not grow


@pytest.mark.parametrize(
    "L",
    [
        Lorentz().algebra,
        torch.eye(3).double()[None],
        torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]]).double(),
        torch.cat([SO(3).algebra, torch.eye(3).double()[None]]),
    ],
    ids=["boosts", "scaling", "nilpotent", "rotations and scaling"],
)
def test_other_generators_are_not_called_compact(L):
    d = L.shape[-1]
    assert as_compact(orthonormalised(L, plain(d)), plain(d)) is None


def test_averaging_over_a_group_of_four_makes_a_function_equivariant():
    group = GL(2)
    law = Symmetry(group, V(group), V(group))
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    g = torch.stack([torch.linalg.matrix_power(quarter, k) for k in range(4)])
    f = Averaged(nn.Sequential(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 2)).double(), law, g)
    x = normal(6, 2)
    assert torch.allclose(f(x @ quarter.mT), f(x) @ quarter.mT)


def test_moved_examples_keep_the_law_of_their_group():
    group = GL(5)
    law = Symmetry(group, (2 * V)(group), Scalar(group))
    task = O5Invariant()
    data = task.sample(300, 0, "train").to("cpu", torch.float64)
    found = Found.of(SO(5).algebra, law, data.x)
    assert found.compact
    moved = found.mover(seeded("move"))(data)
    assert torch.equal(moved.y, data.y)
    assert float((moved.x - data.x).norm()) > 0.5 * float(data.x.norm())
    assert torch.allclose(task.target(moved.x), moved.y, rtol=1e-5, atol=1e-5)  # y is float32


@pytest.mark.slow
@pytest.mark.statistics
@pytest.mark.parametrize("model", [KernelNullUse, LieGGUse])
def test_what_is_discovered_lowers_the_error(model, discovered, monkeypatch):
    # at 300 examples the perceptron is limited by its updates, and gains nothing
    task, errors = O5Invariant(), {}
    test = task.sample(2000, 0, "test")
    for uses in (True, False):
        if not uses:
            monkeypatch.setattr(model.first, "generators", lambda self, module: module.L[:0])
        module, _ = discovered(model(), task, 100, 1)
        with torch.no_grad():
            errors[uses] = float((module(test.x) - test.y).square().mean() / test.y.var())
    assert errors[True] < 0.7 * errors[False], errors


def test_without_a_discovery_it_is_the_perceptron(discovered):
    module, found = discovered(KernelNullUse(), NoSymmetry(), 100, updates=20)
    assert found["false_finding"] == 0
    assert not isinstance(module.predictor, Averaged)


def test_the_same_seed_gives_the_same_function(discovered):
    one, other = (discovered(LieGGUse(), O5Invariant(), 60, updates=5)[0] for _ in range(2))
    x = O5Invariant().sample(5, 0, "test").x
    assert torch.equal(one(x), other(x))


@pytest.mark.parametrize(
    "model",
    [
        KernelNullUse, LocalNullUse, LieGGUse, AugerinoGLUse, LieAugmentUse, LieGANChosenUse,
        InfinitesimalMLPUse, FieldFitUse,
    ],
)  # fmt: skip
def test_the_second_stage_uses_the_announcement_of_the_first(model, discovered, monkeypatch):
    monkeypatch.setattr(model.first, "generators", lambda self, module: SO(5).algebra)
    with counted() as counter:
        module, _ = discovered(model(), O5Invariant(), 60, updates=10)
    assert torch.equal(module.L, SO(5).algebra)
    assert counter.steps >= 10
    assert not counter.spent(10).over


def test_a_task_that_the_first_method_declines_is_declined(monkeypatch):
    monkeypatch.setattr(LocalNullUse.first, "accepts", lambda self, problem: "not this one")
    problem = symbench.problem(O5Invariant(), LocalNullUse())
    assert LocalNullUse().accepts(problem) == "not this one"
    assert KernelNullUse().accepts(problem) is None

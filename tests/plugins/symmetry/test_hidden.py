"""The hidden groups: their truths, by theorems on Lie algebras and by finite elements."""

from __future__ import annotations

import pytest
import torch
from symbench_symmetry import hidden
from symbench_symmetry.groups import CO, Galilei, Quadrupoles, traceless

from symbench.groups import SO
from symbench.metrics.truth import true_algebra

# task -> dimension, and the signature of the Killing form (positive, negative, null)
SIGNATURES = {
    hidden.HiddenProduct: (4, (0, 3, 1)),
    hidden.HiddenIrreducible: (3, (0, 3, 0)),
    hidden.HiddenSL2: (3, (2, 1, 0)),
    hidden.HiddenSp4: (10, (6, 4, 0)),
    hidden.HiddenEuclidean: (3, (0, 1, 2)),
    hidden.HiddenGalilean: (6, (0, 1, 5)),
}


@pytest.fixture(params=SIGNATURES, ids=lambda task: task.name)
def task(request):
    return request.param()


def killing_signature(A: torch.Tensor) -> tuple[int, int, int]:
    """Return the signs of K_ij = Σ c_ia^b c_jb^a with [A_i, A_j] = Σ c_ij^l A_l."""
    brackets = torch.einsum("aij,bjk->abik", A, A) - torch.einsum("bij,ajk->abik", A, A)
    flat = A.flatten(1)
    c = brackets.flatten(2) @ torch.linalg.pinv(flat)
    assert torch.allclose(c @ flat, brackets.flatten(2), atol=1e-6)
    values = torch.linalg.eigvalsh(torch.einsum("iab,jba->ij", c, c))
    zero = 1e-6 * values.abs().max()
    return (
        int((values > zero).sum()),
        int((values < -zero).sum()),
        int((values.abs() <= zero).sum()),
    )


def test_the_truth_is_the_declared_algebra_and_has_its_killing_form(task):
    truth = true_algebra(task, task.sample(600, 0, "test").x)
    number, signature = SIGNATURES[type(task)]
    assert truth.is_exact
    assert len(truth.Q) == number
    declared = truth.candidate.coordinates(task.group.algebra)
    inside = declared @ truth.Q.mT @ truth.Q
    assert torch.allclose(inside, declared, atol=1e-6 * float(declared.abs().max()))
    assert killing_signature(truth.generators) == signature


def test_finite_elements_keep_the_target(task):
    x = task.sample(50, 0, "test", torch.float64).x
    g = task.group.sample(8, torch.Generator().manual_seed(0))[:, None]
    y = task.target(x)
    assert torch.allclose(task.target(task.symmetry.input.act(g, x)), y.expand(8, 50, 1), atol=1e-7)


def test_the_control_keeps_nothing():
    task = hidden.HiddenNothing()
    truth = true_algebra(task, task.sample(600, 0, "test").x)
    assert truth.is_zero
    assert float(truth.bounds(truth.target).min()) > 0.1


def test_quadrupoles_turn_as_matrices_do():
    group = Quadrupoles()
    R = SO(3).sample(1, torch.Generator().manual_seed(0))[0]
    z = torch.tensor([0.3, -1.0, 0.2, 0.7, 1.1]).double()
    Q = torch.einsum("k,kij->ij", z, traceless())
    g = group.sample(1, torch.Generator().manual_seed(0))[0]
    assert torch.allclose(torch.einsum("k,kij->ij", g @ z, traceless()), R @ Q @ R.mT)


@pytest.mark.parametrize("group", [Quadrupoles(), Galilei(), CO()], ids=str)
def test_algebras_generate_the_sampled_groups(group):
    """g A g⁻¹ lies in the algebra for every sampled element g."""
    g = group.sample(6, torch.Generator().manual_seed(1))
    adjoint = torch.einsum("nij,ajk,nkl->nail", g, group.algebra, torch.linalg.inv(g)).flatten(2)
    flat = group.algebra.flatten(1)
    assert torch.allclose(adjoint @ torch.linalg.pinv(flat) @ flat, adjoint, atol=1e-9)

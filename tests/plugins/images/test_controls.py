"""The control without symmetry has none, and the hidden symmetry has the conjugated algebra."""

from __future__ import annotations

import pytest
import torch
from known_tasks import known_algebra
from symbench_images.controls import HiddenConjugate, NoSymmetry

from symbench.groups import Conjugated, Lorentz, O
from symbench.metrics.algebra import null_space, orthonormal, principal_cosines


@pytest.fixture(params=[NoSymmetry, HiddenConjugate], ids=lambda task: task.name)
def task(request):
    return request.param()


def test_a_draw_has_the_exact_targets_and_is_repeatable(task):
    data = task.sample(200, 1, "train", dtype=torch.float64)
    assert data.x.shape == (200, 10)
    assert torch.equal(data.y, task.target(data.x))
    assert torch.equal(data.y.float(), type(task)().sample(200, 1, "train").y)


def test_no_direction_of_gl5_leaves_the_control_unchanged():
    truth = known_algebra(NoSymmetry())
    squares = truth.target.squares
    assert truth.target.C.dtype == torch.float64
    assert squares.shape == (25,)
    assert float(squares[0] / squares.mean()) > 0.05
    assert float(truth.bounds(truth.target).min()) > 0.1
    assert len(truth.Q) == 0


def test_no_direction_of_gl10_leaves_the_control_unchanged():
    """C for all of gl(10), explicitly: its rows are the gradient times the position."""
    task = NoSymmetry()
    x = task.sample(2000, 0, "test", dtype=torch.float64).x.requires_grad_()
    (gradient,) = torch.autograd.grad(task.target(x).sum(), x)
    C = (gradient[:, :, None] * x.detach()[:, None]).flatten(1)
    squares = torch.linalg.svdvals(C).square().flip(0)
    assert float(squares[0] / squares.mean()) > 1e-3
    assert null_space(squares) is None


def test_the_control_is_not_even_and_not_odd():
    task = NoSymmetry()
    x = task.sample(1000, 0, "test", dtype=torch.float64).x
    y, mirrored = task.target(x), task.target(-x)
    for sign in (1, -1):
        assert float((y - sign * mirrored).square().mean() / y.var()) > 0.1


def test_the_hidden_algebra_is_the_conjugated_one():
    task = HiddenConjugate()
    truth = known_algebra(task)
    assert truth.Q.shape == (10, 25)
    found = torch.einsum("km,mij->kij", truth.Q, truth.candidate.basis)
    B = task.group.B
    expected = B @ O(5).algebra @ torch.linalg.inv(B)
    spans = orthonormal(found.flatten(1)), orthonormal(expected.flatten(1))
    assert float(principal_cosines(*spans).min()) > 1 - 1e-9


def test_the_hidden_algebra_is_not_antisymmetric():
    algebra = HiddenConjugate().group.algebra
    symmetric = (algebra + algebra.mT) / 2
    assert float(symmetric.norm() / algebra.norm()) > 0.3
    plain, hidden = orthonormal(O(5).algebra.flatten(1)), orthonormal(algebra.flatten(1))
    assert float(principal_cosines(plain, hidden).square().mean()) < 0.8


def test_the_change_of_basis_is_well_conditioned():
    B = HiddenConjugate().group.B
    assert float(torch.linalg.cond(B)) == pytest.approx(5)
    assert abs(float(torch.linalg.det(B))) == pytest.approx(1)


def test_the_hidden_target_is_that_of_the_vectors_behind_the_basis():
    task = HiddenConjugate()
    r = torch.tensor([[3.0, 4.0, 0, 0, 0], [2.0, 0, 0, 0, 0]], dtype=torch.float64)
    y = task.target((r @ task.group.B.mT).flatten()[None])
    assert float(y) == pytest.approx(torch.sin(torch.tensor(5.0)).item() - 4 + 0.6, abs=1e-6)


def test_the_hidden_target_is_invariant_under_the_hidden_group_alone():
    task = HiddenConjugate()
    x = task.sample(100, 0, "test", dtype=torch.float64).x
    y = task.target(x)
    generator = torch.Generator().manual_seed(4)
    for g in (*task.group.sample(5, generator), *task.group.discrete):
        assert torch.allclose(task.target(task.symmetry.input.act(g, x)), y, atol=1e-9)
    for g in O(5).sample(5, generator):
        moved = task.target(task.symmetry.input.act(g, x))
        assert float((moved - y).square().mean() / y.var()) > 0.01


@pytest.mark.parametrize("inner", [O(5), Lorentz()], ids=str)
def test_a_conjugated_group_keeps_the_conjugated_form(inner):
    generator = torch.Generator().manual_seed(2)
    B = torch.randn(inner.dim, inner.dim, generator=generator, dtype=torch.float64)
    group = Conjugated(inner, B)
    F = group.form
    for g in (*group.sample(10, generator), *group.discrete):
        assert torch.allclose(g.mT @ F @ g, F, atol=1e-6 * float(F.abs().max()))
    for A in group.algebra:
        assert torch.allclose(A.mT @ F, -F @ A, atol=1e-8 * float(F.abs().max()))
    assert group.is_compact == inner.is_compact
    assert not group.is_orthogonal


def test_groups_of_different_bases_differ():
    one, two = torch.eye(5, dtype=torch.float64), torch.diag(torch.arange(1.0, 6.0).double())
    assert Conjugated(O(5), one) != Conjugated(O(5), two)
    assert Conjugated(O(5), two) == Conjugated(O(5), two.clone())

"""Noisy spans of matrices are recognised as the algebras that they are, in any basis."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.errors import InputError
from symbench.groups import GL, SE, SL, SO, Lorentz, Scaling, Sp
from symbench.groups.action_space import matrix_of
from symbench.groups.forms import kept_form, orthonormal_axes, symplectic_axes
from symbench.groups.identification import identify
from symbench.groups.structure import Structure

HEISENBERG = matrix_of(3, [[(0, 1)], [(1, 2)], [(0, 2)]])
AFF1 = matrix_of(2, [[(0, 0)], [(0, 1)]])
SIGNATURES = {  # of the Killing form: positive, negative, zero
    "so(3)": (SO(3).algebra, (0, 3, 0), "semisimple"),
    "sl(2,R)": (SL(2).algebra, (2, 1, 0), "semisimple"),
    "so(1,2)": (SO(1, 2).algebra, (2, 1, 0), "semisimple"),
    "so(4)": (SO(4).algebra, (0, 6, 0), "semisimple"),
    "so(1,3)": (Lorentz().algebra, (3, 3, 0), "semisimple"),
    "so(5)": (SO(5).algebra, (0, 10, 0), "semisimple"),
    "sp(4)": (Sp(2).algebra, (6, 4, 0), "semisimple"),
    "sl(3,R)": (SL(3).algebra, (5, 3, 0), "semisimple"),
    "gl(2)": (GL(2).algebra, (2, 1, 1), "reductive"),
    "heisenberg": (HEISENBERG, (0, 0, 3), "nilpotent"),
    "aff(1)": (AFF1, (1, 0, 1), "solvable"),
}
AFFINE = {"se(2)": (SE(2).algebra, (0, 1, 2)), "se(3)": (SE(3).algebra, (0, 3, 3))}


def changed(A, seed, *, noise, condition=3.0, affine=False):
    """The span in another basis, with noise of a share of each generator."""
    stream = torch.Generator().manual_seed(seed)
    d = A.shape[-1] - affine
    left, right = (
        torch.linalg.qr(torch.randn(d, d, generator=stream, dtype=torch.float64)).Q
        for _ in range(2)
    )
    scales = condition ** torch.linspace(-0.5, 0.5, d, dtype=torch.float64)
    P = torch.eye(d + affine, dtype=torch.float64)
    P[:d, :d] = left @ torch.diag(scales) @ right
    if affine:
        P[:d, d] = 0.5 * torch.randn(d, generator=stream, dtype=torch.float64)
    mixed = P @ A @ torch.linalg.inv(P)
    mixed = mixed / mixed.flatten(1).norm(dim=1)[:, None, None]
    error = torch.randn(mixed.shape, generator=stream, dtype=torch.float64)
    found = mixed + noise * error / error.flatten(1).norm(dim=1)[:, None, None]
    if affine:
        found[:, -1] = 0
    return found


@pytest.mark.parametrize("group", [SO(3), SO(4), SL(2)], ids=str)
def test_a_part_of_an_algebra_whose_brackets_lead_out_of_it_has_no_name(group):
    found = identify(changed(group.algebra[:2], 0, noise=0.02))
    assert (found.name, found.kind, found.dimension) == ("", "not closed", 2)
    assert found.basis is None


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_of_the_exact_algebra_is_that_of_the_books(name):
    A, signature, kind = SIGNATURES[name]
    structure = Structure.of(A)
    assert (structure.signature, structure.kind) == (signature, kind)
    assert structure.closure < 1e-12


@settings(deadline=None, max_examples=12)
@given(
    name=st.sampled_from(sorted(set(SIGNATURES) - {"heisenberg", "aff(1)"})),
    seed=st.integers(0, 10**6),
    noise=st.sampled_from([0.0, 0.02, 0.05]),
)
def test_a_noisy_span_in_another_basis_is_named(name, seed, noise):
    A, signature, kind = SIGNATURES[name]
    found = identify(changed(A, seed, noise=noise))
    assert (found.name, found.killing_signature, found.kind) == (name, signature, kind)
    assert found.cosine > 0.99
    assert found.closure < 0.05 + 3 * noise


@pytest.mark.parametrize("name", ["heisenberg", "aff(1)"])
def test_small_algebras_are_named_by_a_fit(name):
    A, signature, kind = SIGNATURES[name]
    found = identify(changed(A, 1, noise=0.03))
    assert (found.name, found.killing_signature, found.kind) == (name, signature, kind)
    assert found.cosine > 0.99


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize("seed", range(3))
def test_euclidean_algebras_are_named(name, seed):
    A, signature = AFFINE[name]
    found = identify(changed(A, seed, noise=0.03, condition=2.0, affine=True), affine=True)
    assert (found.name, found.killing_signature) == (name, signature)
    assert found.cosine > 0.98


@pytest.mark.parametrize("seed", range(3))
def test_rotations_about_another_point_are_rotations(seed):
    A = torch.zeros(3, 4, 4, dtype=torch.float64)
    A[:, :3, :3] = SO(3).algebra
    found = identify(changed(A, seed, noise=0.02, affine=True), affine=True)
    assert found.name == "so(3)"
    assert found.cosine > 0.99


def test_the_change_of_basis_takes_the_named_representation_to_the_span():
    A = changed(Lorentz().algebra, 5, noise=0.0)
    found = identify(A)
    moved = found.basis @ Lorentz().algebra @ torch.linalg.inv(found.basis)
    spans = [torch.linalg.qr(part.flatten(1).mT).Q for part in (A, moved)]
    assert torch.linalg.svdvals(spans[0].mT @ spans[1]).min() > 1 - 1e-9


def test_a_group_on_a_part_of_the_space_is_named_with_its_part():
    A = torch.zeros(3, 6, 6, dtype=torch.float64)
    A[:, :3, :3] = SO(3).algebra
    found = identify(changed(A, 2, noise=0.02))
    assert (found.name, found.action) == ("so(3)", "on 3 dimensions")


@pytest.mark.parametrize(
    ("A", "name"),
    [
        (SO(2).algebra, "so(2)"),
        (Scaling(3).algebra, "scaling"),
        (SO(1, 1).algebra, "so(1,1)"),
        (matrix_of(2, [[(0, 1)]]), "R"),
    ],
)
def test_one_generator_is_named_by_its_eigenvalues(A, name):
    assert identify(A).name == name


def test_translations_are_no_rotations():
    shifts = torch.zeros(2, 4, 4, dtype=torch.float64)
    shifts[0, 0, 3] = shifts[1, 1, 3] = 1.0
    found = identify(shifts, affine=True)
    assert (found.name, found.action) == ("R^2", "2 translations")


def test_a_random_span_has_no_name():
    A = torch.randn(4, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = identify(A)
    assert found.name == ""
    assert found.closure > 0.5


def test_nothing_is_the_zero_algebra():
    assert identify(torch.zeros(0, 3, 3)).name == "0"


def test_matrices_that_are_not_square_are_refused():
    with pytest.raises(InputError, match=r"\[k, d, d\]"):
        identify(torch.zeros(2, 3, 4))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 3))
def test_axes_take_a_form_to_its_standard(seed, n):
    stream = torch.Generator().manual_seed(seed)
    M = torch.randn(2 * n, 2 * n, generator=stream, dtype=torch.float64)
    P, signs = orthonormal_axes(M + M.mT)
    assert torch.allclose(P.mT @ (M + M.mT) @ P, torch.diag(signs), atol=1e-6)
    P = symplectic_axes(M - M.mT)
    J = torch.kron(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), torch.eye(n)).double()
    assert torch.allclose(P.mT @ (M - M.mT) @ P, J, atol=1e-6)


def test_the_form_of_a_group_is_found():
    form = kept_form(SO(2, 3).algebra, symmetric=True)
    assert form.violation < 1e-9
    assert form.signature == (2, 3)
    assert kept_form(SL(3).algebra, symmetric=True).violation > 0.3

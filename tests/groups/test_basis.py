"""Equivariant bases: dimensions known from the literature, orthonormality, equivariance, spans."""

from __future__ import annotations

import math

import pytest
import torch

from symbench.errors import InputError
from symbench.groups import (
    GL,
    SE,
    SL,
    SO,
    C,
    D,
    E,
    Group,
    Lorentz,
    O,
    S,
    Scalar,
    Scaling,
    Sp,
    T,
    Trivial,
    V,
    Z,
    equivariant_basis,
    equivariant_blocks,
    invariant_basis,
)

# Dimension of the invariants of V^k for k = 0, 1, 2, ...: Riordan, Catalan and Bell numbers,
# central binomials and similar (characters of the classical groups; Weyl 1939).
POWERS = [
    (SO(2), [1, 0, 2, 0, 6, 0, 20, 0, 70]),
    (O(2), [1, 0, 1, 0, 3, 0, 10, 0, 35]),
    (SO(3), [1, 0, 1, 1, 3, 6, 15, 36]),
    (O(3), [1, 0, 1, 0, 3, 0, 15, 0]),
    (SO(4), [1, 0, 1, 0, 4, 0, 25]),
    (O(4), [1, 0, 1, 0, 3, 0, 15]),
    (SO(5), [1, 0, 1, 0, 3, 1]),
    (O(5), [1, 0, 1, 0, 3, 0]),
    (SO(6), [1, 0, 1, 0, 3]),
    (SO(1, 3), [1, 0, 1, 0, 4, 0, 25]),
    (Lorentz(), [1, 0, 1, 0, 3, 0, 15]),
    (SO(1, 1), [1, 0, 2, 0, 6]),
    (O(1, 1), [1, 0, 1, 0, 3]),
    (Sp(1), [1, 0, 1, 0, 2, 0, 5, 0, 14]),
    (SL(2), [1, 0, 1, 0, 2, 0, 5, 0, 14]),
    (Sp(2), [1, 0, 1, 0, 3, 0, 14]),
    (Sp(3), [1, 0, 1, 0, 3]),
    (S(2), [1, 1, 2, 4, 8, 16]),
    (S(3), [1, 1, 2, 5, 14, 41, 122]),
    (S(4), [1, 1, 2, 5, 15, 51]),
    (S(5), [1, 1, 2, 5, 15, 52]),
    (S(6), [1, 1, 2, 5, 15]),
    (Z(6), [1, 1, 6, 36]),
    (Z(4), [1, 1, 4, 16, 64]),
    (C(3), [1, 0, 2, 2, 6, 10, 22, 42, 86]),
    (C(4), [1, 0, 2, 0, 8, 0, 32]),
    (C(8), [1, 0, 2, 0, 6, 0, 20, 0, 72]),
    (D(2), [1, 0, 2, 0, 8, 0, 32]),
    (D(3), [1, 0, 1, 1, 3, 5, 11, 21, 43]),
    (D(4), [1, 0, 1, 0, 4, 0, 16]),
    (D(8), [1, 0, 1, 0, 3, 0, 10, 0, 36]),
    (SO(2) * Trivial(1), [1, 1, 3, 7, 19, 51, 141]),
    (O(2) * Trivial(1), [1, 1, 2, 4, 10, 26, 71]),
    (Trivial(2), [1, 2, 4, 8]),
]
SLOW_POWERS = [
    (SO(3), 8, 91),
    (O(3), 8, 91),
    (SO(5), 6, 15),
    (O(5), 6, 15),
    (SO(6), 6, 16),
    (SO(7), 4, 3),
    (Sp(3), 6, 15),
    (S(5), 6, 202),
    (S(4), 6, 187),
    (S(6), 5, 52),
]
MIXED = [
    (GL(3), 3, 0, 0),
    *((GL(2), p, p, r) for p, r in enumerate([1, 1, 2, 5, 14])),
    *((GL(3), p, p, r) for p, r in enumerate([1, 1, 2, 6])),
    (GL(2), 2, 1, 0),
    *((SL(3), p, q, r) for p, q, r in [(3, 0, 1), (0, 3, 1), (1, 1, 1), (2, 2, 2), (4, 1, 3)]),
    (SL(3), 3, 3, 6),
    (SL(4), 4, 0, 1),
    (SL(4), 2, 2, 2),
    (Scaling(3), 2, 0, 0),
    (Scaling(3), 1, 1, 9),
    (Lorentz(), 2, 2, 3),
    (SE(2), 0, 1, 1),
    (E(3), 0, 1, 1),
    (SE(2), 1, 0, 0),
]


@pytest.mark.parametrize(("group", "dimensions"), POWERS, ids=lambda value: str(value)[:20])
def test_tensor_powers_have_the_known_number_of_invariants(group, dimensions):
    found = [len(invariant_basis((V**k)(group))) for k in range(len(dimensions))]
    assert found == dimensions


@pytest.mark.slow
@pytest.mark.parametrize(("group", "k", "dimension"), SLOW_POWERS, ids=str)
def test_high_tensor_powers_have_the_known_number_of_invariants(group, k, dimension):
    assert len(invariant_basis((V**k)(group))) == dimension


@pytest.mark.parametrize(("group", "p", "q", "dimension"), MIXED, ids=str)
def test_mixed_tensors_have_the_known_number_of_invariants(group, p, q, dimension):
    assert len(invariant_basis(T(p, q)(group))) == dimension


class Rotations(Group):
    """A plugin's circle group: repeated frequencies in a basis that hides them."""

    def __init__(self, frequencies, fixed):
        blocks = [torch.tensor([[0.0, -f], [f, 0.0]]).double() for f in frequencies]
        hidden = torch.block_diag(*blocks, torch.zeros(fixed, fixed).double())
        noise = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(5))
        q = torch.linalg.qr(noise.double())[0]
        super().__init__(f"rotations {frequencies}", (q @ hidden @ q.mT)[None])

    def sample(self, count, generator):
        angle = 2 * math.pi * torch.rand(count, 1, 1, generator=generator, dtype=torch.float64)
        return torch.linalg.matrix_exp(angle * self.algebra)


def test_a_circle_group_with_repeated_frequencies_is_solved(generator):
    group = Rotations((1, 1, 2), fixed=2)
    weights = torch.tensor([1, -1, 1, -1, 2, -2, 0, 0])
    for power in (1, 2):
        rep = (V**power)(group)
        sums = sum(torch.meshgrid(*[weights] * (2 * power), indexing="ij"))
        wanted = int((sums == 0).sum())
        basis = equivariant_basis(rep, rep)
        assert len(basis) == wanted
        if power == 1:
            _check_basis(basis, rep, rep, generator)


COMPOSITES = [
    (V(Lorentz()), T(2, 1)(Lorentz()), 3),
    (T(2)(SO(3)), V(SO(3)), 1),
    ((10 * V + 5 * T(2))(S(5)), (3 * Scalar + T(2))(S(5)), 185),
    ((V + T(2))(S(6)), V(S(6)), 7),
    ((3 * V + V**2)(SO(4)), ((V.dual + Scalar) * (Scalar + V**2 + V).dual)(SO(4)), None),
    ((5 * Scalar + 5 * V)(O(3)), T(2)(O(3)), 5),
    ((V**2)(SO(3)), (V**2)(SO(3)), 3),
]


@pytest.mark.parametrize(("source", "target", "dimension"), COMPOSITES, ids=str)
def test_composite_spaces_have_the_known_number_of_maps(source, target, dimension, generator):
    basis = equivariant_basis(source, target)
    if dimension is not None:
        assert len(basis) == dimension
    _check_basis(basis, source, target, generator)


def test_maps_into_a_space_of_maps_have_the_known_number(generator):
    source = (3 * V + V**2)(SO(4))
    hom = ((Scalar + V**2 + V) * (V.dual + Scalar).dual)(SO(4))
    assert source.size * hom.size == 28 * 105
    basis = equivariant_basis(source, hom)
    _check_basis(basis, source, hom, generator)
    assert len(basis) == 27


def test_endomorphisms_over_three_groups_have_the_known_number(generator):
    group = Z(3) * S(4) * O(3)
    rep = (2 * V(Z(3)) * V(S(4)))(group) + (V(O(3)) ** 2)(group)
    basis = equivariant_basis(rep, rep)
    # 4 · 3 · 2 maps between the copies, 3 of V ⊗ V, and 2 · 1 · 1 each way through the scalars
    assert len(basis) == 24 + 3 + 2 + 2
    _check_basis(basis, rep, rep, generator)


def test_large_sums_are_counted_without_writing_them_out():
    rep = (100 * Scalar + 100 * V + 20 * T(2))(S(6))
    blocks = equivariant_blocks(rep, rep)
    assert rep.size == 1420
    assert sum(block.dimension for block in blocks) == 84_000
    with pytest.raises(InputError, match="use equivariant_blocks"):
        equivariant_basis(rep, rep)


def _check_basis(W, source, target, generator, tolerance=1e-9):
    """W is orthonormal, and rho_out(g) W = W rho_in(g) for elements not used to solve for it."""
    assert W.shape[1:] == (target.size, source.size)
    assert W.dtype == torch.float64
    flat = W.flatten(1)
    torch.testing.assert_close(flat @ flat.mT, torch.eye(len(W)).double(), atol=1e-9, rtol=0)
    g = source.group.sample(5, generator)
    left, right = target.rho(g)[:, None] @ W, W @ source.rho(g)[:, None]
    if W.numel():
        scale = max(1.0, float(left.abs().max()))
        assert float((left - right).abs().max()) < tolerance * scale


def _pairs(group):
    pairs = [(V, V), (V, V.dual), (Scalar + V, T(1, 1)), (T(0, 2), 2 * V + Scalar)]
    return pairs if group.dim <= 5 else pairs[:2]


def test_every_basis_is_orthonormal_and_equivariant_under_sampled_elements(group, generator):
    for source, target in _pairs(group):
        a, b = source(group), target(group)
        _check_basis(equivariant_basis(a, b), a, b, generator)


def test_every_basis_spans_the_null_space_of_all_constraints_at_once(group):
    """The method of Finzi, Welling and Wilson (2021): one dense SVD of the stacked constraints."""
    for rep in (V * V.dual, V * V, V.dual + V, T(2, 1)):
        bound = rep(group)
        if bound.size > 130:
            continue
        one = torch.eye(bound.size).double()
        rows = [*bound.drho(group.algebra), *(bound.rho(group.discrete) - one), 0 * one]
        _, values, right = torch.linalg.svd(torch.cat(rows), full_matrices=False)
        dense = right[values < 1e-9].mT
        basis = invariant_basis(bound)
        torch.testing.assert_close(basis.mT @ basis, dense @ dense.mT, atol=1e-8, rtol=0)


def test_the_levi_civita_symbol_is_the_only_cross_product():
    basis = equivariant_basis(T(2)(SO(3)), V(SO(3)))
    x, y = torch.tensor([1.0, 2.0, 3.0]).double(), torch.tensor([-1.0, 0.5, 2.0]).double()
    image = basis[0] @ torch.kron(x, y)
    expected = torch.linalg.cross(x, y) / math.sqrt(6)
    torch.testing.assert_close(image.abs(), expected.abs())


def test_the_invariant_of_two_lorentz_vectors_is_the_metric():
    metric = torch.diag(torch.tensor([1.0, -1, -1, -1])).double() / 2
    for rep in (T(2, 0), T(0, 2)):
        basis = invariant_basis(rep(Lorentz())).reshape(4, 4)
        torch.testing.assert_close(basis.abs(), metric.abs(), atol=1e-9, rtol=0)
    mixed = invariant_basis(T(1, 1)(Lorentz())).reshape(4, 4)
    torch.testing.assert_close(mixed.abs(), torch.eye(4).double() / 2, atol=1e-9, rtol=0)


def test_the_order_of_interleaved_factors_is_kept(unbounded, generator):
    if unbounded.dim > 3:
        return
    rep = (V.dual * V * (Scalar + V) * V.dual)(unbounded)
    basis = invariant_basis(rep)
    _check_basis(basis[..., None], Scalar(unbounded), rep, generator)


@pytest.mark.parametrize("order", [(SO(3), S(5)), (S(5), SO(3))], ids=str)
def test_direct_products_are_solved_factor_by_factor_in_either_order(order, generator):
    first, second = order
    rep = V(first) * V(second)
    vector = rep * rep
    basis = invariant_basis(vector)
    assert len(basis) == 1 * 2
    _check_basis(basis[..., None], Scalar(vector.group), vector, generator)


def test_an_interleaved_product_of_groups_is_equivariant(generator):
    a, b = V(SO(2)), V(S(3))
    group = SO(2) * S(3)
    rep = a * b * a * (b(group) + a(group))
    basis = equivariant_basis(rep, b(rep.group))
    # a b a b -> b: two invariants of a², five of b³; a b a a -> b: none of a³
    assert len(basis) == 2 * 5
    _check_basis(basis, rep, b(rep.group), generator)


def test_the_basis_depends_on_the_space_alone():
    from symbench.groups.invariants import _gauged

    basis = invariant_basis((V**4)(SO(3)))
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)).double())[
        0
    ]
    torch.testing.assert_close(_gauged(turn @ basis), basis)


def test_a_copy_of_the_basis_is_returned_each_time():
    rep = (V**2)(SO(3))
    invariant_basis(rep).zero_()
    assert float(invariant_basis(rep).norm()) == pytest.approx(1.0)


def test_representations_of_unrelated_groups_have_no_common_maps():
    with pytest.raises(InputError, match="different groups"):
        equivariant_basis(V(SO(3)), V(SO(4)))


def test_a_factor_maps_into_the_product_group(generator):
    group = SO(3) * S(4)
    basis = equivariant_basis(V(SO(3)), V(group))
    assert basis.shape == (1, 7, 3)


def test_an_unbound_representation_has_no_basis():
    with pytest.raises(InputError, match="no group yet"):
        invariant_basis(V)
    with pytest.raises(InputError, match="no group yet"):
        equivariant_basis(V, V)


@pytest.mark.parametrize("rep", [T(20)(SO(2)), T(8)(S(7)), T(7, 7)(Scaling(3))], ids=str)
def test_a_space_too_large_to_solve_is_refused(rep):
    with pytest.raises(InputError, match="lower rank"):
        invariant_basis(rep)


def test_odd_powers_are_empty_without_solving_where_minus_one_acts():
    assert invariant_basis((V**9)(O(3))).shape == (0, 3**9)

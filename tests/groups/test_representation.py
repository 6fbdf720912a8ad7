"""Representations against Kronecker products and block-diagonal matrices built by hand."""

from __future__ import annotations

import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.errors import InputError
from symbench.groups import (
    GL,
    SE,
    SO,
    SU,
    Lorentz,
    O,
    Representation,
    S,
    Scalar,
    Scaling,
    Sp,
    T,
    Trivial,
    V,
)

GROUPS = [SO(2), O(3), Lorentz(), Sp(1), GL(2), SE(2), S(3), SU(2), Scaling(2)]


def kron(a, b):
    return torch.kron(a.contiguous(), b.contiguous())


ONE = torch.ones(1, 1, dtype=torch.float64)


class Formula:
    """A representation together with its matrices written out by the textbook's formulas."""

    def __init__(self, rep, rho, drho):
        self.rep, self.rho, self.drho = rep, rho, drho

    def __add__(self, other):
        return Formula(
            self.rep + other.rep,
            lambda g: torch.block_diag(self.rho(g), other.rho(g)),
            lambda A: torch.block_diag(self.drho(A), other.drho(A)),
        )

    def __mul__(self, other):
        def drho(A):
            left, right = self.drho(A), other.drho(A)
            one = torch.eye(len(left)).double(), torch.eye(len(right)).double()
            return kron(left, one[1]) + kron(one[0], right)

        return Formula(self.rep * other.rep, lambda g: kron(self.rho(g), other.rho(g)), drho)

    def copies(self, k):
        return Formula(
            k * self.rep,
            lambda g: torch.block_diag(*[self.rho(g)] * k),
            lambda A: torch.block_diag(*[self.drho(A)] * k),
        )

    @property
    def dual(self):
        return Formula(
            self.rep.dual, lambda g: torch.linalg.inv(self.rho(g)).mT, lambda A: -self.drho(A).mT
        )


LEAVES = st.sampled_from(
    [Formula(V, lambda g: g, lambda A: A), Formula(Scalar, lambda g: ONE, lambda A: 0 * ONE)]
)
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, k: a.copies(k), inner, st.integers(1, 3)),
        st.builds(lambda a: a.dual, inner),
    ),
    max_leaves=5,
).filter(lambda formula: formula.rep(O(3)).size <= 120)
CASES = {"formula": FORMULAS, "group": st.sampled_from(GROUPS), "seed": st.integers(0, 99)}
random_cases = settings(max_examples=60, deadline=None, derandomize=True)


@random_cases
@given(**CASES)
def test_rho_is_the_textbook_matrix_and_a_homomorphism(formula, group, seed):
    rep = formula.rep(group)
    g, h = group.sample(2, torch.Generator().manual_seed(seed))
    torch.testing.assert_close(rep.rho(g), formula.rho(g))
    torch.testing.assert_close(rep.rho(g @ h), rep.rho(g) @ rep.rho(h))
    one = torch.eye(group.dim).double()
    torch.testing.assert_close(rep.rho(one), torch.eye(rep.size).double())


@random_cases
@given(**CASES)
def test_drho_is_the_textbook_matrix_and_the_derivative_of_rho(formula, group, seed):
    rep = formula.rep(group)
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(group.dim, group.dim, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(rep.drho(A), formula.drho(A))
    if group.permutes:  # rho is defined only on permutation matrices
        return
    t, unit = torch.zeros(()).double(), torch.ones(()).double()
    _, slope = torch.func.jvp(lambda t: rep.rho(torch.linalg.matrix_exp(t * A)), (t,), (unit,))
    torch.testing.assert_close(rep.drho(A), slope)


@random_cases
@given(**CASES)
def test_acting_on_a_batch_is_multiplying_each_by_its_own_matrix(formula, group, seed):
    rep = formula.rep(group)
    generator = torch.Generator().manual_seed(seed)
    g = group.sample(4, generator)
    x = torch.randn(4, rep.size, generator=generator, dtype=torch.float64)
    each = torch.stack([formula.rho(m) @ v for m, v in zip(g, x, strict=True)])
    torch.testing.assert_close(rep.act(g, x), each)
    torch.testing.assert_close(torch.func.vmap(rep.act)(g, x), each)
    torch.testing.assert_close(rep.act(g[0], x), x @ formula.rho(g[0]).mT)
    slopes = torch.stack([formula.drho(m) @ v for m, v in zip(g, x, strict=True)])
    torch.testing.assert_close(rep.drho_act(g, x), slopes)
    torch.testing.assert_close(rep.drho_act(g[0], x), x @ formula.drho(g[0]).mT)


@random_cases
@given(**CASES)
def test_the_summands_laid_side_by_side_are_the_representation(formula, group, seed):
    rep = formula.rep(group)
    g = group.sample(1, torch.Generator().manual_seed(seed))[0]
    assert sum(part.size for part in rep.summands) == rep.size
    together = torch.block_diag(*(part.rho(g) for part in rep.summands))
    torch.testing.assert_close(together, rep.rho(g))


@random_cases
@given(formula=FORMULAS, other=FORMULAS)
def test_equal_expressions_are_equal_values(formula, other):
    a, b = formula.rep(O(3)), other.rep(O(3))
    assert a == pickle.loads(pickle.dumps(a))  # noqa: S301 - our own bytes
    assert hash(a) == hash(formula.rep(O(3)))
    assert (a == b) == (repr(a) == repr(b))
    assert a.dual.dual == a


def test_the_differential_is_defined_on_all_matrices_and_bracket_preserving(group, generator):
    rep = (T(1, 1) + V.dual + Scalar)(group)
    A, B = torch.randn(2, group.dim, group.dim, generator=generator, dtype=torch.float64)
    bracket = rep.drho(A) @ rep.drho(B) - rep.drho(B) @ rep.drho(A)
    torch.testing.assert_close(rep.drho(A @ B - B @ A), bracket)


def test_the_dual_of_an_orthogonal_group_acts_as_the_representation(compact, generator):
    rep = (V * V + V)(compact)
    g = compact.sample(3, generator)
    torch.testing.assert_close(rep.dual.rho(g), rep.rho(g))


def test_pairing_a_vector_with_a_covector_is_invariant(unbounded, generator):
    rep = (2 * V + Scalar)(unbounded)
    g = unbounded.sample(5, generator)
    x, y = torch.randn(2, 5, rep.size, generator=generator, dtype=torch.float64)
    paired = (rep.act(g, x) * rep.dual.act(g, y)).sum(-1)
    torch.testing.assert_close(paired, (x * y).sum(-1))


@pytest.mark.parametrize(
    ("rep", "text"),
    [
        *((5 * Scalar + 5 * V, "5 Scalar + 5 V"), (V**2, "V ⊗ V"), (T(1, 1), "V ⊗ V*")),
        *((Scalar, "Scalar"), (V**0, "Scalar"), (Scalar * V, "V"), (V + V, "2 V")),
        *((2 * V * V, "2 (V ⊗ V)"), (V * (V + Scalar), "V ⊗ (V + Scalar)")),
        *((3 * (V + Scalar), "3 (V + Scalar)"), (V(SO(3)) * V(S(5)), "V(SO(3)) ⊗ V(S(5))")),
        *((V(SO(3)) + Scalar, "V + Scalar"), ((V + V.dual).dual, "V* + V")),
    ],
)
def test_a_representation_prints_as_in_the_literature(rep, text):
    assert str(rep) == text


def test_the_repr_names_the_group():
    assert repr(2 * V(O(3))) == "(2 V)(O(3))"


def test_summands_are_the_terms_with_copies_expanded():
    rep = (2 * Scalar + 2 * (V + T(2)))(SO(3))
    one, v, t = Scalar(SO(3)), V(SO(3)), T(2)(SO(3))
    assert rep.summands == (one, one, v, t, v, t)
    assert rep.size == 2 + 2 * (3 + 9)
    assert [part.rank for part in rep.summands] == [0, 0, 1, 2, 1, 2]


def test_only_scalars_are_trivial():
    assert (3 * Scalar)(SO(3)).is_trivial
    assert V(Trivial(2)).is_trivial
    assert not (3 * Scalar + V)(SO(3)).is_trivial


def test_the_result_keeps_the_dtype_of_the_data(generator):
    rep = (2 * Scalar + V + V.dual * V)(Lorentz())
    g = Lorentz().sample(3, generator)
    x = torch.randn(3, rep.size, generator=generator)
    assert rep.act(g, x).dtype == torch.float32
    assert rep.drho_act(g, x).dtype == torch.float32
    assert rep.rho(g).dtype == torch.float64


def test_an_empty_batch_stays_empty(generator):
    rep = (Scalar + V**2)(SO(3))
    empty = torch.zeros(0, rep.size)
    assert rep.act(SO(3).sample(0, generator), empty).shape == (0, 10)
    assert rep.act(SO(3).sample(1, generator)[0], empty).shape == (0, 10)


def test_many_vectors_are_moved_without_forming_the_matrix(generator):
    rep = (1000 * V + 1000 * Scalar)(SO(3))
    g, x = SO(3).sample(100, generator), torch.randn(100, rep.size, generator=generator)
    y = rep.act(g, x)[:, :3000].reshape(100, 1000, 3)
    torch.testing.assert_close(
        y, torch.einsum("nij,nkj->nki", g.float(), x[:, :3000].reshape(100, 1000, 3))
    )


class TestDirectProducts:
    """Representations of G × H."""

    group = SO(3) * S(5)

    def test_a_product_over_two_groups_belongs_to_their_direct_product(self, generator):
        rep = V(SO(3)) * V(S(5))
        assert rep.group == self.group
        g = self.group.sample(1, generator)[0]
        torch.testing.assert_close(rep.rho(g), kron(g[:3, :3], g[3:, 3:]))
        A = torch.randn(8, 8, generator=generator, dtype=torch.float64)
        one = torch.eye(3).double(), torch.eye(5).double()
        leibniz = kron(A[:3, :3], one[1]) + kron(one[0], A[3:, 3:])
        torch.testing.assert_close(rep.drho(A), leibniz)

    def test_the_defining_representation_is_block_diagonal(self, generator):
        g = self.group.sample(4, generator)
        torch.testing.assert_close(V(self.group).rho(g), g)

    def test_a_factor_is_lifted_by_calling_it_with_the_product(self, generator):
        rep = (V + 2 * Scalar)(SO(3))(self.group)
        g = self.group.sample(1, generator)[0]
        assert rep.group == self.group
        torch.testing.assert_close(rep.rho(g), torch.block_diag(g[:3, :3], torch.eye(2).double()))

    def test_a_factor_added_to_the_product_is_lifted(self):
        assert (V(S(5)) + V(self.group)).group == self.group
        assert (V(self.group) + V(S(5))).size == 13

    def test_lifting_a_product_moves_every_factor(self, generator):
        three = O(2) * self.group
        g = three.sample(2, generator)
        torch.testing.assert_close(V(self.group)(three).rho(g), g[:, 2:, 2:])

    def test_rebinding_addresses_the_factors(self):
        rep = (V(SO(3)) * V(S(5))).rebind(O(3) * S(5))
        assert rep.group == O(3) * S(5)
        with pytest.raises(InputError, match="cannot be rebound"):
            rep.rebind(O(8))


def test_rebinding_keeps_the_expression_and_changes_the_group(generator):
    rep = (3 * V + V.dual)(O(4)).rebind(Lorentz())
    assert rep == (3 * V + V.dual)(Lorentz())


def test_rebinding_to_another_dimension_is_refused():
    with pytest.raises(InputError, match="acts on \\[4\\] dimensions, not \\[3\\]"):
        V(O(3)).rebind(O(4))


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: V**-1, "power of V is -1"),
        (lambda: 0 * V, "copies of V is 0"),
        (lambda: T(-1), "power of V is -1"),
        (lambda: V.size, "no group yet"),
        (lambda: V.act(torch.eye(3), torch.ones(3)), "no group yet"),
        (lambda: V(SO(3)) + V(SO(4)), "different groups"),
        (lambda: V(SO(3))(SO(4)), "cannot become"),
        (lambda: V(SO(3))(SO(3) * SO(3)), "not a unique factor"),
        (lambda: (V + Scalar)(SO(3)).rank, "has no rank"),
        (
            lambda: V(SO(3)).act(torch.eye(4), torch.ones(3)),
            r"\[..., 3, 3\] matrices, got \[4, 4\]",
        ),
        (lambda: V(SO(3)).act(torch.eye(3), torch.ones(4)), r"acts on \[..., 3\], got \[4\]"),
    ],
)
def test_a_mistake_is_named(mistake, message):
    with pytest.raises(InputError, match=message):
        mistake()


def test_only_representations_and_counts_combine():
    with pytest.raises(TypeError):
        V + 3
    with pytest.raises(TypeError):
        V * 1.5


def test_a_representation_cannot_be_changed():
    with pytest.raises(AttributeError):
        V(SO(3)).bound = O(3)
    assert isinstance(V, Representation)

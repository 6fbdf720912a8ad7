"""Laws that hold for every group; membership is tested by each group's own structure."""

from __future__ import annotations

import math
import pickle

import pytest
import torch

from symbench.errors import InputError
from symbench.groups import (
    GL,
    SE,
    SL,
    SO,
    SU,
    C,
    D,
    E,
    Group,
    Lorentz,
    O,
    S,
    Scaling,
    Sp,
    Trivial,
    U,
    Z,
)

TOLERANCE = 1e-9


def _close(a, b):
    return bool((a - b).abs().max() < TOLERANCE) if a.numel() else True


def _is_orthogonal(g):
    return _close(g @ g.mT, torch.eye(g.shape[-1], dtype=g.dtype).expand_as(g))


def _det_is_one(g):
    return _close(torch.linalg.det(g), torch.ones(len(g), dtype=g.dtype))


def _complex(g):
    n = g.shape[-1] // 2
    assert _close(g[:, :n, :n], g[:, n:, n:])
    assert _close(g[:, :n, n:], -g[:, n:, :n])
    return torch.complex(g[:, :n, :n], g[:, n:, :n])


def _is_unitary(z):
    return _close((z @ z.mH).abs(), torch.eye(z.shape[-1]).double().expand(z.shape))


def _is_permutation(g):
    return bool(((g == 0) | (g == 1)).all() and (g.sum(-1) == 1).all() and (g.sum(-2) == 1).all())


def _is_shift(g):
    return all(torch.equal(g.roll((1, 1), (1, 2)), g) for _ in range(1)) and _is_permutation(g)


def _keeps_polygon(g, k):
    angle = 2 * math.pi / k * torch.arange(k).double()
    corners = torch.stack([angle.cos(), angle.sin()])
    nearest = torch.cdist((g @ corners).mT, corners.mT.expand(len(g), k, 2)).min(-1).values
    return bool((nearest < 1e-7).all()) and _is_orthogonal(g)


def _keeps_form(group, g):
    signs = [1.0] * group.p + [-1.0] * group.q
    form = torch.diag(torch.tensor(signs, dtype=torch.float64))
    return _close(g.mT @ form @ g, form.expand_as(g))


def _is_euclidean(g):
    last = torch.zeros_like(g[:, -1])
    last[:, -1] = 1
    return torch.equal(g[:, -1], last) and _is_orthogonal(g[:, :-1, :-1])


def _is_symplectic(g):
    n = g.shape[-1] // 2
    q, p = g[:, :n], g[:, n:]
    one = torch.eye(n, dtype=g.dtype).expand(len(g), n, n)
    form = torch.cat([torch.cat([0 * one, one], 2), torch.cat([-one, 0 * one], 2)], 1)
    assert q.shape == p.shape
    return _close(g.mT @ form @ g, form)


MEMBER = {
    SO: lambda G, g: _keeps_form(G, g) and _det_is_one(g),
    O: _keeps_form,
    SU: lambda G, g: _is_unitary(_complex(g)) and _det_is_one(_complex(g)),
    U: lambda G, g: _is_unitary(_complex(g)),
    Sp: lambda G, g: _is_symplectic(g),
    SL: lambda G, g: _det_is_one(g),
    GL: lambda G, g: bool((torch.linalg.det(g).abs() > 1e-6).all()),
    SE: lambda G, g: _is_euclidean(g) and _det_is_one(g),
    E: lambda G, g: _is_euclidean(g),
    Scaling: lambda G, g: (
        _close(g, g[:, :1, :1] * torch.eye(G.dim)) and bool((g[:, 0, 0] > 0).all())
    ),
    S: lambda G, g: _is_permutation(g),
    Z: lambda G, g: _is_shift(g),
    C: lambda G, g: _det_is_one(g) and _keeps_polygon(g, G.order),
    D: lambda G, g: _keeps_polygon(g, G.order // 2),
    Trivial: lambda G, g: torch.equal(g, torch.eye(G.dim).double().expand_as(g)),
}


def belongs(group: Group, g: torch.Tensor) -> bool:
    """Whether all g [n, d, d] are in the group, block by block for a product."""
    blocks = torch.zeros_like(g)
    start, answers = 0, []
    for factor in group.factors:
        span = slice(start, start + factor.dim)
        blocks[:, span, span] = g[:, span, span]
        answers.append(MEMBER[type(factor)](factor, g[:, span, span]))
        start += factor.dim
    return all(answers) and torch.equal(blocks, g)


def test_samples_belong_to_the_group_as_do_their_products_and_inverses(group, generator):
    g, h = group.sample(20, generator), group.sample(20, generator)
    assert g.shape == (20, group.dim, group.dim)
    assert g.dtype == torch.float64
    assert belongs(group, g)
    inexact = not all(isinstance(f, S | Z | Trivial) for f in group.factors)
    inverse = torch.linalg.inv(g)
    for element in (g @ h, inverse if inexact else inverse.round()):
        snapped = torch.where((element - element.round()).abs() < 1e-12, element.round(), element)
        assert belongs(group, snapped)


def test_discrete_generators_and_exponentials_of_the_algebra_belong_to_the_group(group, generator):
    assert belongs(group, group.discrete)
    weights = torch.randn(10, len(group.algebra), generator=generator, dtype=torch.float64)
    A = torch.einsum("nk,kij->nij", weights, group.algebra)
    assert belongs(group, torch.linalg.matrix_exp(A))


def test_the_algebra_is_an_orthogonal_basis_closed_under_brackets(group):
    flat = group.algebra.flatten(1)
    gram = flat @ flat.mT
    assert _close(gram, torch.diag(gram.diagonal()))
    assert bool((gram.diagonal() > 0.1).all())
    product = torch.einsum("aij,bjk->abik", group.algebra, group.algebra)
    bracket = (product - product.transpose(0, 1)).flatten(0, 1).flatten(1)
    unit = flat / gram.diagonal().sqrt()[:, None]
    assert _close(bracket, bracket @ unit.mT @ unit)


def test_the_form_is_kept_by_samples_generators_and_algebra(group, generator):
    if group.form is None:
        assert not group.is_orthogonal
        return
    form = group.form
    for g in (group.sample(10, generator), group.discrete):
        assert _close(g.mT @ form @ g, form.expand_as(g))
    assert _close(group.algebra.mT @ form + form @ group.algebra, 0 * group.algebra)


def test_orthogonal_groups_are_those_whose_samples_are_orthogonal(group, generator):
    assert group.is_orthogonal == _is_orthogonal(group.sample(10, generator))


def test_compact_groups_are_exactly_those_so_listed(compact):
    assert compact.is_compact
    assert all(factor.sampler_law == "Haar" for factor in compact.factors)


def test_groups_that_are_not_compact_state_their_law(unbounded):
    if unbounded not in (SL(1), SE(1) * SE(1)):
        assert not unbounded.is_compact or unbounded.dim == 1
    assert "uniform in [-" in unbounded.sampler_law


def test_minus_one_is_declared_only_by_groups_that_contain_it(group):
    minus = -torch.eye(group.dim, dtype=torch.float64)[None]
    assert group.negation == belongs(group, minus + 0.0)


@pytest.mark.parametrize(
    ("made", "dimension"),
    [
        *((SO(n), n * (n - 1) // 2) for n in (1, 2, 3, 5, 8)),
        *((O(n), n * (n - 1) // 2) for n in (1, 3)),
        *((SO(1, 3), 6), (Lorentz(), 6), (SU(3), 8), (U(3), 9), (SU(1), 0)),
        *((Sp(1), 3), (Sp(3), 21), (SL(3), 8), (GL(3), 9), (SE(3), 6), (E(2), 3)),
        *((Scaling(4), 1), (S(5), 0), (Z(5), 0), (C(4), 0), (D(4), 0), (Trivial(2), 0)),
        (SO(3) * SU(2), 6),
    ],
    ids=str,
)
def test_the_algebra_has_the_dimension_of_the_group(made, dimension):
    assert len(made.algebra) == dimension


def test_a_seed_fixes_the_sample_and_the_global_stream_is_left_alone(group):
    before = torch.get_rng_state()
    one, two, other = (group.sample(5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert torch.equal(before, torch.get_rng_state())
    if len(group.algebra):
        assert not torch.equal(one, other)


def test_a_sample_of_none_is_empty(group, generator):
    assert group.sample(0, generator).shape == (0, group.dim, group.dim)


@pytest.mark.parametrize("indefinite", [SO(1, 1), SO(1, 3), O(1, 1), O(2, 2), Lorentz()], ids=str)
def test_indefinite_groups_are_sampled_on_every_component(indefinite, generator):
    g = indefinite.sample(200, generator)
    p = indefinite.p
    signs = {
        (float(torch.linalg.det(m[:p, :p]).sign()), float(torch.linalg.det(m[p:, p:]).sign()))
        for m in g
    }
    assert len(signs) == (4 if isinstance(indefinite, O) else 2)


@pytest.mark.parametrize("two_parts", [O(3), E(2), GL(3), D(3)], ids=str)
def test_groups_with_reflections_are_sampled_on_both_sides(two_parts, generator):
    positive = (torch.linalg.det(two_parts.sample(400, generator)) > 0).double().mean()
    assert abs(float(positive) - 0.5) < 0.13


@pytest.mark.parametrize("bound", [0.1, 1.0, 2.0])
def test_boosts_stay_within_the_stated_rapidity(bound, generator):
    energy = Lorentz(max_rapidity=bound).sample(500, generator)[:, 0, 0].abs()
    assert math.cosh(0.9 * bound) < float(energy.max()) <= math.cosh(bound) + 1e-9


def test_every_permutation_of_four_is_equally_likely(generator):
    g = S(4).sample(12_000, generator).argmax(-2)
    _, counts = g.unique(dim=0, return_counts=True)
    assert len(counts) == 24
    chi_square = float(((counts - 500.0) ** 2 / 500).sum())
    assert chi_square < 55  # the 0.0002 tail of 23 degrees of freedom


@pytest.mark.parametrize(
    ("made", "name"),
    [
        *((SO(3), "SO(3)"), (SO(1, 3), "SO(1,3)"), (O(5), "O(5)"), (Lorentz(), "O(1,3)")),
        *((SU(2), "SU(2)"), (U(2), "U(2)"), (Sp(2), "Sp(2)"), (SL(2), "SL(2)"), (GL(2), "GL(2)")),
        *((SE(3), "SE(3)"), (E(2), "E(2)"), (Scaling(3), "Scaling(3)"), (S(4), "S(4)")),
        *((C(4), "C(4)"), (D(6), "D(6)"), (Z(7), "Z(7)"), (Trivial(1), "Trivial(1)")),
        (SO(2) * Trivial(1), "SO(2) × Trivial(1)"),
        (O(2) * (S(3) * Z(2)), "O(2) × S(3) × Z(2)"),
    ],
)
def test_groups_print_their_mathematical_names_and_are_equal_by_them(made, name):
    assert str(made) == repr(made) == made.name == name
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert again == made
    assert hash(again) == hash(made)
    assert made != SO(11)
    assert made != name


def test_a_group_is_its_own_single_factor_and_products_are_flat():
    assert SO(3).factors == (SO(3),)
    assert (SO(2) * (S(3) * Z(2))).factors == (SO(2), S(3), Z(2))


@pytest.mark.parametrize("kind", [SO, O, SU, U, Sp, SL, GL, SE, E, Scaling, S, C, D, Z, Trivial])
@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "3"])
def test_a_wrong_size_is_refused_with_the_value_named(kind, wrong):
    with pytest.raises(InputError, match="integer of at least 1"):
        kind(wrong)


def test_a_wrong_second_size_is_refused():
    with pytest.raises(InputError, match="q is -1"):
        SO(1, -1)


class Pixels(Group):
    """Quarter turns of a 2 × 2 image with a made-up infinitesimal generator, as a plugin would."""

    def __init__(self, algebra):
        super().__init__("pixels", algebra)

    def sample(self, count, generator):
        angle = torch.rand(count, 1, 1, generator=generator, dtype=torch.float64)
        return torch.linalg.matrix_exp(angle * self.algebra)


def test_a_plugin_needs_a_name_an_algebra_and_a_sampler(generator):
    A = torch.zeros(1, 4, 4)
    A[0, 0, 1], A[0, 1, 0] = 1, -1
    mine = Pixels(A)
    assert mine.dim == 4
    assert mine.is_orthogonal
    assert mine.discrete.shape == (0, 4, 4)
    assert _is_orthogonal(mine.sample(3, generator))
    assert (mine * SO(2)).dim == 6


def test_an_oblique_algebra_is_refused():
    with pytest.raises(InputError, match="not a Frobenius-orthogonal"):
        Pixels(torch.ones(2, 4, 4))


def test_an_algebra_that_is_no_stack_of_square_matrices_is_refused():
    with pytest.raises(InputError, match="stack its matrices"):
        Pixels(torch.ones(4, 4))

"""Dimensions of equivariant bases by averages, Weyl integrals and the irreps of e3nn."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from symbench.groups import (
    GL,
    SO,
    SU,
    C,
    D,
    Group,
    Lorentz,
    O,
    S,
    Scalar,
    Sp,
    T,
    U,
    V,
    Z,
    equivariant_basis,
    invariant_basis,
)


def test_haar_averages_are_the_projectors_on_the_invariants(compact, generator):
    """E[g] and E[g ⊗ g]: an independent check of the sampler and of the basis."""
    g = compact.sample(4000, generator)
    for rep in (V(compact), (V**2)(compact)):
        if rep.size > 64:
            continue
        mean = rep.rho(g).mean(0)
        basis = invariant_basis(rep)
        error = (mean - basis.mT @ basis).abs().max()
        assert float(error) < 5 / math.sqrt(len(g))


def test_moments_of_the_trace_count_invariants(compact, generator):
    trace = compact.sample(6000, generator).diagonal(dim1=-2, dim2=-1).sum(-1)
    for k in (1, 2, 3, 4):
        powers = trace**k
        error = 5 * float(powers.std()) / math.sqrt(len(trace)) + 1e-9
        if compact.dim**k <= 1300:
            assert abs(float(powers.mean()) - len(invariant_basis((V**k)(compact)))) < error


def _elements(group):
    """All matrices of a finite group, from its generators."""
    found = {tuple(m.round(decimals=6).add(0.0).flatten().tolist()): m for m in group.discrete}
    while True:
        products = [a @ b for a, b in itertools.product(found.values(), group.discrete)]
        new = {tuple(m.round(decimals=6).add(0.0).flatten().tolist()): m for m in products}
        if new.keys() <= found.keys():
            return found.values()
        found = {**new, **found}


@pytest.mark.parametrize("finite", [S(3), S(4), Z(4), C(3), C(5), D(3), D(4), D(5)], ids=str)
def test_the_average_over_a_finite_group_is_the_projector(finite):
    matrices = torch.stack(list(_elements(finite)))
    for rep in (V(finite), (V**2 + V)(finite), (V**3)(finite)):
        basis = invariant_basis(rep)
        torch.testing.assert_close(rep.rho(matrices).mean(0), basis.mT @ basis)


class Listed(Group):
    """A finite group given by generators, sampled by random words in them."""

    def __init__(self, name, discrete):
        super().__init__(name, torch.zeros(0, *discrete.shape[1:]), discrete)

    def sample(self, count, generator):
        word = torch.randint(len(self.discrete), (count, 12), generator=generator)
        g = torch.eye(self.dim).double().expand(count, -1, -1)
        for k in range(12):
            g = g @ self.discrete[word[:, k]]
        return g


def _permutations(*images):
    return torch.stack([torch.eye(len(image))[:, list(image)].mT.double() for image in images])


def test_the_alternating_group_has_more_invariants_than_the_symmetric():
    alternating = Listed("Alt(5)", _permutations([1, 2, 0, 3, 4], [1, 2, 3, 4, 0]))
    assert len(invariant_basis((V**5)(alternating))) == 63
    assert len(invariant_basis((V**5)(S(5)))) == 52


def test_the_faces_of_the_cube_have_the_known_number_of_invariants():
    cube = Listed("Cube", _permutations([0, 1, 4, 5, 3, 2], [4, 5, 2, 3, 1, 0]))
    assert [len(invariant_basis((V**k)(cube))) for k in range(1, 5)] == [1, 3, 12, 60]


def _embedded(group):
    """A 2-d group acting on R^3 about the z axis, as one group instead of a product."""
    one = torch.eye(3).double().repeat(len(group.discrete), 1, 1)
    one[:, :2, :2] = group.discrete
    return Listed(f"{group} about z", one)


@pytest.mark.parametrize(
    ("group", "dimensions"),
    [(D(6), [1, 2, 4, 10, 26, 72]), (D(2), [1, 3, 7, 21, 61, 183])],
    ids=str,
)
def test_dihedral_groups_about_an_axis_have_the_number_that_their_characters_give(
    group, dimensions
):
    matrices = list(_elements(_embedded(group)))
    counts = [
        round(sum(float(g.trace()) ** k for g in matrices) / len(matrices)) for k in range(1, 7)
    ]
    found = [len(invariant_basis((V**k)(_embedded(group)))) for k in range(1, 7)]
    assert found == counts == dimensions


def _torus(rank, points=24):
    angle = 2 * math.pi / points * torch.arange(points).double()
    return torch.stack(torch.meshgrid(*[angle] * rank, indexing="ij")).flatten(1)


def _weyl_orthogonal(n, k):
    """∫ over SO(n) of tr(g)^k (Weyl 1939, chapter VII), exact for a fine enough grid."""
    t = _torus(n // 2)
    density = torch.ones(t.shape[1]).double()
    for i, j in itertools.combinations(range(len(t)), 2):
        density = density * (t[i].cos() - t[j].cos()) ** 2
    if n % 2:
        density = density * (1 - t.cos()).prod(0)
    return float((density * (2 * t.cos().sum(0) + n % 2) ** k).sum() / density.sum())


def _weyl_symplectic(n, k):
    """∫ over the compact form of Sp(n) of tr(g)^k; the real form has the same invariants."""
    t = _torus(n)
    density = t.sin().square().prod(0)
    for i, j in itertools.combinations(range(n), 2):
        density = density * (t[i].cos() - t[j].cos()) ** 2
    return float((density * (2 * t.cos().sum(0)) ** k).sum() / density.sum())


def _weyl_unitary(n, p, q):
    """∫ over U(n) of tr(g)^p conj(tr g)^q; GL(n) has the same invariants."""
    t = torch.exp(1j * _torus(n))
    density = torch.ones(t.shape[1]).double()
    for i, j in itertools.combinations(range(n), 2):
        density = density * (t[i] - t[j]).abs() ** 2
    trace = t.sum(0)
    return float((density * trace**p * trace.conj() ** q).sum().real / density.sum())


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_orthogonal_invariants_are_counted_by_the_weyl_integral(n):
    for k in range(6 if n < 5 else 5):
        count = _weyl_orthogonal(n, k)
        assert len(invariant_basis((V**k)(SO(n)))) == pytest.approx(count, abs=1e-6)


def test_indefinite_forms_have_the_invariants_of_the_definite_ones():
    for k in range(6):
        definite = len(invariant_basis((V**k)(O(4))))
        assert len(invariant_basis((V**k)(Lorentz()))) == definite
        assert len(invariant_basis((V**k)(O(2, 2)))) == definite


@pytest.mark.parametrize("n", [1, 2])
def test_symplectic_invariants_are_counted_by_the_weyl_integral(n):
    for k in range(6):
        count = _weyl_symplectic(n, k)
        assert len(invariant_basis((V**k)(Sp(n)))) == pytest.approx(count, abs=1e-6)


@pytest.mark.parametrize("n", [2, 3])
def test_linear_invariants_are_counted_by_the_weyl_integral(n):
    for p, q in [(1, 1), (2, 2), (3, 3), (2, 1), (3, 1)]:
        count = _weyl_unitary(n, p, q)
        assert len(invariant_basis(T(p, q)(GL(n)))) == pytest.approx(count, abs=1e-6)


@pytest.mark.parametrize(("group", "n"), [(U(1), 1), (U(2), 2), (U(3), 3)], ids=str)
def test_realified_unitary_invariants_are_counted_over_both_conjugates(group, n):
    for k in range(5 if n < 3 else 4):
        count = sum(math.comb(k, p) * _weyl_unitary(n, p, k - p) for p in range(k + 1))
        assert len(invariant_basis((V**k)(group))) == pytest.approx(count, abs=1e-6)


def test_special_unitary_groups_add_the_determinant():
    assert len(invariant_basis((V**3)(U(3)))) == 0
    assert len(invariant_basis((V**3)(SU(3)))) == 2  # its real and imaginary parts


def _irreps(pieces, parity):
    """The e3nn irreps of sums of powers of V: pieces is {power: copies}."""
    o3 = pytest.importorskip("e3nn.o3")
    total = []
    for power, copies in pieces.items():
        irreps = o3.Irreps("0e")
        for _ in range(power):
            irreps = o3.Irreps(
                [
                    (mul, out)
                    for mul, ir in irreps
                    for out in ir * o3.Irrep("1o" if parity else "1e")
                ]
            )
        total += [(copies * mul, ir) for mul, ir in irreps]
    return o3.Irreps(total)


@pytest.mark.parametrize(("group", "parity"), [(SO(3), False), (O(3), True)], ids=str)
def test_maps_are_counted_by_the_irreps_of_e3nn(group, parity):
    source, target = {0: 2, 1: 3, 2: 1}, {0: 1, 1: 2, 3: 1}
    a, b = _irreps(source, parity), _irreps(target, parity)
    count = sum(a.count(ir) * b.count(ir) for ir in {ir for _, ir in a})
    reps = [
        sum((n * V**k for k, n in list(pieces.items())[1:]), start=pieces[0] * Scalar)(group)
        for pieces in (source, target)
    ]
    assert len(equivariant_basis(*reps)) == count

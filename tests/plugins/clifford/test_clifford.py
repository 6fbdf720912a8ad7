"""The geometric product, and the network on multivectors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_clifford.algebra import Algebra
from symbench_clifford.models import Clifford, CliffordConfig
from symbench_vectors.tasks import O3Inertia, O5Invariant

from symbench import Problem, Symmetry, problem, seeded
from symbench.groups import SO, Lorentz, O, Scalar, V

SIGNATURES = [(1, 1), (1, 1, 1), (1, -1, -1, -1), (1, 1, 1, 1, 1)]
seeds = st.integers(0, 10**6)


def multivectors(algebra: Algebra, count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, algebra.size, generator=seeded(seed), dtype=torch.float64)


@pytest.mark.parametrize("signs", SIGNATURES)
@settings(max_examples=20)
@given(seed=seeds)
def test_the_product_is_associative_and_has_a_unit(signs, seed):
    algebra = Algebra(signs)
    x, y, z = multivectors(algebra, 3, seed)
    product = algebra.product
    assert torch.allclose(product(product(x, y), z), product(x, product(y, z)), atol=1e-10)
    one = torch.eye(algebra.size, dtype=torch.float64)[0]
    assert torch.equal(product(one, x), x)
    assert torch.equal(product(x, one), x)


@pytest.mark.parametrize("signs", SIGNATURES)
@settings(max_examples=20)
@given(seed=seeds)
def test_vectors_anticommute_up_to_their_inner_product(signs, seed):
    algebra = Algebra(signs)
    v, w = torch.randn(2, len(signs), generator=seeded(seed), dtype=torch.float64)
    a, b = algebra.vector(v), algebra.vector(w)
    total = algebra.product(a, b) + algebra.product(b, a)
    inner = 2 * (v * w * torch.tensor(signs)).sum()
    assert torch.allclose(total[0], inner)
    assert torch.allclose(total[1:], torch.zeros_like(total[1:]), atol=1e-12)


def test_the_product_of_unit_vectors_of_space_is_that_of_quaternions():
    algebra = Algebra((1, 1, 1))
    e = algebra.vector(torch.eye(3, dtype=torch.float64))
    i, j, k = (-algebra.product(e[a], e[b]) for a, b in ((1, 2), (2, 0), (0, 1)))
    assert torch.equal(algebra.product(i, j), k)
    assert torch.equal(algebra.product(j, k), i)
    assert torch.equal(algebra.product(i, i)[:1], -torch.ones(1, dtype=torch.float64))


def told(group, count: int, output) -> Problem:
    law = Symmetry(group, (Scalar + count * V)(group), output(group))
    return Problem("vectors", "mse", (law.input.size,), (law.output.size,), law)


def violation(view: Problem) -> float:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Clifford(CliffordConfig()).build(view).double().eval()
    law, n = view.symmetry, 32
    x = torch.randn(n, view.input_size, generator=seeded("x"), dtype=torch.float64)
    g = law.group.sample(n, seeded("g"))
    with torch.no_grad():
        y = law.output.act(g, module(x))
        moved = module(law.input.act(g, x))
    return float((moved - y).norm() / y.norm())


@pytest.mark.parametrize(
    ("group", "bound"),
    [(O(3), 1e-12), (O(5), 1e-12), (SO(3), 1e-12), (SO(4), 1e-12), (Lorentz(), 1e-12)],
    ids=str,
)
@pytest.mark.parametrize("output", [Scalar, V, 2 * Scalar + V], ids=str)
def test_the_network_is_equivariant(group, bound, output):
    assert violation(told(group, 3, output)) < bound


def cross(x: torch.Tensor) -> torch.Tensor:
    return torch.linalg.cross(x[:, 1:4], x[:, 4:7], dim=1)


def test_only_the_network_of_so3_reads_the_orientation():
    x = torch.randn(64, 7, generator=seeded("x"), dtype=torch.float64)
    for group, sees in ((O(3), False), (SO(3), True)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            net = Clifford(CliffordConfig()).build(told(group, 2, V)).double().eval()
        with torch.no_grad():
            along = (net(x) * cross(x)).sum(1)
        assert bool((along.abs() > 1e-6).any()) == sees


def test_what_multivectors_cannot_hold_is_declined():
    assert "V ⊗ V" in Clifford().accepts(problem(O3Inertia(), Clifford))
    assert "6 dimensions" in Clifford().accepts(told(O(7), 2, Scalar))
    assert Clifford().accepts(problem(O5Invariant(), Clifford)) is None

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from symbench.groups import SO
from symbench.metrics.algebra import (
    Whitening,
    closure_error,
    null_space,
    orthonormal,
    orthonormalising,
    principal_cosines,
)


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 100))
def test_principal_cosines_agree_with_scipy(k, other, seed):
    first, second = normal(k, 8, seed=seed), normal(other, 8, seed=seed + 1000)
    cosines = principal_cosines(orthonormal(first), orthonormal(second))
    expected = np.cos(np.sort(subspace_angles(first.numpy().T, second.numpy().T)))
    assert cosines.numpy() == pytest.approx(expected, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100))
def test_whitening_gives_the_weighted_product(seed):
    x = normal(50, 4, seed=seed) @ normal(4, 4, seed=seed + 1)
    moment, A, B = x.mT @ x / 50, normal(4, 4, seed=seed + 2), normal(4, 4, seed=seed + 3)
    whitening = Whitening.of(moment)
    product = (whitening(A) * whitening(B)).sum()
    weighted = (torch.linalg.inv(moment) @ A @ moment @ B.mT).trace()
    assert float(product) == pytest.approx(float(weighted), rel=1e-6, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100))
def test_whitened_products_do_not_depend_on_the_basis(seed):
    x, M = normal(50, 4, seed=seed), normal(4, 4, seed=seed + 1) + 3 * torch.eye(4)
    A, B = normal(2, 4, 4, seed=seed + 2)
    inverse = torch.linalg.inv(M)
    plain, changed = (Whitening.of(v.mT @ v / 50) for v in (x, x @ M.mT))
    product = (plain(A) * plain(B)).sum()
    other = (changed(M @ A @ inverse) * changed(M @ B @ inverse)).sum()
    assert float(other) == pytest.approx(float(product), rel=1e-8, abs=1e-8)


def test_whitening_keeps_to_the_span_of_the_data():
    x = normal(50, 3) @ normal(3, 5, seed=1)
    whitening = Whitening.of(x.mT @ x / 50)
    z = x @ whitening.whiten.mT
    assert whitening.whiten.shape == (3, 5)
    assert torch.allclose(z.mT @ z / 50, torch.eye(3).double(), atol=1e-10)
    assert torch.allclose(z @ whitening.colour.mT, x, atol=1e-10)


def test_whitened_elementary_matrices_are_elementary():
    x = normal(50, 4) * torch.tensor([1.0, 2.0, 3.0, 4.0])
    whitening = Whitening.of(x.mT @ x / 50)
    flat = whitening(whitening.elementary()).flatten(1)
    assert torch.allclose(flat, torch.eye(16).double(), atol=1e-10)


def test_a_combination_of_generators_adds_nothing_to_their_span():
    rows = normal(3, 8)
    repeated = torch.cat([rows, rows[:1] + rows[1:2], 1e-9 * normal(1, 8, seed=5)])
    assert len(orthonormal(repeated)) == 3
    assert len(orthonormal(torch.zeros(2, 8))) == len(orthonormal(torch.zeros(0, 8))) == 0


def test_orthonormalising_combinations_do_what_they_say():
    rows = torch.cat([normal(3, 8), normal(3, 8)[:1] * 1e-3]) * torch.tensor([[1e5, 1, 1e-5, 1]]).mT
    basis = orthonormalising(rows) @ rows
    assert torch.allclose(basis @ basis.mT, torch.eye(3).double(), atol=1e-9)


def test_an_algebra_is_closed_and_a_part_of_it_is_not():
    rows = orthonormal(SO(5).algebra.flatten(1))
    assert closure_error(rows, 5) == pytest.approx(0, abs=1e-14)
    assert closure_error(rows[:1], 5) == 0
    assert closure_error(rows[:3], 5) > 0.3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100))
def test_the_closure_error_is_that_of_the_brackets_whatever_the_basis(seed):
    rows = orthonormal(normal(4, 9, seed=seed))
    mixed = torch.linalg.qr(normal(4, 4, seed=seed + 1)).Q @ rows
    A = rows.view(4, 3, 3).numpy()
    P = rows.numpy().T @ rows.numpy()
    outside = [
        np.linalg.norm((np.eye(9) - P) @ (a @ b - b @ a).ravel()) ** 2
        for a, b in permutations(A, 2)
    ]
    unit = (2 / 3) * (1 - 1 / 9)
    assert closure_error(rows, 3) == pytest.approx(np.sqrt(np.mean(outside) / unit))
    assert closure_error(mixed, 3) == pytest.approx(closure_error(rows, 3))


def test_a_random_span_is_as_open_as_the_share_outside_it():
    found = [closure_error(orthonormal(normal(10, 25, seed=seed)), 5) for seed in range(50)]
    assert sum(found) / 50 == pytest.approx(np.sqrt(15 / 25), rel=0.05)


def test_a_small_error_of_commuting_generators_is_a_small_error():
    exact = torch.stack([torch.eye(3).double(), torch.diag(torch.tensor([1.0, 2, 3]).double())])
    rows = orthonormal(exact.flatten(1) + 1e-3 * normal(2, 9))
    assert closure_error(rows, 3) < 0.01


def test_a_null_space_needs_zeros_to_rounding_and_a_gap():
    assert null_space(torch.tensor([1e-31, 1e-30, 0.5, 1.0]).double()) == 2
    assert null_space(torch.tensor([1e-3, 0.5, 1.0]).double()) is None
    assert null_space(torch.tensor([1e-16, 2e-14, 1.0, 1.0]).double()) is None

"""Finite groups by their elements, and distances in O(d)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench import InputError
from symbench.groups import SO, C, D, Finite, O, S, Trivial, Z, elements_of, generated, geodesic


def orthogonal(d, count, seed):
    return O(d).sample(count, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("group", "order"),
    [
        (C(1), 1),
        (C(7), 7),
        (D(4), 8),
        (S(1), 1),
        (S(4), 24),
        (S(6), 720),
        (Z(5), 5),
        (Trivial(3), 1),
        (C(7) * Trivial(1), 7),
        (S(3) * S(2), 12),
    ],
)
def test_a_finite_group_has_as_many_elements_as_the_theorem_says(group, order):
    elements = elements_of(group)
    assert len(elements) == order
    assert torch.equal(elements[0], torch.eye(group.dim).double())
    products = (elements[:, None] @ elements[:24]).flatten(0, 1).flatten(1)
    assert float(torch.cdist(products, elements.flatten(1)).min(1).values.max()) < 1e-6
    apart = torch.cdist(elements.flatten(1), elements.flatten(1)) + torch.eye(order).double()
    assert float(apart.min()) > 0.1


def test_an_infinite_or_very_large_group_has_no_list():
    assert elements_of(SO(3)) is None
    assert elements_of(S(7)) is None
    turn = torch.tensor([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]]).double()
    assert generated(turn[None]) is None
    with pytest.raises(InputError, match="more than 1024"):
        Finite("turns by one radian", turn[None])


def test_samples_of_a_finite_group_are_uniform():
    group = Finite("D(3) by its generators", D(3).discrete)
    drawn = group.sample(6000, torch.Generator().manual_seed(0)).flatten(1)
    nearest = torch.cdist(drawn, group.elements.flatten(1)).argmin(1)
    counts = torch.bincount(nearest, minlength=6).double()
    assert float((counts - 1000).abs().max()) < 5 * math.sqrt(1000)


@given(st.floats(-math.pi, math.pi), st.integers(0, 100))
def test_the_distance_of_two_rotations_is_the_angle_between_them(angle, seed):
    frame = SO(3).sample(1, torch.Generator().manual_seed(seed))[0]
    generator = torch.zeros(3, 3).double()
    generator[0, 1], generator[1, 0] = -1, 1
    turn = torch.linalg.matrix_exp(angle * frame @ generator @ frame.mT)
    start = SO(3).sample(1, torch.Generator().manual_seed(seed + 1))
    assert float(geodesic(start, start @ turn)) == pytest.approx(abs(angle), abs=1e-6)


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_the_distance_is_an_invariant_metric(d, seed):
    a, b, c, left, right = orthogonal(d, 5, seed)[:, None]
    ab = float(geodesic(a, b))
    assert float(geodesic(a, a)) == pytest.approx(0, abs=1e-6)
    assert float(geodesic(b, a)) == pytest.approx(ab, abs=1e-6)
    assert float(geodesic(left @ a @ right, left @ b @ right)) == pytest.approx(ab, abs=1e-6)
    assert float(geodesic(a, c)) <= ab + float(geodesic(b, c)) + 1e-6


def test_a_matrix_that_is_not_orthogonal_is_as_far_as_it_stretches():
    one = torch.eye(2).double()[None]
    assert float(geodesic(math.e * one, one)) == pytest.approx(1)
    assert math.isinf(float(geodesic(0 * one, one)))
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double()[None]
    assert float(geodesic(swap, one)) == pytest.approx(math.pi / math.sqrt(2))

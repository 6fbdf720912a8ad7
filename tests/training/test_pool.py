"""A pool of group elements moves each example by the element that was drawn for it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symbench.groups import O, S, T, V
from symbench.training.objective import batch_indices
from symbench.training.pool import Pool, occurrences, room


def drawn(pool, batch, updates=3, seed=0):
    return batch_indices(pool, batch, updates, torch.Generator().manual_seed(seed))


@given(st.integers(1, 9), st.integers(1, 40), st.integers(0, 99))
def test_an_element_has_room_for_all_its_examples(pool, batch, seed):
    elements = drawn(pool, batch, seed=seed)
    nth = occurrences(elements)
    assert int(nth.max()) < room(batch, pool)
    for row, ranks in zip(elements.tolist(), nth.tolist(), strict=True):
        assert ranks == [row[:i].count(element) for i, element in enumerate(row)]


def pool_of(group, trials, size):
    generators = [torch.Generator().manual_seed(seed) for seed in range(trials)]
    return torch.stack([group.sample(size, g).double() for g in generators])


@pytest.mark.parametrize("group", [O(3), S(4)], ids=str)
@pytest.mark.parametrize("batch", [3, 5, 12])
def test_examples_are_moved_by_their_own_elements(group, batch):
    trials, size = 2, 5
    rho = (T(2) + 2 * V)(group)
    elements = torch.stack([drawn(size, batch, 1, seed)[0] for seed in range(trials)])
    pool = Pool(pool_of(group, trials, size), room(batch, size))
    places = elements * pool.room + occurrences(elements)
    values = torch.randn(trials, batch, rho.size, dtype=torch.float64, requires_grad=True)
    moved = pool.moved(rho, values, places)
    rows = torch.arange(trials)[:, None]
    expected = rho.act(pool.elements[rows, elements].flatten(0, 1), values.flatten(0, 1))
    torch.testing.assert_close(moved, expected.view(moved.shape))
    cotangent = torch.randn_like(moved)
    (gradient,) = torch.autograd.grad(moved, values, cotangent, retain_graph=True)
    (same,) = torch.autograd.grad(expected.view(moved.shape), values, cotangent)
    torch.testing.assert_close(gradient, same)

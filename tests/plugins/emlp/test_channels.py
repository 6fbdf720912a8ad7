"""Known answers and invariants of the hidden representations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symbench_emlp.channels import runs, tensor_ranks, uniform_channels

from symbench import InputError
from symbench.groups import GL, SL, SO, SU, Lorentz, O, Scalar, Sp, Trivial, V


@pytest.mark.parametrize(
    ("dim", "channels", "ranks"),
    [
        (5, 384, [134, 25, 5]),
        (3, 384, [102, 34, 11, 3]),
        (3, 128, [38, 12, 3, 1]),
        (2, 384, [64, 32, 16, 8, 4, 2]),
        (4, 384, [112, 28, 6, 1]),
    ],
)
def test_the_published_allocations_are_reproduced(dim, channels, ranks):
    assert list(tensor_ranks(dim, channels).values()) == ranks


@given(st.integers(1, 12), st.integers(1, 600))
def test_every_channel_is_used_and_low_ranks_have_at_least_as_many_copies(dim, channels):
    ranks = tensor_ranks(dim, channels)
    assert sum(count * dim**rank for rank, count in ranks.items()) == channels
    assert list(ranks) == list(range(len(ranks)))
    assert sorted(ranks.values(), reverse=True) == list(ranks.values())


@pytest.mark.parametrize("group", [O(3), SO(2), Lorentz(), Sp(2), SU(2), SL(3), GL(2)])
def test_the_representation_has_as_many_coordinates_as_channels(group):
    rep = uniform_channels(group, 96)
    assert rep.size == 96
    assert rep.group == group
    assert rep.summands[0] == Scalar(group)


def test_groups_with_a_form_need_no_dual_tensors():
    assert "*" not in str(uniform_channels(Lorentz(), 384))
    assert "*" not in str(uniform_channels(Sp(2), 384))


def test_other_groups_share_the_copies_between_vectors_and_covectors():
    found = {str(run.type): run.copies for run in runs(uniform_channels(SL(3), 128))}
    assert found == {"Scalar": 38, "V": 6, "V*": 6, "V ⊗ V*": 3, "V ⊗ V ⊗ V*": 1}


def test_a_group_that_moves_nothing_gets_scalars():
    assert uniform_channels(Trivial(3), 32) == (32 * Scalar)(Trivial(3))


def test_the_allocation_is_not_random():
    assert uniform_channels(SL(3), 200) == uniform_channels(SL(3), 200)


def test_too_few_channels_are_refused_with_the_least_number():
    with pytest.raises(InputError, match="at least 10"):
        uniform_channels(O(5), 9)


def test_runs_keep_the_layout_order():
    rep = (2 * Scalar + V + Scalar + 3 * V)(O(3))
    assert [(str(run.type), run.copies, run.size) for run in runs(rep)] == [
        ("Scalar", 2, 2), ("V", 1, 3), ("Scalar", 1, 1), ("V", 3, 9),
    ]  # fmt: skip

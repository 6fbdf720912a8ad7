"""Named laws of group elements."""

from __future__ import annotations

import math

import pytest
import torch

from symbench.contract import seeded
from symbench.errors import InputError
from symbench.groups import SO, Lorentz, O
from symbench.groups.finite import S
from symbench.groups.samplers import SAMPLERS, elements


def drawn(group, sampler, count=200):
    return elements(group, count, seeded("samplers"), sampler)


@pytest.mark.parametrize("sampler", ["group", "component", "reflected", "near"])
@pytest.mark.parametrize("group", [O(3), Lorentz()])
def test_elements_preserve_the_form(group, sampler):
    g = drawn(group, sampler)
    torch.testing.assert_close(g.mT @ group.form @ g, group.form.expand_as(g), atol=1e-8, rtol=0)


def test_components_have_their_determinants():
    assert bool((torch.linalg.det(drawn(O(3), "component")) > 0).all())
    assert bool((torch.linalg.det(drawn(O(3), "reflected")) < 0).all())


def test_near_elements_turn_by_at_most_30_degrees():
    cosine = (torch.einsum("nii->n", drawn(SO(3), "near")) - 1) / 2
    angles = cosine.clamp(-1, 1).acos()
    assert float(angles.max()) <= math.pi / 6 + 1e-9
    assert float(angles.max()) > 0.4


def test_far_elements_reach_beyond_the_law_of_the_group():
    rapidity = {law: drawn(Lorentz(), law)[:, 0, 0].abs().acosh() for law in ("group", "far")}
    assert float(rapidity["group"].max()) <= 1 + 1e-9
    assert 1 < float(rapidity["far"].max()) <= 2 + 1e-9


@pytest.mark.parametrize(
    ("group", "sampler", "why"),
    [
        (O(3), "far", "compact"),
        (SO(3), "reflected", "no other component"),
        (S(4), "near", "no one-parameter subgroup"),
        (O(3), "odd", "choose one of"),
    ],
)
def test_a_law_that_the_group_lacks_is_refused(group, sampler, why):
    with pytest.raises(InputError, match=why):
        drawn(group, sampler, 1)


def test_every_law_is_described():
    assert list(SAMPLERS) == ["group", "component", "reflected", "near", "far"]

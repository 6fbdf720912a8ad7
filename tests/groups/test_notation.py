"""Groups and representations from text."""

from __future__ import annotations

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.contract import seeded
from symbench.errors import InputError
from symbench.groups import GL, SO, Lorentz, O, S, Scalar, V
from symbench.groups.notation import parse_group, parse_representation

GROUPS = (SO(3), O(1, 3), GL(2), S(4), O(3) * SO(2), SO(2) * S(3) * O(2))


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_the_name_of_a_group_is_read(group):
    assert parse_group(str(group)) == group


def test_products_and_the_lorentz_group_are_read():
    assert parse_group("O(3) x SO(2)") == parse_group("O(3)*SO(2)") == O(3) * SO(2)
    assert parse_group("Lorentz()") == Lorentz()


@pytest.mark.parametrize("text", ["", "SO", "SO(3", "so(3)", "SO(0)", "SO(1,2,3)", "os.system(3)"])
def test_what_is_no_group_is_refused(text):
    with pytest.raises(InputError):
        parse_group(text)


@pytest.mark.parametrize("text", ["SO3", "so(3)", "SO(3", "O(2) x SO3"])
def test_a_group_written_in_another_way_is_named(text):
    with pytest.raises(InputError, match=r"did you mean SO\(3\)\?"):
        parse_group(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1", "1 says how many, and not what: write S for a scalar"),
        ("2V + 3", "write 3S for scalars"),
        ("2(V + 1)", "write S for a scalar"),
        ("2 x 3", "this is a layout, which tables have; here, '2V' is two vectors"),
        ("1x0e + 2x1o", "for SO(3), 0e is S and 1o is V"),
        ("V +", "it ends too early"),
    ],
)
def test_another_notation_is_answered_with_the_right_one(text, words):
    with pytest.raises(InputError, match=re.escape(words)):
        parse_representation(text, SO(3))


def test_the_documented_forms():
    group = SO(3)
    v, s = V(group), Scalar(group)
    for text, rep in {
        "2V+3S": 2 * v + 3 * s,
        "2 V + 3 Scalar": 2 * v + 3 * s,
        "V*V": v * v,
        "V ⊗ V*": v * v.dual,
        "V*": v.dual,
        "2*(V + S)": 2 * (v + s),
        "V^2": v * v,
        "V**2 + V": v * v + v,
        "V* + V": v.dual + v,
    }.items():
        assert parse_representation(text, group) == rep, text


def representations(group):
    if len(group.factors) == 1:
        leaves = [V(group), V(group).dual, Scalar(group)]
    else:
        leaves = [V(factor)(group) for factor in group.factors] + [V(group), Scalar(group)]
    return st.recursive(
        st.sampled_from(leaves),
        lambda parts: st.one_of(
            st.tuples(parts, parts).map(lambda ab: ab[0] + ab[1]),
            st.tuples(parts, parts).map(lambda ab: ab[0] * ab[1]),
            st.tuples(st.integers(1, 4), parts).map(lambda ab: ab[0] * ab[1]),
        ),
        max_leaves=5,
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_a_representation_prints_is_read_as_the_same_action(data):
    group = data.draw(st.sampled_from(GROUPS))
    rep = data.draw(representations(group))
    if len(str(rep)) <= 200 and rep.size <= 100:
        g = group.sample(1, seeded("notation"))
        torch.testing.assert_close(parse_representation(str(rep), group).rho(g), rep.rho(g))


@pytest.mark.parametrize(
    "text",
    ["", "2", "V+", "(V", "V)", "W", "V V", "+V", "V^", "V(SO(2))", "V" * 300, "(" * 50 + "V"],
)
def test_what_is_no_representation_is_refused_with_the_form(text):
    with pytest.raises(InputError, match=r"write sums of V|shorten it"):
        parse_representation(text, SO(3))

"""Layouts: what their text means, and what they refuse."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symbench.errors import InputError
from symbench.groups import GL, DirectProduct, O, Scalar, V
from symbench.tables import Block, Layout, parse_layout

_BLOCKS = st.lists(
    st.builds(Block, st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)), min_size=1
).map(tuple)


@given(_BLOCKS, st.just(()) | _BLOCKS)
def test_a_layout_is_read_as_it_is_written(inputs, outputs):
    layout = Layout(inputs, outputs)
    assert parse_layout(str(layout)) == layout


@pytest.mark.parametrize("text", ["2x3", "2 × 3", " 2 X 3 ", "2*3"])
def test_a_layout_may_be_written_in_several_ways(text):
    assert parse_layout(text) == Layout((Block(2, 3),))


def test_a_dimension_alone_is_one_copy():
    assert parse_layout("3 -> 3^2") == Layout((Block(1, 3),), (Block(1, 3, 2),))


def test_columns_after_the_blocks_are_scalars():
    symmetry = parse_layout("2 x 3").symmetry(8, 2, O(3))
    assert symmetry.input == (2 * V + 2 * Scalar)(O(3))
    assert symmetry.output == (2 * Scalar)(O(3))


def test_blocks_of_dimension_one_are_scalars():
    symmetry = parse_layout("3 x 1 + 3 x 3 -> 1 x 3^2").symmetry(12, 9, O(3))
    assert symmetry.input == (3 * Scalar + 3 * V)(O(3))
    assert symmetry.output == (V * V)(O(3))


def test_without_a_group_the_layout_is_that_of_all_matrices():
    assert parse_layout("2 x 3").symmetry(6, 1).group == GL(3)


def test_blocks_of_two_dimensions_are_moved_independently():
    symmetry = parse_layout("2 x 2 + 1 x 3 -> 1 x 3").symmetry(8, 3)
    assert symmetry.group == DirectProduct(GL(2), GL(3))
    g = symmetry.group.sample(1, torch.Generator().manual_seed(0))[0]
    x = torch.arange(8.0, dtype=torch.float64)
    a, b = g[:2, :2], g[2:, 2:]
    expected = torch.cat([a @ x[:2], a @ x[2:4], b @ x[4:7], x[7:]])
    assert torch.allclose(symmetry.input.act(g, x), expected)
    assert torch.allclose(symmetry.output.act(g, x[:3]), b @ x[:3])


@pytest.mark.parametrize("text", ["", "x", "2 x", "2 x 3 +", "0 x 3", "2 x 0", "2 x 3 ->", "a"])
def test_a_text_that_is_no_layout_is_refused(text):
    with pytest.raises(InputError, match="is not a block: write copies x dimension"):
        parse_layout(text)


def test_a_layout_that_does_not_fit_says_how_many_columns_it_needs():
    with pytest.raises(InputError, match="'2 x 3' needs 6 inputs, the table has 5"):
        parse_layout("2 x 3").check(5, 1)
    with pytest.raises(InputError, match="needs 3 outputs, the table has 1"):
        parse_layout("2 x 3 -> 1 x 3").check(6, 1)


def test_a_group_of_another_dimension_is_refused():
    with pytest.raises(InputError, match=r"O\(5\) acts on spaces of dimension 5, layout '2 x 3'"):
        parse_layout("2 x 3").symmetry(6, 1, O(5))


def test_a_layout_of_scalars_has_no_group():
    with pytest.raises(InputError, match="holds scalars only"):
        parse_layout("5 x 1").symmetry(5, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [("2 x 3, 1 x 2", "joined by +"), ("2V + S", "1 x 3 and 1 x 1"), ("2 x 3 -> S", "1 x 1")],
)
def test_the_notation_of_something_else_is_answered_with_that_of_layouts(text, words):
    with pytest.raises(InputError, match=f"is not a block.*{re.escape(words)}"):
        parse_layout(text)

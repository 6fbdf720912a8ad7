"""Plain text has the same characters as what rich draws without colours."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from symbench.results.report.columns import Cell
from symbench.results.report.drawing import Grid, Line, _renderable, drawn
from symbench.results.report.printing import printed

WORDS = st.text("ab ×–≥1[]-語", min_size=1, max_size=12).map(lambda text: " ".join(text.split()))


@st.composite
def grids(draw):
    columns = draw(st.integers(1, 4))
    row = st.lists(WORDS.map(Cell), min_size=columns, max_size=columns)
    return Grid(
        draw(st.lists(WORDS, min_size=columns, max_size=columns)),
        draw(st.lists(st.booleans(), min_size=columns, max_size=columns)),
        draw(st.lists(row, min_size=1, max_size=4)),
        draw(st.sampled_from(["", "family"])),
    )


@given(grids(), st.integers(20, 80))
@settings(max_examples=60, deadline=None)
def test_a_grid_is_drawn_alike(grid, width):
    assert drawn([grid], width, colour=False) == printed([_renderable(grid)], width, colour=False)


@given(st.lists(st.text("abc", min_size=1, max_size=9), max_size=12), st.sampled_from([0, 2]))
@settings(max_examples=40, deadline=None)
def test_a_line_is_wrapped_alike(words, indent):
    line = Line(" ".join(words), "dim", indent)
    assert drawn([line], 24, colour=False) == printed([_renderable(line)], 24, colour=False)


def test_styles_are_drawn_in_colours_only():
    grid = Grid(["error"], [True], [[Cell("0.1", "best")]])
    assert "\x1b[" in drawn([grid], 40, colour=True)
    assert "\x1b[" not in drawn([grid], 40, colour=False)

"""Panels of named lines: where their marks are."""

from __future__ import annotations

import importlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbench.plot.chart import Dot, Line, Text
from symbench.plot.style import Style

FILE = Path(__file__).parents[2] / "scripts" / "panels.py"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="needs the source tree")
VALUES = st.floats(1e-6, 1e3)


@pytest.fixture(scope="module")
def panels():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FILE.parent))
        yield importlib.import_module("panels")


def marks(groups, kind):
    return [mark for group in groups for mark in group.marks if isinstance(mark, kind)]


@given(ends=st.lists(VALUES, min_size=1, max_size=6))
def test_names_beside_a_panel_do_not_overlap(panels, ends):
    lines = [
        panels.Series(f"line {i}", [(1.0, 1.0), (10.0, y)], Style(i)) for i, y in enumerate(ends)
    ]
    panel = panels.Panel("", ("x", "y"), lines, level=("level", 1.0))
    texts = marks(panel.groups(), Text)
    places = sorted(text.y for text in texts if text.text.startswith(("line", "level")))
    assert len(places) == len(ends) + 1
    assert all(b - a > 14 for a, b in pairwise(places))


@given(values=st.lists(VALUES, min_size=3, max_size=3))
def test_a_bar_goes_from_the_least_to_the_greatest_and_the_marker_is_the_median(panels, values):
    line = panels.spread_of("", [(1.0, values), (2.0, [1.0])], Style(0))
    panel = panels.Panel("", ("x", "y"), [line], whole=True)
    across, up = panel.axes()
    least, middle, most = sorted(values)
    assert [(across(1.0), up(least)), (across(1.0), up(most))] in [
        list(one.points) for one in marks(panel.groups(), Line)
    ]
    assert (across(1.0), up(middle)) in [(dot.x, dot.y) for dot in marks(panel.groups(), Dot)]


def test_the_message_is_above_a_chart_and_moves_the_rest_of_it(panels):
    line = panels.Series("line", [(1.0, 1.0), (2.0, 2.0)], Style(0))
    plain = panels.chart("a title", [panels.Panel("", ("x", "y"), [line])])
    drawn = panels.below("a message", plain)
    assert drawn.title == "a message: a title"
    assert [dot.y - panels.LINE for dot in marks(drawn.groups, Dot)] == [
        dot.y for dot in marks(plain.groups, Dot)
    ]
    assert drawn.height == plain.height + panels.LINE

"""The charts of the site: axes, learning curves, diagrams of ranks."""

from __future__ import annotations

import pytest

from symbench.publish.site.charts import Scale, curves, diagram, series
from symbench.results.statistics import Nemenyi


def test_an_error_of_zero_is_drawn_at_the_floor(made):
    perfect = made.content([made.record("t", "m", level=0.0)])
    assert curves(perfect.rows, "t") is not None
    assert [point[1] for point in series(perfect.rows)[0]["points"]] == [1e-12, 1e-12]


def test_a_logarithmic_axis_maps_decades_to_equal_lengths():
    scale = Scale(0.01, 100, 0, 400)
    assert [scale(10.0**power) for power in range(-2, 3)] == [0, 100, 200, 300, 400]
    assert scale.ticks() == [(0, "0.01"), (100, "0.1"), (200, "1"), (300, "10"), (400, "100")]
    assert Scale(7, 7, 0, 400)(7) == 200


def test_the_diagram_places_ranks_and_bars_on_one_axis():
    ranks = {"a": 1.0, "b": 2.0, "c": 3.0}
    drawn = diagram(Nemenyi(ranks, 9, 1.5, 0.01, [["a", "b"], ["b", "c"]]))
    left, right, _ = drawn["axis"]
    assert [one["x"] for one in drawn["names"]] == [left, (left + right) / 2, right]
    assert drawn["length"] == pytest.approx(1.5 * (right - left) / 2)
    assert [(x1 + 3, x2 - 3) for x1, x2, _ in drawn["bars"]] == [
        (left, (left + right) / 2), ((left + right) / 2, right),
    ]  # fmt: skip

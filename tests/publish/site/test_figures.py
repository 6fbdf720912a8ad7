"""The site's drawings: axes, diagrams of ranks, heat maps of generators."""

from __future__ import annotations

import io

import pytest
import torch
from matplotlib.image import imread

from symbench.publish.site.charts import Scale, curves, diagram, series
from symbench.publish.site.generators import heat_maps
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


def test_a_generator_that_is_found_up_to_scale_shows_no_difference():
    truth = torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]])
    (picture,) = heat_maps({"truth": truth, "learned.0": -3 * truth})
    image = imread(io.BytesIO(picture))
    assert image.shape == (2, 8, 4)
    assert (image[:, :2] == image[:, 3:5]).all()  # truth and learned
    assert (image[:, 6:] == image[0, 0]).all()  # the colour of 0
    assert heat_maps({"learned.0": truth}) == []
    assert heat_maps({"truth": truth, "learned.0": torch.zeros(0, 2, 2)}) == []


def test_a_large_generator_keeps_its_largest_entries():
    truth = torch.zeros(1, 300, 300)
    truth[0, 7, 290] = 1.0
    (picture,) = heat_maps({"truth": truth, "learned.0": truth})
    image = imread(io.BytesIO(picture))
    assert image.shape[0] <= 96
    red, other = image[7 // 4, 290 // 4], image[0, 0]
    assert red[0] > red[2]
    assert other[0] == pytest.approx(other[2], abs=0.02)

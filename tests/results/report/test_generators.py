"""Pictures of learned generators."""

from __future__ import annotations

import io

import pytest
import torch
from matplotlib.image import imread

from symbench.results.report.generators import (
    aligned,
    draw_generators,
    drawable,
    heat_maps,
    upright,
    vector_field,
)


def grid(side):
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return x, y


def central_differences(side):
    one = torch.eye(side, dtype=torch.float64)
    d = (torch.diag(torch.ones(side - 1), 1) - torch.diag(torch.ones(side - 1), -1)).double() / 2
    return torch.kron(one, d), torch.kron(d, one)


def test_the_vector_field_of_a_derivation_is_its_coefficients():
    side = 6
    along_x, along_y = central_differences(side)
    x, y = grid(side)
    L = -y.flatten()[:, None] * along_x + x.flatten()[:, None] * along_y
    right, down = vector_field(L, side)
    torch.testing.assert_close(2 * right, -y)
    torch.testing.assert_close(2 * down, x)


def test_alignment_undoes_sign_scale_and_mixing():
    true = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    other = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(aligned(true, (-3 * true)[None]), true)
    torch.testing.assert_close(aligned(true, torch.stack([true + other, 2 * other])), true)


def test_what_is_far_from_the_truth_is_drawn_at_its_norm():
    true = torch.eye(3).double()
    other = torch.diag(torch.tensor([1.0, 0.0, 0.0])).double()
    torch.testing.assert_close(aligned(true, -other[None]), other * 3**0.5)


def test_alignment_keeps_a_learned_zero():
    assert not aligned(torch.eye(3), torch.zeros(1, 3, 3)).any()


def test_scrambled_generators_are_drawn_upright():
    L = torch.randn(9, 9, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(upright(L[order][:, order], order), L)


@pytest.mark.parametrize("pixels", [True, False])
def test_a_figure_is_a_png_whatever_its_title(tmp_path, pixels):
    truth = torch.randn(4, 9, 9, generator=torch.Generator().manual_seed(0))
    tensors = {"truth": truth, "learned.1": truth[:2], "learned.0": -truth[:1]}
    if pixels:
        tensors["pixel_order"] = torch.arange(9)
    draw_generators(tensors, "$\\frac{ <b>\x1b[31m", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


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


SQUARE = torch.ones(2, 3, 3)


@pytest.mark.parametrize(
    "tensors",
    [
        {"truth": torch.ones(3, 3), "learned.0": torch.ones(3, 3)},
        {"truth": torch.ones(0, 3, 3), "learned.0": SQUARE},
        {"truth": torch.ones(1, 0, 0), "learned.0": torch.ones(1, 0, 0)},
        {"truth": torch.ones(2, 3, 4), "learned.0": torch.ones(2, 3, 4)},
        {"truth": SQUARE, "learned.0": torch.ones(2, 4, 4)},
        {"truth": SQUARE.long(), "learned.0": SQUARE},
        {"truth": SQUARE, "learned.0": SQUARE.to(torch.complex64)},
        {"truth": SQUARE * torch.nan, "learned.0": SQUARE},
        {"truth": SQUARE, "learned.0": SQUARE.double() * 1e200},
        {"truth": SQUARE, "learned.0": SQUARE, "pixel_order": torch.tensor([0, 1, 9])},
        {"truth": SQUARE, "learned.0": SQUARE, "pixel_order": torch.tensor([0, 1, 1])},
        {"truth": SQUARE, "learned.0": SQUARE, "pixel_order": torch.ones(3)},
        {"truth": SQUARE, "learned.0": SQUARE, "pixel_order": torch.arange(2)},
    ],
)
def test_tensors_of_a_stranger_that_are_no_generators_are_not_drawn(tensors):
    assert not drawable(tensors)
    assert heat_maps(tensors) == []


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_generators_that_are_zero_are_drawn_without_a_warning(tmp_path):
    tensors = {"truth": torch.eye(9)[None], "learned.0": torch.zeros(1, 9, 9)}
    tensors["pixel_order"] = torch.arange(9)
    draw_generators(tensors, "title", tmp_path / "zero.png")
    assert imread(tmp_path / "zero.png").shape[2] == 4

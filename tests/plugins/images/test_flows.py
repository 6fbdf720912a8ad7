"""Digits moved by other flows, and the control whose labels depend on the pose."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from symbench_images import flows
from symbench_images.digits import CLASSES, SIDE, digits
from symbench_images.rotation import pixel_grid
from symbench_images.tasks import Rotated

from symbench.contract import seeded
from symbench.errors import InputError
from symbench.metrics.candidate import candidate
from symbench.metrics.truth import true_algebra

MOVED = (flows.Translated, flows.Scaled, flows.Sheared)


def blob(side=16):
    """A smooth image that is zero near the edge, and its coordinates in units of half the side."""
    x, y = (axis / (side / 2) for axis in pixel_grid(side))
    image = torch.exp(-((x - 0.1).square() + (y + 0.05).square()) / 0.08)
    return image.view(1, 1, side, side), x, y


@pytest.mark.parametrize("motion", sorted(flows.MOTIONS))
def test_the_generator_is_the_derivative_of_the_motion(motion):
    image, x, y = blob()
    (a, b, c), (d, e, f) = flows.MOTIONS[motion]
    value = image.flatten()
    slope = (-2 * (x - 0.1) / 0.08 * value, -2 * (y + 0.05) / 0.08 * value)
    expected = (a * x + b * y + c) * slope[0] + (d * x + e * y + f) * slope[1]
    found = flows.flow_generator(16, motion) @ value
    assert float((found - expected).norm() / expected.norm()) < 0.01


@pytest.mark.parametrize("motion", sorted(flows.MOTIONS))
def test_moving_an_image_is_applying_an_element(motion):
    group = flows.PixelFlow(SIDE, motion, 0.4)
    t = torch.tensor([-0.4, 0.0, 0.3], dtype=torch.float64)
    images = digits()[0][:3].view(3, 1, SIDE, SIDE)
    by_matrix = torch.einsum("nij,nj->ni", group.elements(t), images.flatten(1))
    torch.testing.assert_close(flows.moved(images, t, motion).flatten(1), by_matrix)
    torch.testing.assert_close(flows.moved(images[:1], t[1:2], motion), images[:1])


@given(shift=st.integers(-3, 3))
def test_a_translation_by_whole_pixels_shifts_the_columns(shift):
    image = torch.arange(64, dtype=torch.float64).view(1, 1, 8, 8) + 1
    t = torch.tensor([shift / 4])  # half the side is four pixels
    expected = torch.zeros_like(image)
    if shift >= 0:
        expected[..., : 8 - shift] = image[..., shift:]
    else:
        expected[..., -shift:] = image[..., :shift]
    torch.testing.assert_close(flows.moved(image, t, "translation"), expected)


def test_an_unknown_motion_is_refused():
    with pytest.raises(InputError, match="choose one of translation, scaling, shear"):
        flows.PixelFlow(8, "twist", 1.0)


@pytest.mark.parametrize("kind", MOVED)
def test_the_true_generator_is_one_of_the_candidates(kind):
    task = kind()
    basis = task.candidate_algebra().flatten(1)
    true = task.group.algebra[0].flatten()
    assert float((basis @ true).norm() / true.norm()) == pytest.approx(1, abs=1e-9)
    truth = true_algebra(task, task.sample(200, 0, "test").x)
    assert truth is not None
    assert truth.Q.shape == (1, 12)


@pytest.mark.parametrize("kind", MOVED)
def test_only_the_images_are_moved(kind):
    task, upright = kind(), digits()[0]
    data = task.sample(50, 1, "train")
    again = task.sample(50, 1, "train")
    assert torch.equal(data.x, again.x)
    indices, _ = task.drawn(50, 1, "train")
    assert torch.equal(data.y, digits()[1][indices])
    assert not torch.allclose(data.x.flatten(1).double(), upright[indices], atol=1e-3)
    kept = data.x.sum() / upright[indices].sum().float()
    assert 0.6 < float(kept) < 1.6  # little leaves the image


def test_the_elements_of_the_group_are_those_that_move_the_data():
    task = flows.Translated()
    g = task.group.sample(500, seeded("flows"))
    share = g.sum((1, 2)) / SIDE**2  # of the pixels that stay inside the image
    assert float(share.min()) == pytest.approx(0.75, abs=0.02)


def test_the_control_has_the_inputs_of_the_rotated_digits_and_other_labels():
    control, rotated = flows.Posed(), Rotated()
    posed, plain = control.sample(400, 2, "train"), rotated.sample(400, 2, "train")
    assert torch.equal(posed.x, plain.x)
    _, angles = control.drawn(400, 2, "train")
    assert torch.equal(posed.y[angles > 0], plain.y[angles > 0])
    assert torch.equal(posed.y[angles < 0], (plain.y[angles < 0] + 5) % CLASSES)
    assert control.symmetry is None
    assert control.discovery == "control"
    within = candidate(control, posed.x)
    assert within is not None
    assert len(within.basis) == 12

"""Pairs of white images: the angles, the interpolation, the exact target."""

from __future__ import annotations

import math

import pytest
import symbench_images
import torch
from known_tasks import known_algebra
from symbench_images import rotation_tasks as tasks
from symbench_images.rotation import SmoothRotation, pixel_grid, rotation_generator

from symbench.metrics.algebra import principal_cosines
from symbench.registry import Registry

ANGLES = [tasks.RotationAngle, tasks.RotationAngleLarge, tasks.RotationAngleClean]
FIXED = [tasks.RotationFixed, tasks.RotationFixedClean]


@pytest.fixture(params=[*ANGLES, *FIXED], ids=lambda task: task.name)
def task(request):
    return request.param()


def test_the_cards_say_what_the_classes_say():
    registry = Registry()
    registry.add(symbench_images, "symbench_images", "1", "tests")
    names = [name for name in registry.tasks if not name.startswith("scrambled-")]
    assert len(names) == 14
    for name in names:
        card, task = registry.tasks[name], registry.task(name)
        assert card.summary == task.summary
        for key, value in card.details.items():
            assert getattr(task, key) == value
    metric = registry.card("metric", "pixel-generator")
    cls = metric.load()
    assert (metric.summary, metric.details["direction"]) == (cls.summary, cls.direction)


def test_a_draw_has_the_declared_shapes_and_is_repeatable(task):
    data = task.sample(40, 1, "train")
    assert data.x.shape == (40, *task.input_shape)
    assert data.y.shape == (40, *task.output_shape)
    assert torch.equal(data.x, task.sample(40, 1, "train").x)
    assert not torch.equal(data.x, task.sample(40, 2, "train").x)
    assert not torch.equal(data.x, task.sample(40, 1, "valid").x)


def test_both_precisions_have_the_same_images(task):
    single = task.sample(20, 0, "test")
    double = task.sample(20, 0, "test", dtype=torch.float64)
    assert torch.equal(single.x[:, 0].double(), double.x[:, 0])
    assert torch.allclose(single.y.double(), double.y, atol=1e-6)


def test_pixels_are_white_and_uniform(task):
    pixels = task.sample(4000, 0, "train").x[:, 0].flatten(1).double()
    assert -0.5 <= float(pixels.min()) < -0.49
    assert 0.49 < float(pixels.max()) <= 0.5
    assert float(pixels.var()) == pytest.approx(1 / 12, rel=0.01)
    off_diagonal = torch.corrcoef(pixels[:, :20].mT) - torch.eye(20)
    assert float(off_diagonal.abs().max()) < 5 / math.sqrt(4000)


@pytest.mark.parametrize("cls", ANGLES, ids=lambda task: task.name)
def test_angles_are_uniform_in_their_range(cls):
    low, high = cls.angles
    angles = cls().sample(3000, 0, "train", dtype=torch.float64).y[:, 0]
    assert low <= float(angles.min()) < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < float(angles.max()) <= high
    assert float(angles.var()) == pytest.approx((high - low) ** 2 / 12, rel=0.05)


@pytest.mark.parametrize("cls", [tasks.RotationAngle, tasks.RotationAngleLarge])
def test_the_second_image_is_the_first_through_a_grid_sample(cls):
    data = cls().sample(30, 3, "valid", dtype=torch.float64)
    c, s = data.y[:, 0].cos(), data.y[:, 0].sin()
    zero = torch.zeros_like(c)
    theta = torch.stack([torch.stack([c, -s, zero], 1), torch.stack([s, c, zero], 1)], 1)
    first, second = data.x[:, :1], data.x[:, 1:]
    grid = torch.nn.functional.affine_grid(theta, list(first.shape), align_corners=False)
    expected = torch.nn.functional.grid_sample(
        first, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    assert torch.allclose(second, expected, atol=1e-12)


def test_the_second_clean_image_is_the_exponential_of_the_generator():
    data = tasks.RotationAngleClean().sample(30, 3, "valid", dtype=torch.float64)
    g = torch.linalg.matrix_exp(data.y[:, :, None] * rotation_generator(7))
    first, second = data.x.flatten(2).unbind(1)
    assert torch.allclose((g @ first[..., None])[..., 0], second, atol=1e-12)


@pytest.mark.parametrize("cls", FIXED, ids=lambda task: task.name)
def test_the_fixed_target_is_exact_and_linear(cls):
    data = cls().sample(100, 0, "test", dtype=torch.float64)
    assert torch.allclose(cls().target(data.x), data.y, atol=1e-12)
    assert torch.allclose(cls().target(2 * data.x - data.x.flip(0)), 2 * data.y - data.y.flip(0))


@pytest.mark.parametrize("cls", FIXED, ids=lambda task: task.name)
def test_images_rotate_by_eighteen_degrees(cls):
    across, down = pixel_grid(7)
    blob = torch.exp(-((across - 1.2).square() + down.square()) / (2 * 0.9**2))
    y = cls().target(blob.view(1, 1, 7, 7)).flatten()
    angle = math.atan2(-float(y @ down), float(y @ across))  # counter-clockwise on the screen
    assert angle == pytest.approx(math.pi / 10, abs=0.02)


def test_the_commutant_of_the_clean_rotation_is_the_generator_alone():
    truth = known_algebra(tasks.RotationFixedClean())
    assert len(truth.Q) == 1
    found = torch.einsum("km,mij->kij", truth.Q, truth.candidate.basis).flatten(1)
    L = rotation_generator(7).flatten()[None]
    assert float(principal_cosines(found / found.norm(), L / L.norm())) == pytest.approx(1)


def test_pairs_turn_together_and_the_angle_between_them_stays():
    task = tasks.RotationAngleClean()
    symmetry = task.symmetry
    assert isinstance(symmetry.group, SmoothRotation)
    assert symmetry.input.size == 98
    data = task.sample(10, 0, "test", dtype=torch.float64)
    h = symmetry.group.sample(1, torch.Generator().manual_seed(0))[0]
    first, second = symmetry.input.act(h, data.x.flatten(1)).view(10, 2, 49).unbind(1)
    g = torch.linalg.matrix_exp(data.y[:, :, None] * rotation_generator(7))
    assert torch.allclose((g @ first[..., None])[..., 0], second, atol=1e-12)


def test_the_papers_errors_are_mean_squares():
    y = torch.zeros(4, 1)
    assert tasks.RotationAngle().paper_error(y + 0.1, y) == pytest.approx(0.01)
    image = torch.zeros(4, 1, 7, 7)
    assert tasks.RotationFixed().paper_error(image + 0.1, image) == pytest.approx(0.49)


def test_published_generator_figures_name_their_score():
    figures = {
        cls.name: [one.values[50000] for one in cls.published if one.score != "paper_error"]
        for cls in (*ANGLES, *FIXED)
    }
    assert figures == {
        "rotation-angle": [0.70],
        "rotation-angle-large": [0.12],
        "rotation-angle-clean": [],
        "rotation-fixed": [0.27],
        "rotation-fixed-clean": [],
    }

"""Tasks of finite groups: their elements, what preserves their targets, and their floors."""

import math
from itertools import permutations, product

import pytest
import torch
from symbench_symmetry import poses
from symbench_symmetry.finite import FiniteBlocks, FiniteSevenfold
from symbench_symmetry.poses import (
    FiniteArrow,
    FiniteAxis,
    FiniteIcosahedral,
    FiniteNone,
    FiniteOctahedral,
    FiniteTetrahedral,
)

from symbench.groups import SO, elements_of
from symbench.metrics.truth import true_algebra

FINITE = (
    FiniteSevenfold,
    FiniteBlocks,
    FiniteArrow,
    FiniteTetrahedral,
    FiniteOctahedral,
    FiniteIcosahedral,
)
POSES = FINITE[2:]


def violation(task, g):
    """The relative equivariance error of the exact target for each element [k, d, d]."""
    law = task.layout()
    x = task.sample(512, 0, "test", torch.float64).x
    y = task.target(x)
    gap = task.target(law.input.act(g[:, None], x)) - law.output.act(g[:, None], y)
    return (gap.square().sum(2).mean(1) / 2 / (y - y.mean(0)).square().sum(1).mean()).sqrt()


@pytest.mark.parametrize("task", [cls() for cls in FINITE], ids=lambda task: task.name)
def test_every_element_of_the_group_preserves_the_target(task):
    assert float(violation(task, elements_of(task.symmetry.group)).max()) < 1e-9


@pytest.mark.parametrize("task", [cls() for cls in FINITE], ids=lambda task: task.name)
def test_random_elements_do_not(task):
    g = SO(task.symmetry.group.dim).sample(20, torch.Generator().manual_seed(0))
    assert float(violation(task, g).median()) > 0.1


@pytest.mark.parametrize(
    ("group", "angles"),
    [
        (poses.tetrahedral, {0: 1, 120: 8, 180: 3}),
        (poses.octahedral, {0: 1, 90: 6, 120: 8, 180: 9}),
        (poses.icosahedral, {0: 1, 72: 12, 120: 20, 144: 12, 180: 15}),
    ],
)
def test_the_rotations_of_the_platonic_solids_have_the_known_angles(group, angles):
    traces = group().elements.diagonal(dim1=1, dim2=2).sum(1)
    measured = torch.rad2deg(((traces - 1) / 2).clamp(-1, 1).acos()).round().long()
    values, counts = measured.unique(return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == angles


@pytest.mark.parametrize("task", [cls() for cls in (*FINITE, FiniteNone)], ids=lambda t: t.name)
def test_no_generator_preserves_the_target(task):
    truth = true_algebra(task, task.sample(1000, 0, "test").x)
    assert len(truth.Q) == 0
    least = truth.target.defects(truth.target.directions[:1])
    assert float(least.bounds) > 0.1  # generators_found is 0 for the exact target


def test_the_control_with_an_axis_has_one_generator():
    task = FiniteAxis()
    truth = true_algebra(task, task.sample(1000, 0, "test").x)
    assert len(truth.Q) == 1
    assert truth.is_exact


def test_the_mean_over_all_poses_about_the_axis_is_in_closed_form():
    task = FiniteAxis()
    x = task.sample(50, 0, "test", torch.float64).x
    angles = torch.arange(720).double() * 2 * math.pi / 720
    turns = torch.zeros(720, 3, 3).double()
    turns[:, 0, 0] = turns[:, 1, 1] = angles.cos()
    turns[:, 1, 0], turns[:, 0, 1], turns[:, 2, 2] = angles.sin(), -angles.sin(), 1
    posed = (torch.tensor(poses.TETRAHEDRON).double() @ turns.mT).flatten(1)
    mean = (x @ posed.mT / task.softness).softmax(1) @ posed
    assert torch.allclose(task.target(x), mean, atol=1e-9)


@pytest.mark.parametrize("task", [cls() for cls in (*POSES, FiniteNone)], ids=lambda t: t.name)
def test_the_target_of_a_pose_task_is_the_denoiser_of_its_poses(task):
    """Tweedie: E[pose | x] = x + s² ∇ log p(x) for the poses with noise of variance s²."""
    x = task.sample(20, 0, "test", torch.float64).x.requires_grad_()
    shape = torch.tensor(task.object).double()
    posed = (shape @ task.poses().mT).flatten(1)
    density = (-torch.cdist(x, posed).square() / 2 / task.softness).logsumexp(1)
    (score,) = torch.autograd.grad(density.sum(), [x])
    assert torch.allclose(task.target(x.detach()), (x + task.softness * score).detach(), atol=1e-9)


def test_the_poses_of_the_control_are_those_of_no_group():
    task = FiniteNone()
    assert task.symmetry is None
    h = task.poses()
    between = (h[:, None] @ h.mT).flatten(0, 1)
    others = between[(between - torch.eye(3).double()).flatten(1).norm(dim=1) > 1e-6]
    assert float(violation(task, others).min()) > 0.1


def test_only_twelve_signed_permutations_preserve_the_blocks():
    task = FiniteBlocks()
    x = task.sample(6, 0, "test", torch.float64).x
    order = torch.tensor(list(permutations(range(6))))
    signs = torch.tensor(list(product((1.0, -1.0), repeat=6))).double()
    moved = x[:, order][:, :, None] * signs
    gap = (task.target(moved)[..., 0] - task.target(x)[:, :, None]).abs().amax(0)
    assert int((gap < 1e-9).sum()) == 12


def test_sevenfold_without_the_angle_has_the_stated_error():
    """Against the integrals of 1/(1 + φ) and 1/(1 + φ)² for φ uniform in (0, 2π/7)."""
    step = 2 * math.pi / 7
    mean, square = math.log(1 + step) / step, 1 / (1 + step)
    variance = square + 6 / 4
    assert mean == pytest.approx(0.714, abs=1e-3)
    assert variance == pytest.approx(2.03, abs=0.01)
    floor = (square - mean**2) / variance
    assert floor == pytest.approx(0.0087, abs=1e-4)
    assert FiniteSevenfold.threshold < floor / 2
    data = FiniteSevenfold().sample(200_000, 0, "test", torch.float64)
    known = mean * data.x[:, 2] + data.x.square().sum(1) / 2
    measured = float((data.y[:, 0] - known).square().mean() / data.y.var())
    assert measured == pytest.approx(floor, rel=0.03)
    assert float(data.x[:, :2].square().sum(1).min()) > 1 / 4


def test_the_published_sevenfold_function_also_keeps_a_scaling():
    """The term that Yang et al. have alone does not change when x and y are scaled."""
    task = FiniteSevenfold()
    x = task.sample(100, 0, "test", torch.float64).x

    def published(x):
        return task.target(x)[:, 0] - x.square().sum(1) / 2

    scaled = x * torch.tensor([2.0, 2.0, 1.0]).double()
    assert torch.allclose(published(scaled), published(x))
    by_hand = x[:, 2] / (1 + torch.atan2(x[:, 1], x[:, 0]) % (2 * math.pi / 7))
    assert torch.allclose(published(x), by_hand)

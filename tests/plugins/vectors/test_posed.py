"""Training in a few poses: what is rotated, how far, and what the score of poses measures."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_vectors import posed
from symbench_vectors.pose_metric import Pose
from symbench_vectors.posed import PosedTask, frames, small_rotations
from symbench_vectors.tasks import O5Invariant

from symbench import Problem, Trained
from symbench.contract import seeded

TASKS = [
    cls
    for cls in vars(posed).values()
    if isinstance(cls, type) and issubclass(cls, PosedTask) and cls is not PosedTask
]


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def base(task):
    """The task whose inputs are rotated."""
    return next(cls for cls in type(task).__mro__ if not issubclass(cls, PosedTask))()


def vectors(task, x):
    """The two vectors that define the pose."""
    return (x[:, place] for place in task.places)


def test_every_task_has_three_ranges():
    assert [cls.angle for cls in TASKS] == 4 * [0.0, 30.0, 90.0]
    for cls in TASKS:
        assert cls.name.startswith(f"posed-{base(cls()).name}")
        assert cls.name.endswith(f"-{cls.angle:g}") is (cls.angle > 0)


def test_the_test_split_has_the_law_of_the_task_itself_and_all_its_properties(task):
    test = task.sample(2000, 0, "test", dtype=torch.float64)
    first, _ = vectors(task, test.x)
    directions = first / first.norm(dim=1, keepdim=True)
    assert float(directions.mean(0).abs().max()) < 0.05
    assert (task.threshold, task.symmetry) == (base(task).threshold, base(task).symmetry)
    assert torch.equal(test.y, base(task).target(test.x))
    assert task.published == ()


@pytest.mark.parametrize("split", ["train", "valid"])
def test_training_and_validation_inputs_are_within_the_angle_of_the_pose(task, split):
    data = task.sample(2000, 3, split, dtype=torch.float64)
    first, second = vectors(task, data.x)
    cosines = first[:, 0] / first.norm(dim=1)
    assert float(cosines.min()) >= math.cos(math.radians(task.angle)) - 1e-6
    if task.angle == 0:
        assert bool((first[:, 1:] == 0).all())
        assert bool((second[:, 2:] == 0).all())
        assert bool((second[:, 1] > 0).all())
    else:
        angles = cosines.clamp(-1, 1).acos()
        assert float(angles.max()) > 0.9 * math.radians(task.angle)
    assert torch.equal(data.y, base(task).target(data.x))


def test_the_labels_turn_with_the_inputs(task):
    data = base(task).sample(200, 0, "test", dtype=torch.float64)
    turned = task.in_pose(data.x, seeded("pose"))
    R = frames(*vectors(task, data.x)).mT
    if task.angle:
        k = R.shape[-1]
        R = small_rotations(200, k, math.radians(task.angle), seeded("pose")) @ R
    d = task.symmetry.group.dim
    g = torch.eye(d, dtype=torch.float64).repeat(200, 1, 1)
    g[:, d - R.shape[-1] :, d - R.shape[-1] :] = R
    expected = task.symmetry.output.act(g, data.y)
    assert torch.allclose(task.target(turned), expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 6), st.integers(0, 2**31), st.floats(0, math.pi))
def test_frames_and_small_rotations_are_rotations(k, seed, largest):
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, 20, k, generator=generator, dtype=torch.float64)
    one = torch.eye(k, dtype=torch.float64)
    turns = small_rotations(20, k, largest, generator)
    for R in (frames(first, second), turns):
        assert torch.allclose(R @ R.mT, one.expand_as(R), atol=1e-10)
        assert torch.allclose(torch.linalg.det(R), torch.ones(20).double(), atol=1e-10)
    frame = frames(first, second)
    assert torch.allclose(frame[..., 0], first / first.norm(dim=1, keepdim=True), atol=1e-9)
    assert bool(((frame[..., 1] * second).sum(1) > 0).all())
    angles = ((turns.diagonal(dim1=1, dim2=2).sum(1) - (k - 2)) / 2).clamp(-1, 1).acos()
    assert float(angles.max()) <= largest + 1e-6


class Function(torch.nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


def scored(task, f):
    test, module = task.sample(1000, 0, "test"), Function(f)
    problem = Problem(task.kind, task.loss, task.input_shape, task.output_shape)
    trained = Trained(module, None, problem, 100, 0, test, module(test.x))
    return Pose().score(trained, task, torch.Generator().manual_seed(0))


def test_an_equivariant_function_has_the_same_error_in_all_poses(task):
    scores = scored(task, lambda x: 0.9 * task.target(x))
    assert scores["pose.ratio"] == pytest.approx(1, abs=1e-6)
    assert scores["pose.error"] > 1e-3


def test_a_function_that_is_right_in_the_pose_only_is_found_out():
    task = posed.PosedO5()
    scores = scored(task, lambda x: task.target(x) + 0.01 + x[:, 2:3] ** 2)
    assert scores["pose.error"] == pytest.approx(1e-4 / 38.4, rel=0.1)
    assert scores["pose.ratio"] > 1e3


def test_a_perfect_function_has_no_ratio():
    task = posed.PosedO5()
    assert set(scored(task, task.target)) == {"pose.error"}


def test_the_score_is_that_of_posed_tasks_only():
    assert Pose().applies(posed.PosedO5(), None)
    assert not Pose().applies(O5Invariant(), None)

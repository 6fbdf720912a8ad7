"""Which digits training shows rotated, and kernel regression at a pose that was left out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_images.pose_transfer import ClassesInAllPoses, Transfer, everywhere, missing_pose
from symbench_images.tasks import Rotated

import symbench
from symbench import Trained

TASK, ROTATED = ClassesInAllPoses(), Rotated()


@pytest.mark.parametrize("split", ["train", "valid"])
def test_odd_digits_are_upright_outside_the_test_and_even_ones_are_rotated(split):
    at, angles = TASK.drawn(200, 3, split)
    seen = everywhere(TASK.stock().y[at])
    assert 50 < int(seen.sum()) < 150
    assert bool((angles[~seen] == 0).all())
    assert float(angles[seen].abs().min()) > 0
    assert float(angles[seen].abs().max()) > 1.4


def test_the_test_is_that_of_all_rotated_digits():
    ours, theirs = TASK.sample(100, 0, "test"), ROTATED.sample(100, 0, "test")
    assert torch.equal(ours.x, theirs.x)
    assert torch.equal(ours.y, theirs.y)


def test_upright_images_are_those_of_the_test():
    upright, (at, _) = TASK.upright(50), TASK.drawn(50, 0, "test")
    assert torch.equal(upright.y, TASK.stock().y[at])
    inside = upright.x > 0
    torch.testing.assert_close(upright.x[inside], TASK.stock().images(at).float()[inside])


class Answers(torch.nn.Module):
    """The labels of known images, and those of even digits shifted by one if ``wrong``."""

    def __init__(self, known, labels):
        super().__init__()
        self.known, self.labels = known.flatten(1), labels

    def forward(self, x):
        nearest = torch.cdist(x.flatten(1), self.known).argmin(1)
        return torch.nn.functional.one_hot(self.labels[nearest], 10).float()


def test_the_score_separates_classes_and_poses():
    test, model = TASK.sample(100, 0, "test"), symbench.model("mlp")()
    problem = symbench.problem(TASK, model)
    upright = TASK.upright(100)
    claimed = torch.where(everywhere(test.y), test.y, (test.y + 1) % 10)
    module = Answers(torch.cat([test.x, upright.x]), torch.cat([claimed, upright.y]))
    trial = Trained(module, model, problem, 10, 0, test, test.y)
    found = Transfer().score(trial, TASK, torch.Generator())
    assert found == {"transfer.rotated": 1, "transfer.upright": 0, "transfer.others": 0}


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 12), st.integers(0, 10**6))
def test_the_closed_form_is_kernel_regression_without_one_pose(n, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(2, n, generator=generator, dtype=torch.float64)  # C_n shifts coordinates
    orbits = torch.stack([image.roll(j) for image in images for j in range(n)])
    K = (-(torch.cdist(orbits, orbits) ** 2) / n).exp() + 0.01 * torch.eye(2 * n)
    y = torch.cat([torch.ones(n), -torch.ones(n)]).double()
    left_out = 2 * n - 1
    rest = torch.arange(left_out)
    direct = K[left_out, rest] @ torch.linalg.solve(K[rest][:, rest], y[rest])
    blocks = K.view(2, n, 2, n)[:, 0]
    torch.testing.assert_close(missing_pose(blocks), direct, rtol=1e-8, atol=1e-8)

"""The cost of a false prior: the floors of the two chiral tasks."""

from __future__ import annotations

import pytest
import torch
from symbench_vectors.chiral import SO2Anisotropic, SO3Cross

from symbench.groups import SO, O


@pytest.fixture(params=[SO3Cross, SO2Anisotropic], ids=lambda task: task.name)
def task(request):
    return request.param()


def average(task, x, elements, group):
    """Monte Carlo mean of g⁻¹ y(gx), [n, 3]: the best group-equivariant prediction."""
    inputs, outputs = (rep.rebind(group) for rep in (task.symmetry.input, task.symmetry.output))
    g = group.sample(elements, torch.Generator().manual_seed(1))[:, None]
    return outputs.act(g.mT, task.target(inputs.act(g, x))).mean(0)


def reachable(task, x):
    """The term of the target that remains after averaging over O(3)."""
    phase = (x[:, :3] * x[:, 3:6]).sum(1, keepdim=True) / 2
    return phase.sin() * x[:, -3:]


def test_averaged_over_the_ambient_group_only_the_last_term_remains(task):
    x = task.sample(50, 0, "train", dtype=torch.float64).x
    rest = average(task, x, 40_000, O(3)) - reachable(task, x)
    # the mean of 40,000 elements has a standard error of 0.005 per unit of |y|
    assert float(rest.abs().max()) < 0.005 * 5 * float(task.target(x).norm(dim=1).max())
    assert float(rest.abs().mean()) < 0.01


def test_the_rotations_alone_leave_no_more_of_the_anisotropic_target():
    task = SO2Anisotropic()
    x = task.sample(50, 0, "train", dtype=torch.float64).x
    rest = average(task, x, 40_000, SO(3)) - reachable(task, x)
    assert float(rest.abs().mean()) < 0.01


def test_averaged_over_its_own_group_the_target_stays_as_it_is(task):
    x = task.sample(50, 0, "train", dtype=torch.float64).x
    assert torch.allclose(average(task, x, 50, task.symmetry.group), task.target(x), atol=1e-12)


def test_the_floor_is_the_part_of_the_variance_beyond_the_ambient_group(task):
    data = task.sample(400_000, 0, "train", dtype=torch.float64)
    missed = (data.y - reachable(task, data.x)).square().sum(1).mean()
    variance = (data.y - data.y.mean(0)).square().sum(1).mean()
    assert float(missed / variance) == pytest.approx(task.floor, abs=0.005)


def test_no_multiple_of_the_reachable_term_beats_the_floor(task):
    data = task.sample(400_000, 0, "train", dtype=torch.float64)
    term = reachable(task, data.x)
    rest = data.y - term
    correlation = (term * rest).sum() / (term.norm() * rest.norm())
    assert abs(float(correlation)) < 0.01


def test_the_floor_on_the_test_split_is_far_above_the_threshold(task):
    data = task.sample(task.test_size, 0, "test", dtype=torch.float64)
    missed = (data.y - reachable(task, data.x)).square().sum(1).mean()
    variance = (data.y - data.y.mean(0)).square().sum(1).mean()
    assert float(missed / variance) > max(0.5, 10 * task.threshold)


def test_the_ambient_group_acts_on_the_same_space(task):
    assert task.ambient == O(3)
    assert task.symmetry.input.rebind(task.ambient).size == task.input_shape[0]


def test_the_cross_product_in_a_case_done_by_hand():
    x = torch.tensor([[1.0, 0, 0, 0, 1.0, 0, 0, 1.0, 0]], dtype=torch.float64)
    expected = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
    assert torch.equal(SO3Cross().target(x), expected)


def test_the_anisotropic_force_in_a_case_done_by_hand():
    x = torch.tensor([[1.0, 0, 2.0, 0, 1.0, 0]], dtype=torch.float64)
    expected = torch.tensor([[0.0, 3.0, 0.0]], dtype=torch.float64)
    assert torch.equal(SO2Anisotropic().target(x), expected)

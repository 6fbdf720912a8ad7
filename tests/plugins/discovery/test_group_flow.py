"""Flow matching over SO(2) and SO(3): its paths, its integrator, and what it learns."""

from __future__ import annotations

import math

import pytest
import torch
from known_tasks import trained
from symbench_discovery.flow_matching import GroupFlow, Velocity
from symbench_discovery.group_flow import GroupFlowConfig, GroupFlowModel
from symbench_symmetry.finite import FiniteBlocks
from symbench_symmetry.poses import FiniteArrow, FiniteTetrahedral
from symbench_symmetry.spiral import SpiralCorrect

import symbench
from symbench.contract import Context
from symbench.groups import SO, elements_of, geodesic
from symbench.metrics.announced_elements import verdicts, wasserstein


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def turned(g, z):
    return torch.einsum("nij,nj->ni", g, z)


def flow(d, velocity=None):
    return GroupFlow(velocity or Velocity(d, d * (d - 1) // 2, 8), turned, d)


@pytest.mark.parametrize("d", [2, 3])
def test_the_poses_are_uniform_rotations_and_come_with_their_way_back(d):
    g, back = flow(d).poses(20_000, generator(), torch.zeros(1).double())
    one = torch.eye(d).double()
    assert torch.allclose(g @ g.mT, one.expand_as(g), atol=1e-6)
    assert torch.allclose(flow(d).exp(back) @ g, one.expand_as(g), atol=1e-5)
    assert float(back.norm(dim=1).max()) <= math.pi + 1e-6
    assert float(torch.linalg.det(g).min()) > 0
    # under the Haar measure the defining representation has mean 0, its character E χ² = 1 (or 2)
    assert float(g.mean(0).abs().max()) < 0.03
    character = g.diagonal(dim1=1, dim2=2).sum(1)
    assert float(character.square().mean()) == pytest.approx(2 if d == 2 else 1, abs=0.05)


class ToTheNearest(torch.nn.Module):
    """The exact velocity in the plane towards the nearest of four points on the circle."""

    def forward(self, points, t):
        angle = torch.atan2(points[:, 1], points[:, 0])
        nearest = (angle / (math.pi / 2)).round() * math.pi / 2
        sign = SO(2).algebra[0, 1, 0].sign()  # of the angle by which the coordinate 1 turns
        return (sign * (nearest - angle) / (1 - t).clamp_min(1e-9))[:, None]


def test_the_integrator_ends_where_the_velocity_leads():
    z = torch.tensor([[1.0, 0.0]]).double().expand(400, 2)
    found = flow(2, ToTheNearest()).elements(z, generator())
    quarters = elements_of(FiniteArrow().symmetry.group)
    distances = geodesic(found, quarters)
    assert float(distances.min(1).values.max()) < 1e-6
    assert float(torch.bincount(distances.argmin(1)).min()) > 70
    assert wasserstein(found, quarters) < 0.2


def test_the_loss_of_the_exact_velocity_is_that_of_not_knowing_the_pose():
    """A constant velocity of 0 has the loss E θ² of a uniform angle: π²/3."""

    class Zero(torch.nn.Module):
        def forward(self, points, t):
            return torch.zeros(len(points), 1).double()

    z = torch.tensor([[1.0, 0.0]]).double().expand(40_000, 2)
    loss = float(flow(2, Zero()).loss(z, generator()))
    assert loss == pytest.approx(math.pi**2 / 3, rel=0.02)


def fitted(task, n, updates, **config):
    model = GroupFlowModel(GroupFlowConfig(**config))
    data = task.sample(n, 0, "train")
    context = Context(n, 0, updates, torch.device("cpu"), data, generator(), data)
    problem = symbench.problem(task, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model, model.fit(problem, data, context), problem


@pytest.mark.slow
def test_it_concentrates_on_the_quarter_turns_of_the_arrow():
    task = FiniteArrow()
    model, module, problem = fitted(task, 1000, 350)
    found = verdicts(trained(task, module, model), task)
    assert found["elements_recall"] == 1
    assert found["elements_wasserstein"] < 0.15 < found["elements_wasserstein.guess"]
    # the uniform law on SO(2) is at π/8 on average from the nearest quarter turn
    assert found["elements_wasserstein"] < math.pi / 8 / 2
    x = task.sample(200, 1, "test").x
    assert float((module(x).detach() - task.target(x)).square().mean() / task.target(x).var()) < 0.1
    assert model.elements(model.build(problem)).shape == (0, 2, 2)


def test_same_seed_same_sample():
    first, second = (fitted(FiniteTetrahedral(), 50, 3, announced=16)[1] for _ in range(2))
    assert torch.equal(first.g, second.g)
    assert first.g.shape == (16, 3, 3)
    assert torch.allclose(first.g @ first.g.mT, torch.eye(3).expand(16, 3, 3), atol=1e-5)


def test_it_declines_what_it_cannot_move():
    model = GroupFlowModel()
    assert model.accepts(symbench.problem(FiniteTetrahedral(), model)) is None
    assert "SO(2) or SO(3)" in model.accepts(symbench.problem(FiniteBlocks(), model))
    assert "layout" in model.accepts(symbench.problem(SpiralCorrect(), model))
    assert model.elements(torch.nn.Identity()) is None

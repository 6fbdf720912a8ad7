"""Networks of angles are periodic, decline tasks without angles, and learn a full turn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import symbench_baselines
import torch
from symbench_dynamics.angles import LNNAngles, NodeAngles, Periodic
from symbench_dynamics.integrators import rk4
from symbench_dynamics.mechanics import grid
from symbench_dynamics.pendula import DoublePendulum, Pendulum
from symbench_dynamics.springs import MassSpring

from symbench import InputError
from symbench.registry import Registry
from symbench.registry.problem import make_problem

MODELS = [NodeAngles, LNNAngles]


REGISTRY = Registry()
REGISTRY.add(symbench_baselines, "symbench_baselines", "1", "tests")


def view(model, task):
    return replace(make_problem(REGISTRY, task, model), periods=task.periods)


def built(model, task, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = model().build(view(model, task))
    data = task.sample(200, 0, "train")
    module.calibrate(data.x, data.y)
    return module.double()


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_turn_of_an_angle_changes_nothing(model):
    task = DoublePendulum()
    x = task.sample(50, 0, "test").x.double()
    module = built(model, task)
    turned = x + 2 * math.pi * torch.tensor([3.0, -2.0, 0.0, 0.0])
    assert torch.allclose(module(turned), module(x), rtol=1e-4, atol=1e-5)  # 2π in float32
    other = x + 0.5 * torch.tensor([3.0, -2.0, 0.0, 0.0])
    assert not torch.allclose(module(other), module(x), rtol=1e-2)


def test_a_period_other_than_a_turn():
    net = Periodic(torch.nn.Linear(3, 1), (0.5, 0.0)).double()
    x = torch.tensor([[0.1, 2.0], [0.6, 2.0], [0.35, 2.0]], dtype=torch.float64)
    first, second, third = net(x)[:, 0].tolist()
    assert second == pytest.approx(first, abs=1e-6)
    assert third != pytest.approx(first, abs=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_what_has_no_angles_is_declined_with_the_reason(model):
    assert "angles" in model().accepts(view(model, MassSpring()))
    with pytest.raises(InputError, match="declares no period"):
        model().build(replace(view(model, DoublePendulum()), periods=(0.0,) * 4))


@pytest.mark.parametrize("task", [Pendulum(), DoublePendulum()], ids=lambda task: task.name)
@pytest.mark.parametrize("model", MODELS)
def test_tasks_with_angles_are_accepted(model, task):
    assert model().accepts(view(model, task)) is None
    assert len(task.periods) == task.input_shape[0]


def test_the_field_of_a_task_has_its_periods():
    for task in (Pendulum(), DoublePendulum()):
        x = task.sample(50, 0, "test").x.double()
        moved = x + torch.tensor(task.periods, dtype=torch.float64)
        assert torch.allclose(task.target(moved), task.target(x), atol=1e-10)
        assert torch.allclose(task.energy(moved), task.energy(x), atol=1e-10)


def energy_error(task, horizon, step):
    start = task.energy_starts(20, torch.Generator().manual_seed(0))
    times = torch.tensor(grid(horizon, step), dtype=torch.float64)
    end = rk4(task.field, start, times)[:, -1]
    return float((task.energy(end) - task.energy(start)).abs().mean()) / task.energy_scale


def test_the_steps_at_which_energy_is_judged_keep_that_of_the_exact_field():
    """The error is far below 0.0043, the published one of the Lagrangian network."""
    task = DoublePendulum()
    times = task.energy_times
    assert energy_error(task, times[-1], times[1]) < 0.0043 / 4
    assert energy_error(task, times[-1], 0.02) > 0.0043

"""The scores of rollouts: of exact flows, of flows with a known error, and of diverging flows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from symbench_dynamics.bodies import TwoBody
from symbench_dynamics.pendula import DoublePendulum, SpringPendulum
from symbench_dynamics.scores import EnergyError, RolloutError, relative_error
from symbench_dynamics.springs import DampedForced, MassSpring

import symbench
from symbench import Model, Problem
from symbench.contract import Trained
from symbench.metrics.conservation import ConservationError

TASKS = [MassSpring, DampedForced, TwoBody, SpringPendulum]
TRAJECTORIES = [name for name in symbench.tasks() if symbench.task(name).kind == "trajectory"]


class Any(Model):
    name, version, prior = "any", "1", "none"

    def build(self, problem):
        raise AssertionError


class Flow(torch.nn.Module):
    """A module whose flow is a given function of states and times."""

    def __init__(self, flow):
        super().__init__()
        self.flow = flow


def trained(task, module, n=8):
    test = task.sample(n, 0, "test")
    problem = Problem("trajectory", "mse", task.input_shape, task.output_shape)
    return Trained(module, Any(), problem, 10, 0, test, test.y)


def scores(metric, task, flow, n=8):
    module = Flow(flow) if flow else torch.nn.Identity()
    return metric().score(trained(task, module, n), task, torch.Generator().manual_seed(0))


def still(state, times):
    return state[:, None].expand(-1, len(times), -1)


@pytest.mark.parametrize("cls", TASKS, ids=lambda task: task.name)
def test_the_exact_flow_has_the_least_error_there_is(cls):
    task = cls()
    assert scores(RolloutError, task, task.solve)["rollout_error"] == pytest.approx(1e-7)
    assert scores(EnergyError, task, task.solve)["energy_mse"] < 1e-10


def test_the_error_is_the_published_formula():
    task = SpringPendulum()
    data = task.sample(20, 0, "test")
    b = task.truth(data.x, task.rollout).numpy()
    a = np.broadcast_to(data.x.numpy().astype(float)[:, None], b.shape)
    rms = [np.sqrt((v**2).mean(-1)) for v in (a - b, a, b)]
    expected = np.exp(np.log(np.maximum(rms[0] / (rms[1] + rms[2]), 1e-7)).mean())
    found = scores(RolloutError, task, still, 20)
    assert found["rollout_error"] == pytest.approx(expected)
    assert found["rollout_error.still"] == pytest.approx(expected)
    exact = scores(RolloutError, task, task.solve, 20)
    assert exact["rollout_error.still"] == pytest.approx(expected)
    assert expected == pytest.approx(0.235, abs=0.03)


def test_the_ratio_of_errors_is_one_for_opposite_states_and_symmetric():
    a = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    assert float(relative_error(a, -a)) == 1
    assert float(relative_error(a, 2 * a)) == pytest.approx(1 / 3)
    assert float(relative_error(2 * a, a)) == pytest.approx(1 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAJECTORIES)
def test_standing_still_conserves_everything_but_follows_nothing(name):
    """Every task of trajectories has the score that tells such a flow from a good one."""
    task = symbench.task(name).for_tier("quick")
    drift = scores(ConservationError, task, still)
    assert all(value < 1e-6 for value in drift.values())
    assert bool(drift) == bool(task.conserved(torch.zeros(1, 1, task.input_shape[0])))
    assert scores(RolloutError, task, still)["rollout_error"] > 0.05


@pytest.mark.parametrize("metric", [RolloutError, EnergyError])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e200])
def test_a_flow_that_leaves_the_numbers_gives_the_time_at_which_it_does(metric, bad):
    task = MassSpring()

    def exploding(state, times):
        path = still(state, times).clone()
        path[-1, times >= 7] = bad
        return path

    assert scores(metric, task, exploding) == {f"{metric.name}.diverged_at": pytest.approx(7.0)}


@pytest.mark.parametrize("metric", [RolloutError, EnergyError])
def test_a_module_that_does_not_flow_has_no_score(metric):
    assert scores(metric, MassSpring(), None) == {}


def test_a_spring_of_wrong_amplitude_has_the_square_of_its_energy_s_error():
    def louder(state, times):
        return still(state, times) * 1.1

    task = MassSpring()
    starts = task.energy_starts(40, torch.Generator().manual_seed(0))
    expected = (0.21 * task.energy(starts)).square().mean()
    assert scores(EnergyError, task, louder)["energy_mse"] == pytest.approx(float(expected))


def test_standing_still_conserves_the_energy_unless_the_truth_does_not():
    assert scores(EnergyError, MassSpring(), still)["energy_mse"] < 1e-20
    assert scores(EnergyError, DampedForced(), still)["energy_mse"] > 1e-3


def test_the_double_pendulum_s_last_energy_is_in_units_of_its_largest_potential():
    def faster(state, times):
        path = still(state, times).clone()
        path[:, -1, 2:] *= 2
        return path

    task = DoublePendulum()
    z = task.starts(40, torch.Generator().manual_seed(0))
    double = torch.cat([z[:, :2], 2 * z[:, 2:]], 1)
    expected = (task.energy(double) - task.energy(z)).abs().mean() / 29.4
    found = scores(EnergyError, task, faster)
    assert found["energy_mse.final"] == pytest.approx(float(expected))
    assert found["energy_mse"] > 0


def test_the_other_tasks_have_no_such_score():
    assert set(scores(EnergyError, MassSpring(), still)) == {"energy_mse"}


def test_scores_apply_to_tasks_with_exact_trajectories_alone():
    class Other:
        kind = "trajectory"

    assert RolloutError().applies(MassSpring(), Any())
    assert not RolloutError().applies(Other(), Any())


@pytest.mark.parametrize("cls", [MassSpring, TwoBody, SpringPendulum], ids=lambda task: task.name)
def test_exact_rollouts_conserve_what_the_task_says_they_do(cls):
    task = cls()
    found = scores(ConservationError, task, task.solve)
    expected = task.conserved(task.sample(2, 0, "test").x[:, None])
    assert set(found) == {f"conservation_error.{quantity}" for quantity in expected}
    assert max(found.values()) < 1e-5


def test_a_drifting_flow_does_not_conserve_momentum():
    def drifting(state, times):
        return still(state, times) + times[:, None] / 100

    found = scores(ConservationError, TwoBody(), drifting)
    assert found["conservation_error.momentum"] > 0.1

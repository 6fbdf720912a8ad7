"""How far predicted trajectories move, relative to the true ones."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.motion import RolloutMotion, lengths
from symbench_dynamics.springs import MassSpring

from symbench import Model, Problem
from symbench.contract import Trained


def circle(turns: float, steps: int = 201) -> torch.Tensor:
    angle = 2 * torch.pi * turns * torch.linspace(0, 1, steps, dtype=torch.float64)
    return torch.stack([angle.cos(), angle.sin()], 1)[None]


def test_the_length_of_a_circle_is_its_arc() -> None:
    parts = lengths(circle(3.0))
    assert len(parts) == 10
    assert float(parts.sum()) == pytest.approx(6 * torch.pi, rel=1e-3)
    assert torch.allclose(parts, parts[:1].expand(10))


def test_a_path_that_stops_has_no_length_after_it() -> None:
    path = circle(1.0)
    stopped = torch.cat([path[:, :81], path[:, 80:81].expand(-1, 120, -1)], 1)
    ratio = lengths(stopped) / lengths(path)
    assert torch.allclose(ratio[:4], torch.ones(4, dtype=torch.float64))
    assert torch.equal(ratio[4:], torch.zeros(6, dtype=torch.float64))


def test_half_the_speed_is_half_the_length() -> None:
    ratio = lengths(circle(0.5)) / lengths(circle(1.0))
    assert torch.allclose(ratio, torch.full((10,), 0.5, dtype=torch.float64), rtol=1e-3)


def test_short_paths_have_one_part_for_each_step() -> None:
    assert len(lengths(circle(1.0, steps=4))) == 3


class Any(Model):
    name, version, prior = "any", "1", "none"

    def build(self, problem):
        raise AssertionError


class Flow(torch.nn.Module):
    """A module whose flow is a given function of states and times."""

    def __init__(self, flow):
        super().__init__()
        self.flow = flow


def motion(flow) -> dict[str, float]:
    task = MassSpring()
    test = task.sample(8, 0, "test")
    problem = Problem("trajectory", "mse", task.input_shape, task.output_shape)
    module = Flow(flow) if flow else torch.nn.Identity()
    trial = Trained(module, Any(), problem, 10, 0, test, test.y)
    return RolloutMotion().score(trial, task, torch.Generator())


def test_the_exact_flow_moves_as_the_exact_flow_does() -> None:
    assert motion(MassSpring().solve)["rollout_motion"] == pytest.approx(1)


def test_standing_still_does_not_move() -> None:
    still = motion(lambda state, times: state[:, None].expand(-1, len(times), -1))
    assert still == {"rollout_motion": 0}


def test_what_diverges_or_does_not_flow_has_no_score() -> None:
    assert motion(None) == {}
    assert motion(lambda state, times: torch.full((len(state), len(times), 2), torch.inf)) == {}

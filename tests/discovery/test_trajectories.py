from __future__ import annotations

import pandas as pd
import pytest
import torch

from symbench.discovery.trajectories import trajectories
from symbench.errors import InputError


def test_rates_are_exact_for_parabolas_on_an_uneven_grid(normal):
    times = torch.tensor([0.0, 0.1, 0.3, 0.35, 0.7, 1.0], dtype=torch.float64)
    a, b, c = normal(3, 10, 1, 2).unbind(0)
    t = times[None, :, None]
    table = trajectories(a + b * t + c * t**2, times)
    assert torch.allclose(table.y, (b + 2 * c * t)[:, 1:-1].flatten(0, 1))
    assert table.outputs == ("d(x.0)/dt", "d(x.1)/dt")


def test_a_new_trajectory_begins_where_time_does_not_increase(normal, tmp_path):
    states = normal(60, 2)
    t = torch.arange(60) % 12
    frame = pd.DataFrame({"t": t, "q": states[:, 0], "p": states[:, 1]})
    frame.to_csv(tmp_path / "runs.csv", index=False)
    table = trajectories(tmp_path / "runs.csv", "t")
    assert len(table) == 5 * 10
    assert list(table.rows["test"]) == list(range(40, 50))  # the last trajectory
    assert table.inputs == ("q", "p")
    assert str(table.layout) == "1 x 2 -> 1 x 2"


def test_a_trajectory_of_two_states_is_refused(normal):
    with pytest.raises(InputError, match="has 2 states, at least 3"):
        trajectories(normal(30, 2, 2), torch.tensor([0.0, 1.0]))


def test_states_and_times_must_fit(normal):
    with pytest.raises(InputError, match=r"states \[trajectories, times, size\]"):
        trajectories(normal(30, 4, 2), torch.arange(3.0))

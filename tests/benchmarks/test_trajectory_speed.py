"""What a trajectory costs when 64 are made at once, against one at a time.

pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

import time
from statistics import median

import pytest
import torch
from symbench_dynamics.bodies import TwoBody
from symbench_dynamics.pendula import SpringPendulum

BATCH = 64
TIMES = torch.linspace(0, 5, 26, dtype=torch.float64)


def seconds(task, state) -> float:
    started = time.perf_counter()
    task.solve(state, TIMES)
    return time.perf_counter() - started


@pytest.mark.parametrize("cls", [SpringPendulum, TwoBody], ids=lambda task: task.name)
@pytest.mark.parametrize("batch", [1, BATCH])
def test_trajectories(benchmark, cls, batch):
    task = cls()
    state = task.starts(batch, torch.Generator().manual_seed(0))
    benchmark.group = task.name
    benchmark.pedantic(task.solve, (state, TIMES), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("cls", [SpringPendulum, TwoBody], ids=lambda task: task.name)
def test_a_path_of_64_costs_at_most_a_fifth_of_a_path_alone(benchmark, cls):
    task = cls()
    state = task.starts(BATCH, torch.Generator().manual_seed(0))
    ratios = []

    def both() -> None:
        ratios.append(BATCH * seconds(task, state[:1]) / seconds(task, state))

    benchmark.pedantic(both, rounds=5, warmup_rounds=1)
    benchmark.extra_info["ratio"] = median(ratios)
    assert median(ratios) >= 5

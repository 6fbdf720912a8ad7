"""Least-action paths in a batch against one at a time.

pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

import time
from statistics import median

import pytest
import torch
from symbench_noether.action import least_action
from symbench_noether.attractors import AttractorNetwork
from symbench_noether.lagrangian import Lagrangian

BATCH, ALONE = 64, 16
INTERVALS, TIME = 100, 2.0
TASK = AttractorNetwork()


def perceptron():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [torch.nn.Linear(2, 32), torch.nn.SiLU(), torch.nn.Linear(32, 2)]
    return torch.nn.Sequential(*layers).double()


FIELDS = {"exact": TASK.drift, "learnt": perceptron()}


def paths(field, total, count):
    generator = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, BATCH, 2, generator=generator, dtype=torch.float64)
    times = torch.linspace(0, TIME, INTERVALS + 1, dtype=torch.float64)
    lagrangian = Lagrangian.autonomous(FIELDS[field], TASK.diffusion)
    return [
        least_action(lagrangian, start[i : i + count], end[i : i + count], times)
        for i in range(0, total, count)
    ]


def seconds(field, total, count) -> float:
    started = time.perf_counter()
    paths(field, total, count)
    return (time.perf_counter() - started) / total


@pytest.mark.parametrize(("total", "count"), [(ALONE, 1), (BATCH, BATCH)])
@pytest.mark.parametrize("field", FIELDS)
def test_least_action_paths(benchmark, field, total, count):
    benchmark.group = f"paths of {INTERVALS} intervals, {field} drift"
    found = benchmark.pedantic(paths, args=(field, total, count), rounds=3)
    assert all(bool(part.converged.all()) for part in found)


@pytest.mark.parametrize("field", FIELDS)
def test_a_path_of_a_batch_costs_at_most_a_fifth_of_one_alone(benchmark, field):
    ratios = []

    def both() -> None:
        ratios.append(seconds(field, ALONE, 1) / seconds(field, BATCH, BATCH))

    benchmark.pedantic(both, rounds=3)
    benchmark.extra_info["ratio"] = median(ratios)
    assert median(ratios) >= 5

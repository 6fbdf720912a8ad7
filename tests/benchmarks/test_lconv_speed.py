"""A training step of a low-rank L-conv against that of a CNN with as many parameters.

pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

import time
from statistics import median

import pytest
import torch
from torch.nn.functional import cross_entropy

import symbench
from symbench import Problem

MNIST = Problem("image", "cross-entropy", (1, 28, 28), (10,))
BATCH = 64


def size(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def built(name, **config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return symbench.model(name).for_tier("full", **config).build(MNIST)


def matched(parameters):
    """Return the CNN whose number of parameters is nearest to that of the L-conv."""
    return min(
        (built("cnn", channels=channels) for channels in range(16, 80)),
        key=lambda module: abs(size(module) - parameters),
    )


def step_of(module):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(BATCH, *MNIST.input_shape, generator=generator)
    y = torch.randint(10, (BATCH,), generator=generator)
    optimiser = torch.optim.Adam(module.parameters(), fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        cross_entropy(module(x), y).backward()
        optimiser.step()

    return step


def seconds(step) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


@pytest.mark.parametrize("name", ["lconv", "cnn"])
def test_one_training_step(benchmark, name):
    lconv = built("lconv")
    module = lconv if name == "lconv" else matched(size(lconv))
    benchmark.group = f"{size(module)} parameters"
    benchmark.pedantic(step_of(module), rounds=10, warmup_rounds=2)


def test_a_step_costs_at_most_three_times_that_of_a_cnn_of_equal_size(benchmark):
    lconv = built("lconv")
    cnn = matched(size(lconv))
    assert size(cnn) == pytest.approx(size(lconv), rel=0.1)
    steps = [step_of(lconv), step_of(cnn)]
    ratios = []

    def both() -> None:
        first, second = (seconds(step) for step in steps)
        ratios.append(first / second)

    benchmark.pedantic(both, rounds=9, warmup_rounds=2)
    benchmark.extra_info["ratio"] = median(ratios)
    assert median(ratios) <= 3

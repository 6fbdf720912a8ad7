"""How much faster networks compare pairs of graphs as a fleet than one by one.

pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

import time

import pair_toys
import pytest
import torch
from symbench_graphs.mini import BRECMini
from symbench_graphs.pair_fleet import Protocol
from symbench_graphs.paired import Comparison

TASK = BRECMini()
PAIRS = [pair for pair in TASK.pairs() if pair.category == "atlas-7"]
SHORT = Protocol(epochs=4)


def fresh(pair):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(pair.id)
        return pair_toys.Gin()


def compare(together):
    comparison = Comparison(fresh, TASK, 32, 0, SHORT, together)
    return comparison.verdicts(PAIRS, torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.parametrize("together", [True, False], ids=["fleet", "one-by-one"])
def test_compare_22_pairs(benchmark, together):
    verdicts = benchmark.pedantic(compare, (together,), rounds=3, warmup_rounds=1)
    assert len(verdicts) == 22


@pytest.mark.slow
def test_a_fleet_is_at_least_twice_as_fast():
    def seconds(together):
        started = time.perf_counter()
        compare(together)
        return time.perf_counter() - started

    seconds(True)
    ratios = [seconds(False) / seconds(True) for _ in range(3)]
    assert max(ratios) >= 2, ratios

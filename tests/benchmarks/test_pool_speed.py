"""Large group elements that move a batch element by element, against a matrix for each example.

pytest tests/benchmarks/test_pool_speed.py --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

import time
from statistics import median

import torch

import symbench
from symbench.training.objective import batch_indices
from symbench.training.pool import Pool, occurrences, room

PIXELS, ELEMENTS, BATCH = 400, 64, 128


def seconds(action) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def test_moving_by_element_takes_at_most_a_third(benchmark):
    rho = symbench.task("rotation-angle-large").symmetry.input
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(1, ELEMENTS, PIXELS, PIXELS, generator=generator)
    x = torch.randn(1, BATCH, rho.size, generator=generator)
    elements = batch_indices(ELEMENTS, BATCH, 1, generator)
    pool = Pool(matrices, room(BATCH, ELEMENTS))
    places = elements * pool.room + occurrences(elements)

    def together():
        return pool.moved(rho, x, places)

    def apart():
        return rho.act(matrices[0][elements[0]], x[0])

    torch.testing.assert_close(together()[0], apart(), rtol=1e-4, atol=1e-3)
    ratios = []

    def measure():
        ratios.append(seconds(together) / seconds(apart))

    benchmark.pedantic(measure, rounds=7, warmup_rounds=1)
    assert median(ratios) <= 1 / 3

"""How much faster a fleet trains than its trials one by one: a ratio, measured in one run.

pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
import toys

from symbench.fleet import Schooling, TrialKey, train
from symbench.plan import problem

REGISTRY = toys.toy_registry()
KEYS = [TrialKey(64, seed) for seed in range(25)]


@pytest.mark.parametrize("width", [16, 32, 128])
@pytest.mark.parametrize("fleet", ["on", "off"])
def test_train_25_trials(benchmark, fleet, width):
    task, model = REGISTRY.task("norms"), toys.Small(toys.Small.Config(width=width))
    view = partial(problem, REGISTRY, task, model)
    school = Schooling(task, model, view, 40, torch.device("cpu"), fleet=fleet)
    benchmark.group = f"width {width}"
    trials = benchmark.pedantic(train, (school, KEYS), rounds=3, warmup_rounds=1)
    assert {trial.stacked for trial in trials} == ({25} if fleet == "on" else {1})

"""How much faster 25 trials train together than one by one: ratios, each of one run.

pytest tests/benchmarks/test_fleet_speed.py --benchmark-enable
"""

from __future__ import annotations

import time
from functools import partial
from statistics import median

import pytest
import torch

from symbench import registry
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = registry.load()
TASK = "o5-invariant"
N_TRAIN, TRIALS = 100, 25
UPDATES = 100
CASES = {
    "MLP 3×32": ("mlp", {"width": 32}),
    "MLP 3×64": ("mlp", {"width": 64}),
    "MLP 3×128": ("mlp", {"width": 128}),
    "Scalars 3×128": ("scalars", {}),
}


def seconds(case, fleet, updates):
    """Wall seconds of the whole training, and the number of trials that trained together."""
    name, options = CASES[case]
    task, model = REGISTRY.task(TASK), REGISTRY.model(name).for_tier("quick", **options)
    problem_of = partial(make_problem, REGISTRY, task, model)
    setup = TrainingSetup(
        Draws.of(task), model, problem_of, updates, torch.device("cpu"), fleet=fleet
    )
    started = time.perf_counter()
    trials = train(setup, [TrialKey(N_TRAIN, seed) for seed in range(TRIALS)])
    return time.perf_counter() - started, trials[0].stacked


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_25_trials_together_against_one_by_one(benchmark, case):
    updates = 2 if benchmark.disabled else UPDATES
    seconds(case, "on", 2)
    ratios, autos, stacked = [], [], set()

    def all_ways() -> None:
        apart, one = seconds(case, "off", updates)
        together, all_of_them = seconds(case, "on", updates)
        auto, taken = seconds(case, "auto", updates)
        ratios.append(apart / together)
        autos.append(apart / auto)
        stacked.update({one, all_of_them, taken})

    benchmark.pedantic(all_ways, rounds=3)
    benchmark.extra_info |= {
        "what": f"25 trials together against one by one: {case}, {N_TRAIN} examples",
        "family": "fleet of 25",
        "ratio": median(ratios),
        "auto": median(autos),
        "target": "≥ 2.5× (geometric mean), auto ≥ 0.95×",
        "threads": torch.get_num_threads(),
    }
    assert stacked == {1, TRIALS}  # both ways were taken

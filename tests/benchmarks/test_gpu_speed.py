"""On a GPU: a fleet of 25 against a plain PyTorch loop, and against its own graph alone.

pytest tests/benchmarks/test_gpu_speed.py --benchmark-enable --benchmark-json=FILE
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
from symbench.training import train as training
from symbench.training.cuda_graph import Replay
from symbench.training.objective import trial_losses
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train
from symbench.training.update import Update

REGISTRY = registry.load()
TASK = "o5-invariant"
N_TRAIN, TRIALS = 100, 25
UPDATES, PLAIN, WARM = 1000, 100, 10  # updates timed of a fleet, of each trial alone, of neither
CASES = {
    "MLP 3×32": ("mlp", {"width": 32}),
    "MLP 3×64": ("mlp", {"width": 64}),
    "MLP 3×128": ("mlp", {"width": 128}),
    "Scalars 3×128": ("scalars", {}),
}

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def setup_of(case):
    name, options = CASES[case]
    task, model = REGISTRY.task(TASK), REGISTRY.model(name).for_tier("quick", **options)
    view = partial(make_problem, REGISTRY, task, model)
    return TrainingSetup(
        Draws.of(task), model, view, UPDATES + WARM, torch.device("cuda"), fleet="on"
    )


def seconds(work, updates):
    """Wall seconds of one of the updates that ``work(first, last)`` takes."""
    work(0, WARM)
    torch.cuda.synchronize()
    started = time.perf_counter()
    work(WARM, WARM + updates)
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / updates


def plain(where):
    """The loop that anybody would write: one network, batches by index, Adam, no schedule."""
    recipe = where.model.recipe(where.make_problem(None))
    data = where.draws.train(N_TRAIN, 0).to(where.device)
    net = training._prepare(where, TrialKey(N_TRAIN, 0)).module.train()
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    batch = min(recipe.batch_size, N_TRAIN)

    def work(first, last):
        for _ in range(first, last):
            at = torch.randperm(N_TRAIN, device=where.device)[:batch]
            x, y = data.x[at], data.y[at]
            optimiser.zero_grad()
            trial_losses(where.task, net(x)[None], (x[None], y[None])).sum().backward()
            optimiser.step()

    return seconds(work, PLAIN)


def fleet(where):
    """Seconds of an update of the fleet as the engine takes it, and of the graph's replay alone."""
    trials = [training._prepare(where, TrialKey(N_TRAIN, seed)) for seed in range(TRIALS)]
    stack = Update(trials, where.model.recipe(where.make_problem(None)), where)
    take = Replay(stack, where.device)

    def engine(first, last):
        for update in range(first, last):
            take(update)

    def graph(first, last):
        for update in range(first, last):
            if update % 50 == 0:  # the graph counts on, and the block of indices ends
                stack._objective._position.zero_()
            take._graph.replay()

    whole = seconds(engine, UPDATES)
    assert take.capture.captured, take.capture.reason
    return whole, seconds(graph, UPDATES)


@pytest.mark.parametrize("case", CASES)
def test_25_trials_on_a_gpu_against_a_plain_loop(benchmark, case):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    where = setup_of(case)
    ratios, shares = [], []

    def both_ways():
        one, (whole, floor) = plain(where), fleet(where)
        ratios.append(TRIALS * one / whole)
        shares.append(floor / whole)

    benchmark.pedantic(both_ways, rounds=3)
    gpu = torch.cuda.get_device_name()
    benchmark.extra_info |= {
        "what": f"25 trials on {gpu} against a plain loop, and share of the graph alone: {case}",
        "family": "fleet of 25 on a GPU",
        "ratio": median(ratios),
        "floor": median(shares),
        "target": "≥ 20× (geometric mean), ≥ 60 % of the graph alone",
    }


@pytest.mark.parametrize("case", CASES)
def test_the_graph_gives_what_the_steps_give(case):
    """Held to the same updates without a graph: what the CPU can only emulate."""

    class Refused:
        def capture_begin(self):
            raise RuntimeError("not asked for")

    where = setup_of(case)
    short = {**vars(where), "updates": 120}
    keys = [TrialKey(n, seed) for n in (20, N_TRAIN) for seed in range(3)]
    captured = train(TrainingSetup(**short), keys)
    eager = train(TrainingSetup(**{**short, "graph": Refused}), keys)
    assert [trial.capture.captured for trial in captured] == [True] * 6
    assert [trial.capture.captured for trial in eager] == [False] * 6
    x = where.draws.valid(0).to(where.device).x
    with torch.no_grad():
        outputs = [torch.stack([t.module(x) for t in trials]) for trials in (captured, eager)]
    torch.testing.assert_close(*outputs, atol=1e-4, rtol=1e-3)

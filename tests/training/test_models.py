"""Every built-in model: a trial's result does not depend on whether it trained in a fleet.

Rounding errors grow with every update, because Adam divides small gradients by their size. So the
two routes are compared after a few updates only: in float64, where they agree to 1e-6 of the
output's size, or in float32 to 5e-3 for modules and augmentations that fix their own type.
"""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from emulated_graph import EmulatedGraph
from several import two_a_plugin

from symbench import draws as drawing
from symbench import registry
from symbench.contract import Fits
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = registry.load()
MODELS = [name for name, card in REGISTRY.models.items() if card.plugin != "symbench_example"]
KEYS = [TrialKey(8, 1), TrialKey(8, 2), TrialKey(12, 1)]
UPDATES = 4
HOST = {  # not captured: they read counts, or whether a decomposition has succeeded
    "gat", "gcn", "i2-gnn", "lrp", "mlp-frames", "node-time", "port-hnn-jr", "pyg-gat",
    "pyg-gcn", "pyg-gin", "pyg-gps", "pyg-pna", "pyg-sage", "spectrum",
}  # fmt: skip
HOST |= {  # they read times, which are on the CPU: here that is the device, too
    f"{head}-emlp-{group}" for head in ("node", "hnn") for group in ("so2", "d2", "d6")
}
WHY = ("needs the host", "has a result whose size is known on the device only")
TOLERANCE = {torch.float64: 1e-6, torch.float32: 5e-3}


def easiest_task(model):
    """The task of fewest numbers an example among those that are here and that it accepts."""
    tasks = [REGISTRY.task(name) for name in REGISTRY.tasks]
    here = [task for task in tasks if task.loss != "none" and task.is_local()]
    accepted = [task for task in here if model.accepts(make_problem(REGISTRY, task, model)) is None]
    return min(
        accepted,
        key=lambda t: (t.kind == "trajectory", math.prod(t.input_shape + t.output_shape)),
        default=None,
    )


def trained(model, task, fleet, dtype, monkeypatch):
    draw, build = drawing._draw, type(model).build
    with monkeypatch.context() as patch:
        patch.setattr(drawing, "_draw", lambda *what: draw(*what).to(dtype))
        patch.setattr(
            model, "build", lambda problem: build(model, problem).to(dtype), raising=False
        )
        problem_of = partial(make_problem, REGISTRY, task, model)
        setup = TrainingSetup(
            Draws.of(task), model, problem_of, UPDATES, torch.device("cpu"), 1, fleet
        )
        return train(setup, KEYS)


def routes(model, task, dtype, monkeypatch):
    """The trials of both routes, and their outputs [trials, n, ...]."""
    x = task.sample(6, 0, "valid").x.to(dtype)
    ways = [trained(model, task, fleet, dtype, monkeypatch) for fleet in ("auto", "off")]
    with torch.no_grad():
        return ways, [torch.stack([trial.module(x) for trial in trials]) for trials in ways]


@pytest.mark.parametrize("name", two_a_plugin(REGISTRY, MODELS))
def test_a_trials_result_is_the_same_in_a_fleet_and_alone(name, monkeypatch):
    model = REGISTRY.model(name).for_tier("smoke")
    if isinstance(model, Fits):
        pytest.skip("trains itself, one trial at a time")
    task = easiest_task(model)
    if task is None:
        pytest.skip("accepts no task that is here and has something to learn")
    dtype = torch.float64
    try:
        ways, (fleet, alone) = routes(model, task, dtype, monkeypatch)
    except (RuntimeError, TypeError):  # layers, or a pool of group elements, of a fixed type
        dtype = torch.float32
        ways, (fleet, alone) = routes(model, task, dtype, monkeypatch)
    assert [t.diverged for t in ways[0]] == [t.diverged for t in ways[1]] == [False] * 3
    assert {trial.stacked for trial in ways[1]} == {1}
    decision = ways[0][0].stacking
    if decision is not None:  # something in it is trained
        assert decision.reason in ("short", "impossible")
        assert [t.stacked for t in ways[0]] == ([2, 2, 1] if decision.stacked else [1, 1, 1])
    size = alone.abs().max().clamp(min=1e-3)
    assert float((fleet - alone).abs().max() / size) < TOLERANCE[dtype]


@pytest.mark.parametrize("name", two_a_plugin(REGISTRY, MODELS))
def test_a_models_update_is_captured_as_it_is_or_not_at_all(name):
    model = REGISTRY.model(name).for_tier("smoke")
    task = None if isinstance(model, Fits) else easiest_task(model)
    if task is None:
        pytest.skip("trains itself, or accepts no task that is here and has something to learn")
    problem_of, device = partial(make_problem, REGISTRY, task, model), torch.device("cpu")
    ways = [
        train(
            TrainingSetup(Draws.of(task), model, problem_of, UPDATES + 1, device, 1, graph=graph),
            KEYS[:2],
        )
        for graph in (None, EmulatedGraph)
    ]
    for eager, replayed in zip(*ways, strict=True):
        for a, b in zip(*(t.module.state_dict().values() for t in (eager, replayed)), strict=True):
            assert torch.equal(a, b)
    capture = ways[1][0].capture
    if capture is not None:  # something in it is trained
        assert capture.captured == (name not in HOST), capture.reason
        assert capture.captured or capture.reason.endswith(WHY)

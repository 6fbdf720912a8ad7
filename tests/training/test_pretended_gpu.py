"""Every model trains on a pretended GPU: CUDA refuses nothing, and what waits for it is known."""

from __future__ import annotations

import math
from functools import cache, partial

import pytest
import torch
from pretended_gpu import DEVICE, PretendedGPU
from torch.utils._python_dispatch import _disable_current_modes

from symbench import registry
from symbench.contract import Data
from symbench.draws import Draws
from symbench.registry.problem import for_model, make_problem, shown
from symbench.runs.score import metrics_for, score
from symbench.training import cuda_graph, stacking
from symbench.training import train as training
from symbench.training.cuda_graph import Replay
from symbench.training.setup import TrainingSetup, TrialKey, trainable
from symbench.training.stacking import update_work
from symbench.training.train import train
from symbench.training.update import Update

REGISTRY = registry.load()
MODELS = [name for name, card in REGISTRY.models.items() if card.plugin != "symbench_example"]
KEY, FITTED = TrialKey(8, 1), TrialKey(100, 1)  # some models that train themselves need more
UPDATES = 2  # the first fills caches, as those before a capture do
READS = "aten::_local_scalar_dense needs the host"
COUNTS = "aten::nonzero has a result whose size is known on the device only"
CHECKS = "aten::_linalg_check_errors needs the host"
WAITING = {  # models whose updates are not captured, and the operation that waits for the host
    "i2-gnn": READS,  # the largest degree of the batch
    "lrp": READS,  # likewise
    "mlp-frames": CHECKS,  # whether a factorisation of the inputs has succeeded
    "spectrum": "aten::_linalg_eigh needs the host",  # likewise
    **dict.fromkeys(  # lists of edges, as torch_geometric needs them
        ("pyg-gat", "pyg-gcn", "pyg-gin", "pyg-gps", "pyg-pna", "pyg-sage"), COUNTS
    ),
}


@cache
def problem_of(name, prior):
    return shown(REGISTRY.task(name), prior)


@cache
def here():
    return [task for name in REGISTRY.tasks if (task := REGISTRY.task(name)).is_local()]


def demand(task):
    """Trajectories demand most, then the tasks of many numbers an example."""
    return task.kind == "trajectory", math.prod(task.input_shape + task.output_shape)


def extremes(model):
    """The tasks that demand least and most, of those that are here and that the model accepts."""

    def accepts(task):
        problem = for_model(REGISTRY, problem_of(task.name, model.prior), model)
        return model.accepts(problem) is None

    accepted = list(filter(accepts, here()))
    learned = [task for task in accepted if task.loss != "none"] or accepted
    return sorted({choose(learned, key=demand).name for choose in (min, max)})


def on_host(function):
    """A function that computes on the CPU, and is faster where nothing watches it."""

    def called(*args):
        with _disable_current_modes():
            return function(*args)

    return called


@cache
def reduced(name):
    """A task with few examples; a trajectory ends after one step, since the others are alike."""
    task = REGISTRY.task(name)
    task.test_size = task.valid_size = KEY.n_train
    sample = task.sample = on_host(task.sample)
    if task.times:
        task.times, task.output_shape = task.times[:2], (2, *task.output_shape[1:])
        task.sample = lambda *what: Data((drawn := sample(*what)).x, drawn.y[:, :2])
    return task


def trained(model, task):
    """Build or fit a network, and take updates of a stack of it; return why they are not captured.

    "short" is that nothing stands against it.
    """
    view = on_host(partial(make_problem, REGISTRY, task, model))
    model.build = on_host(model.build)
    setup = TrainingSetup(Draws(task, "pretended"), model, view, UPDATES, DEVICE, graph=object)
    trial = training._prepare(setup, FITTED if setup.fits else KEY)
    if setup.fits or task.loss == "none" or not trainable(trial.module):
        return "short"
    stack = [trial] * (2 if stacking._stacks(trial, setup) else 1)
    take = Replay(Update(stack, setup.recipe_used, setup), DEVICE, setup.graph)
    for update in range(UPDATES):
        take(update)
    return take.capture.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_gpu_refuses_nothing_and_waits_where_it_is_known(name, monkeypatch):
    monkeypatch.setattr(cuda_graph, "_EAGER", UPDATES)
    make = partial(REGISTRY.model(name).for_tier, "smoke")
    tasks = [reduced(task) for task in extremes(make())]
    with PretendedGPU() as gpu:
        reasons = {trained(make(), task) for task in tasks}
    assert gpu.refused == set()
    assert reasons == {WAITING.get(name, "short")}


def test_a_cell_trains_in_stacks_that_fit_and_is_scored(monkeypatch):
    model, task = REGISTRY.model("mlp-augmented").for_tier("smoke"), reduced("o5-invariant")
    view = partial(make_problem, REGISTRY, task, model)
    setup = TrainingSetup(Draws(task, "pretended"), model, view, 1, DEVICE, 1)
    keys = [TrialKey(8, seed) for seed in range(3)]
    with PretendedGPU() as gpu:
        trials = train(setup, keys)
        numbers = update_work(trials[0], setup.recipe_used, setup).numbers
        monkeypatch.setattr(stacking, "_GPU_NUMBERS", 2 * numbers)
        halves = train(setup, keys)
        scored = score(trials, setup.draws, view(None), metrics_for(REGISTRY, task, model))
    assert [[trial.stacked for trial in some] for some in (trials, halves)] == [[3] * 3, [2, 2, 1]]
    assert all("equivariance_error" in trial.scores for trial in scored.trials)
    assert gpu.refused == set()


def test_a_pretended_gpu_refuses_what_cuda_refuses():
    with PretendedGPU() as gpu:
        x, row = torch.ones(3, 2, device=DEVICE), torch.ones(2)
        x * torch.tensor(2.0)
        x[torch.tensor([0, 2])].to("cpu") + row
        assert x.sum().item() == 6
        assert gpu.refused == set()
        x + row
        x @ row
        torch.cat([x, row[None]])
        torch.rand(2, device=DEVICE, generator=torch.Generator())
    assert {found.split()[0] for found in gpu.refused} == {
        "aten::add", "aten::mv", "aten::cat", "aten::rand",
    }  # fmt: skip

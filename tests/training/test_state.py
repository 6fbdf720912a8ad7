"""Whatever a module keeps or shares: each trial has its own, or the training is refused."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import odd_modules as odd
import pytest
import torch
import toys

from symbench.draws import Draws
from symbench.errors import InputError
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
SOME = [TrialKey(64, seed) for seed in range(3)]


def setup_of(model, fleet="auto", updates=40):
    problem_of = partial(make_problem, REGISTRY, TASK, model)
    return TrainingSetup(
        Draws.of(TASK), model, problem_of, updates, torch.device("cpu"), fleet=fleet
    )


def outputs(trials):
    x = TASK.sample(32, 0, "test").x
    with torch.no_grad():
        return torch.stack([trial.module(x.clone()) for trial in trials])


@pytest.mark.parametrize("module", odd.OWN_STATE)
def test_what_a_module_keeps_is_each_trials_own(module):
    together = train(setup_of(odd.built(module), updates=8), SOME)
    outside = module is odd.Outside  # a copy of it raises
    assert together[0].stacking.reason == ("impossible" if outside else "state")
    for trial, key in zip(together, SOME, strict=True):
        alone = train(setup_of(odd.built(module), "off", updates=8), [key])
        assert torch.equal(outputs([trial]), outputs(alone))


def test_asking_for_a_fleet_does_not_share_state():
    trials = train(setup_of(odd.built(odd.PlainTensor), "on", updates=8), SOME)
    assert (trials[0].stacking.stacked, trials[0].stacking.reason) == (False, "state")


def test_a_cache_of_evaluation_mode_does_not_prevent_stacking():
    ways = [train(setup_of(odd.built(odd.EvalCache), f, updates=8), SOME) for f in ("on", "off")]
    assert ways[0][0].stacked == len(SOME)
    torch.testing.assert_close(*map(outputs, ways), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("module", odd.UNUSUAL)
def test_what_torch_trains_is_trained(module):
    before = train(setup_of(odd.built(module), updates=0), SOME)
    after = train(setup_of(odd.built(module), updates=60), SOME)
    test = TASK.sample(256, 0, "test")
    with torch.no_grad():
        errors = [
            [float((t.module(test.x) - test.y).square().mean()) for t in trials]
            for trials in (before, after)
        ]
    assert all(new < old for old, new in zip(*errors, strict=True))


@pytest.mark.parametrize("module", [odd.shared_module, odd.SharedNorm])
def test_trials_that_share_what_training_changes_are_refused(module):
    odd.shared_module.cache_clear()
    with pytest.raises(InputError, match="make a new module in each call of build"):
        train(setup_of(odd.built(module)), SOME)


def test_a_module_that_is_built_once_is_refused_for_one_trial_too():
    odd.shared_module.cache_clear()
    with pytest.raises(InputError, match="make a new module in each call of build"):
        train(setup_of(odd.built(odd.shared_module)), SOME[:1])


def test_a_constant_that_all_trials_share_is_allowed():
    constant = torch.randn(6, 6)

    class Fixed(odd.Wrapped):
        def __init__(self, i, o):
            super().__init__(i, o)
            self.register_buffer("features", constant)

        def forward(self, x):
            return self.net(x @ self.features)

    assert train(setup_of(odd.built(Fixed)), SOME)[0].stacked == len(SOME)


@pytest.mark.parametrize("module", [odd.lazy, odd.by_numpy, odd.by_python])
def test_initial_values_come_from_the_seed(module):
    trials = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance), np.random.seed(disturbance), random.seed(disturbance)  # noqa: NPY002
        trials.append(train(setup_of(odd.built(module), updates=0), SOME))
    first, again = map(outputs, trials)
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])


def test_initial_values_that_no_seed_reaches_are_refused():
    with pytest.raises(InputError, match=r"two builds with one seed differ in 0.weight.*generator"):
        train(setup_of(odd.built(odd.by_the_system)), SOME)


def test_global_generators_are_restored():
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    train(setup_of(odd.built(odd.by_numpy), updates=2), SOME)
    train(setup_of(odd.built(odd.by_python), updates=2), SOME)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002


@pytest.mark.parametrize("fleet", ["on", "off"])
@pytest.mark.parametrize("base", [toys.Small, toys.Penalised])
def test_a_network_that_writes_into_its_input_changes_no_data(fleet, base):
    class Writing(base):
        def build(self, problem):
            return odd.WritesIntoInput(problem.input_size, problem.output_size)

    class Centring(base):
        def build(self, problem):
            return odd.Centring(problem.input_size, problem.output_size)

    setups = [setup_of(model(), fleet) for model in (Writing, Centring)]
    drawn = setups[0].draws.train(64, 1).x
    writing, centring = (outputs(train(setup, SOME)) for setup in setups)
    torch.testing.assert_close(writing, centring)
    assert torch.equal(setups[0].draws.train(64, 1).x, drawn)

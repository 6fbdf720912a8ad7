"""A model that trains itself may train the trials of one n_train together."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import toys
from torch import nn

from symbench import InputError
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
KEYS = [TrialKey(n, seed) for n in (16, 64) for seed in range(3)]


class Means(toys.Small):
    """Predicts the mean target of its examples, plus a small drawn weight."""

    name = "means"

    def fit(self, problem, data, context):
        return self.fit_together([problem], [data], [context])[0]

    def fit_together(self, problems, data, contexts):
        calls().append([(context.n_train, context.seed) for context in contexts])
        return [self._fitted(*trial) for trial in zip(problems, data, contexts, strict=True)]

    def _fitted(self, problem, data, context):
        torch.manual_seed(problem.generator.initial_seed())
        net = nn.Sequential(nn.Flatten(), nn.Linear(problem.input_size, problem.output_size))
        with torch.no_grad():
            net[1].weight.mul_(torch.rand((), generator=context.generator))
            net[1].bias.copy_(data.y.mean(0))
        return net


class Forgetful(Means):
    """Returns too few modules."""

    name = "forgetful"

    def fit_together(self, problems, data, contexts):
        return super().fit_together(problems, data, contexts)[1:]


def calls():
    """The calls so far; kept where the check of what trials share does not look."""
    return torch.__dict__.setdefault("_calls_of_a_test", [])


def trained(model, fleet="auto"):
    problem = partial(make_problem, REGISTRY, TASK, model)
    setup = TrainingSetup(Draws.of(TASK), model, problem, 20, torch.device("cpu"), fleet=fleet)
    calls().clear()
    return train(setup, KEYS)


def test_the_trials_of_one_size_are_one_call():
    trials = trained(Means())
    sizes = [[(n, seed) for seed in range(3)] for n in (16, 64)]
    assert calls() == [*sizes, sizes[0]]  # the first once more: it must give the same again
    assert {trial.stacked for trial in trials} == {3}
    assert all(trial.seconds > 0 for trial in trials)


def test_together_and_alone_are_equal():
    together, alone = trained(Means()), trained(Means(), "off")
    assert all(len(call) == 1 for call in calls())
    assert {trial.stacked for trial in alone} == {1}
    for one, other in zip(together, alone, strict=True):
        assert one.key == other.key
        assert all(
            torch.equal(a, b)
            for a, b in zip(one.module.parameters(), other.module.parameters(), strict=True)
        )


def test_a_missing_module_is_named():
    with pytest.raises(InputError, match="returned 2 modules for 3 trials"):
        trained(Forgetful())

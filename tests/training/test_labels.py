"""At n_train a model looks at n_train labels: what it chooses by is cut from them."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import toys
from torch import nn

from symbench import Recipe
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.training.labels import set_aside
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")
KEY = TrialKey(30, 1)


class Separate(toys.Norms):
    separate_validation = "the protocol of a paper"


class Choosing(toys.Small):
    def recipe(self, problem):
        return Recipe(learning_rate=0.01, batch_size=32, selection="best-valid")


class Fitting(toys.Small):
    """Keeps what it was given."""

    seen = None

    def fit(self, problem, data, context):
        type(self).seen = data, context
        return self.build(problem)


def trained(model, task=TASK, keys=(KEY,)):
    make = partial(make_problem, REGISTRY, task, model)
    return train(TrainingSetup(Draws.of(task), model, make, 20, torch.device("cpu")), keys)


def rows(data):
    return {tuple(row.tolist()) for row in data.x}


def test_a_fifth_is_set_aside_where_a_recipe_selects():
    (trial,) = trained(Choosing())
    assert (len(trial.data), len(trial.valid)) == (24, 6)
    assert rows(trial.data) | rows(trial.valid) == rows(Draws.of(TASK).train(30, 1))


def test_all_examples_train_where_nothing_is_chosen():
    (trial,) = trained(toys.Small())
    assert len(trial.data) == 30


def test_a_model_that_trains_itself_gets_validation_data_out_of_its_own():
    trained(Fitting())
    data, context = Fitting.seen
    assert (len(data), len(context.rest), len(context.valid)) == (30, 24, 6)
    assert rows(context.rest) | rows(context.valid) == rows(data)


@pytest.mark.parametrize("model", [Choosing, Fitting])
def test_a_task_may_allow_a_separate_validation_set(model):
    task = Separate()
    (trial,) = trained(model(), task)
    valid = rows(trial.valid)
    assert len(valid) == task.valid_size
    assert not valid & rows(Draws.of(task).train(30, 1))
    if model is Fitting:
        data, context = Fitting.seen
        assert rows(context.valid) == valid
        assert rows(context.rest) == rows(data)


@pytest.mark.parametrize(("n", "aside"), [(2, 1), (4, 1), (5, 1), (9, 1), (10, 2), (1000, 200)])
def test_the_share_that_is_set_aside(n, aside):
    rest, valid = set_aside(TASK.sample(n, 0, "train"))
    assert (len(rest), len(valid)) == (n - aside, aside)


def test_trials_of_different_sizes_choose_together_as_they_choose_alone():
    keys = [TrialKey(n, seed) for n in (40, 100, 200) for seed in range(2)]
    together = trained(Choosing(), keys=keys)
    for key, trial in zip(keys, together, strict=True):
        (alone,) = trained(Choosing(), keys=[key])
        x = TASK.sample(16, 0, "test").x
        torch.testing.assert_close(trial.module(x), alone.module(x), atol=2e-4, rtol=2e-4)


def test_the_untrained_network_is_kept_at_the_largest_size():
    small, large = trained(toys.Small(), keys=[TrialKey(16, 0), TrialKey(64, 0)])
    assert small.initial is None
    assert isinstance(large.initial, nn.Module)
    x = TASK.sample(8, 0, "test").x
    (untrained,) = trained(toys.Small(), keys=[TrialKey(64, 0)])
    assert torch.equal(large.initial(x), untrained.initial(x))
    assert not torch.equal(large.initial(x), large.module(x))

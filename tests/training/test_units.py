"""Targets of any size, and targets that do not vary, are trained like any other."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import toys

from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.testing.units import Units, in_units
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

REGISTRY = toys.toy_registry()
TASK = REGISTRY.task("norms")


def trained(task, model, fleet="on"):
    problem = partial(make_problem, REGISTRY, task, model)
    setup = TrainingSetup(
        Draws(task, "units"), model, problem, 20, torch.device("cpu"), fleet=fleet
    )
    trials = train(setup, [TrialKey(16, 0), TrialKey(16, 1)])
    assert not any(trial.diverged for trial in trials)
    x = task.sample(32, 0, "test").x
    with torch.no_grad():
        return torch.stack([trial.module(x) for trial in trials])


@pytest.mark.parametrize("fleet", ["on", "off"])
@pytest.mark.parametrize("factor", [2.0**-100, 2.0**-40, 2.0**40, 2.0**100])
@pytest.mark.parametrize("model", [toys.Small, toys.Augmented, toys.Penalised])
def test_the_unit_of_the_targets_changes_no_bit(model, factor, fleet):
    usual = trained(TASK, model(), fleet)
    other = trained(in_units(TASK, Units(1.0, factor)), model(), fleet)
    assert torch.equal(usual, other / factor)


@pytest.mark.parametrize("factor", [2.0**-40, 2.0**40])
def test_the_unit_of_the_inputs_changes_no_bit(factor):
    usual = trained(TASK, toys.Penalised())
    other = trained(in_units(TASK, Units(factor, 1.0)), toys.Penalised())
    assert torch.equal(usual, other)


class Same(toys.Norms):
    """Constant targets."""

    value = 0.0

    def sample(self, n, seed, split):
        data = super().sample(n, seed, split)
        data.y.fill_(self.value)
        return data


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-12, 1e12])
def test_constant_targets_are_learned_to_within_their_size(value):
    task = Same()
    task.value = value
    found = trained(task, toys.Small())
    assert bool(found.isfinite().all())
    assert float((found - value).abs().max()) < 2 * (abs(value) or 1)

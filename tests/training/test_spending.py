"""What a model that trains itself spends is counted, and compared with its budget."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import toys
from torch import nn

from symbench.draws import Draws
from symbench.groups import Standardised
from symbench.registry.problem import make_problem
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.spending import counted
from symbench.training.train import train


def loop(module, steps, passes=1):
    optimiser = torch.optim.Adam(module.parameters())
    for _ in range(steps):
        optimiser.zero_grad()
        for _ in range(passes):
            module(torch.ones(4, 3)).square().sum().backward()
        optimiser.step()


def test_steps_and_outermost_passes_are_counted():
    with counted() as counter:
        loop(nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 2))), 7, passes=2)
    assert (counter.steps, counter.passes) == (7, 14)


def test_evaluation_is_free():
    module = nn.Linear(3, 2)
    with counted() as counter, torch.no_grad():
        module(torch.ones(4, 3))
    assert counter.passes == 0


def test_nothing_is_counted_afterwards():
    with counted() as counter:
        pass
    loop(nn.Linear(3, 2), 3)
    assert (counter.steps, counter.passes) == (0, 0)


def test_a_pass_that_raises_does_not_hide_the_next():
    class Faulty(nn.Linear):
        def forward(self, x):
            raise ValueError

    with counted() as counter:
        for _ in range(2):
            with pytest.raises(ValueError, match=r"^$"):
                Faulty(3, 2)(torch.ones(4, 3))
        nn.Linear(3, 2)(torch.ones(4, 3))
    assert counter.passes == 3


@pytest.mark.parametrize(
    ("steps", "passes", "over"), [(10, 1, False), (20, 1, False), (21, 1, True), (10, 11, True)]
)
def test_two_steps_and_ten_passes_an_update_are_allowed(steps, passes, over):
    with counted() as counter:
        loop(nn.Linear(3, 2), steps, passes)
    assert counter.spent(updates=10).over is over


@pytest.mark.parametrize(("updates", "over"), [(20, False), (21, True)])
def test_without_an_optimiser_each_pass_is_an_update(updates, over):
    module = nn.Linear(3, 2)
    with counted() as counter:
        for _ in range(updates):
            slope = torch.autograd.grad(module(torch.ones(4, 3)).square().sum(), module.weight)[0]
            module.weight.data -= 0.01 * slope
    assert counter.steps == 0
    assert counter.spent(updates=10).over is over


class Calibrated(Standardised):
    """A network that is also trained, by some steps, when it is shown its data."""

    steps = 0

    def calibrate(self, x, y):
        super().calibrate(x, y)
        optimiser = torch.optim.Adam(self.parameters())
        for _ in range(self.steps):
            optimiser.zero_grad()
            (self(x) - y).square().mean().backward()
            optimiser.step()


def network(steps):
    class Calibrating(toys.Small):
        def build(self, problem):
            net = Calibrated(nn.Linear(problem.input_size, 1), problem.input_size, 1)
            net.steps = steps
            return net

    return Calibrating()


@pytest.mark.parametrize(("steps", "over"), [(0, False), (30, True)])
def test_a_module_that_trains_while_it_is_shown_its_data_is_over_the_budget(steps, over):
    model, registry = network(steps), toys.toy_registry()
    task = registry.task("norms")
    make = partial(make_problem, registry, task, model)
    setup = TrainingSetup(Draws.of(task), model, make, 20, torch.device("cpu"))
    (trial,) = train(setup, [TrialKey(30, 0)])
    assert (trial.spent is not None) is over
    if over:
        assert trial.spent.steps == steps
        assert trial.spent.over

"""What a model that trains itself spends is counted, and compared with its budget."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from symbench.training.spending import counted


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

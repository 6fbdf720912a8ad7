"""The law of units tells absolute floors from models that read raw numbers."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import nn
from toys import Norms, Small

from symbench import hookimpl
from symbench.registry import Registry
from symbench.testing import Skipped
from symbench.testing.conformance import Subject
from symbench.testing.units import (
    Units,
    changes_of_units,
    in_units,
    other_units_change_nothing,
)


class Scaled(nn.Module):
    """A perceptron on inputs divided by their deviation, which is at least ``floor``."""

    def __init__(self, net, floor):
        super().__init__()
        self.net, self.floor = net, floor
        self.register_buffer("scale", torch.ones(2))

    def calibrate(self, x, y):
        self.scale = torch.stack([x.std(), y.std()]).clamp(min=self.floor)

    def forward(self, x):
        return self.net(x / self.scale[0]) * self.scale[1]


class Floored(Small):
    """Takes deviations below 1e-6 for zero."""

    floor = 1e-6

    def build(self, problem):
        net = nn.Sequential(nn.Linear(problem.input_size, 8), nn.SiLU(), nn.Linear(8, 1))
        return Scaled(net, self.floor)


class Free(Floored):
    """Has no floor."""

    floor = 0.0


class Raw(Small):
    """Reads and returns raw numbers."""

    def build(self, problem):
        return nn.Sequential(nn.Linear(problem.input_size, 8), nn.SiLU(), nn.Linear(8, 1))


def subject(model):
    def symbench_register(registry):
        registry.task(Norms)
        registry.model(model)

    registry = Registry()
    plugin = ModuleType("toy")
    vars(plugin)["symbench_register"] = hookimpl(symbench_register)
    registry.add(plugin, "toy", "1", "here")
    return Subject(registry, registry.models["small"])


@pytest.mark.parametrize("model", [Small, Free])
def test_a_model_that_standardises_keeps_the_law(model):
    other_units_change_nothing(subject(model))


def test_an_absolute_floor_breaks_the_law():
    with pytest.raises(AssertionError, match="positive_scale"):
        other_units_change_nothing(subject(Floored))


def test_a_model_that_reads_raw_numbers_is_told_so():
    with pytest.raises(Skipped, match="depend on the units of norms"):
        other_units_change_nothing(subject(Raw))


def test_a_task_in_other_units_has_the_same_draws():
    task = Norms()
    usual, other = (t.sample(5, 0, "train") for t in (task, in_units(task, Units(4.0, 0.5))))
    assert torch.equal(other.x, 4 * usual.x)
    assert torch.equal(other.y, usual.y / 2)


def test_classes_and_angles_have_no_units():
    class Turning(Norms):
        periods = (6.28,) * 6

    class Classes(Norms):
        loss = "cross-entropy"

    assert changes_of_units(Classes(), 2.0) == []
    assert changes_of_units(Turning(), 2.0) == [Units(targets=2.0), Units(targets=0.5)]

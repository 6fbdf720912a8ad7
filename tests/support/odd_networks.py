"""Models whose trained networks are more than their parameters and buffers; one that is not."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from symbench import Model, hookimpl

PLUGIN = Path(__file__)


class _Centred(nn.Module):
    """A linear map of centred inputs; the centre is a buffer of the training data."""

    def __init__(self, size):
        super().__init__()
        self.linear = nn.Linear(size, 1)
        self.register_buffer("mean", torch.zeros(size))

    def calibrate(self, x, y):
        self.mean = x.mean(0)

    def forward(self, x):
        return self.linear(x - self.mean)


class Calibrated(Model):
    name, version, prior = "odd-calibrated", "1", "none"

    def build(self, problem):
        return _Centred(problem.input_size)


class _Shifted(nn.Linear):
    def __init__(self, size):
        super().__init__(size, 1)
        self.offset = 0.0

    def forward(self, x):
        return super().forward(x) + self.offset


class Attribute(Model):
    """``fit`` sets a plain attribute."""

    name, version, prior = "odd-attribute", "1", "none"

    def build(self, problem):
        return _Shifted(problem.input_size)

    def fit(self, problem, data, context):
        module = self.build(problem)
        module.offset = float(data.y.mean())
        return module


class Foreign(Attribute):
    """``fit`` returns another network than ``build``."""

    name = "odd-foreign"

    def fit(self, problem, data, context):
        return nn.Sequential(nn.Linear(problem.input_size, 3), nn.ReLU(), nn.Linear(3, 1))


class Forgetful(Attribute):
    """``build`` raises."""

    name = "odd-forgetful"

    def build(self, problem):
        raise RuntimeError("built once only")

    def fit(self, problem, data, context):
        return nn.Linear(problem.input_size, 1)


@hookimpl
def symbench_register(registry):
    for model in (Calibrated, Attribute, Foreign, Forgetful):
        registry.model(model)

"""Tricks with data and updates."""

from __future__ import annotations

from typing import ClassVar

import torch
from tricks import Fitted, Trick, Wrapped

from symbench import Data, hookimpl


class Honest(Fitted):
    """The loop without a trick."""

    name = "honest-loop"


class Validated(Fitted):
    """Trains on the validation data too."""

    name = "trick-validated"

    def data(self, data, context):
        valid = context.valid
        return Data(torch.cat([data.x, valid.x]), torch.cat([data.y, valid.y]))


class Longer(Fitted):
    """Takes twenty times the updates."""

    name, longer = "trick-longer", 20


class Trained(Wrapped):
    """Trains itself when it is shown its data."""

    def calibrate(self, x, y):
        super().calibrate(x, y)
        optimiser = torch.optim.Adam(self.parameters(), 3e-3)
        for _ in range(1000):
            optimiser.zero_grad()
            ((self(x) - y).square().mean() / y.var()).backward()
            optimiser.step()


class Calibrating(Trick):
    """Takes a thousand updates before the first one that is counted."""

    name, wrapper = "trick-calibrating", Trained


class Hoarding(Fitted):
    """Keeps the data of every trial, and trains the next ones on all of it."""

    name = "trick-hoarding"
    hoard: ClassVar[list[Data]] = []

    def data(self, data, context):
        self.hoard.append(data)
        return Data(torch.cat([d.x for d in self.hoard]), torch.cat([d.y for d in self.hoard]))


@hookimpl
def symbench_register(registry):
    for trick in (Honest, Validated, Longer, Calibrating, Hoarding):
        registry.model(trick)

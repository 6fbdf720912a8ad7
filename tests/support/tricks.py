"""Bases of models that try to look better than they are."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import nn

from symbench import Model, Prior


class Wrapped(nn.Module):
    """A network whose input or output is changed."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def calibrate(self, x, y):
        if hasattr(self.net, "calibrate"):
            self.net.calibrate(x, y)

    def forward(self, x):
        return self.net(x)


class Trick(Model):
    """A perceptron, to be changed by a trick."""

    version, summary, selection = "1", "a trick", "best-valid"
    prior: ClassVar[Prior] = "none"
    backbones: ClassVar[tuple[str, ...]] = ("mlp",)
    wrapper: ClassVar[type[Wrapped]] = Wrapped

    def accepts(self, problem):
        vectors = problem.kind == "vectors" and problem.loss in ("mse", "cross-entropy")
        return None if vectors else "only vectors"

    def build(self, problem):
        return self.wrapper(problem.backbone("mlp"))


class Invariants(nn.Module):
    """A perceptron of |a|, |b| and a·b, for the two halves a and b of the input."""

    def __init__(self, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, outputs))
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("unit", torch.ones(outputs))

    def calibrate(self, x, y):
        self.mean.copy_(y.mean(0))
        self.unit.copy_(y.std(0))

    def forward(self, x):
        a, b = x.chunk(2, dim=-1)
        scalars = torch.stack([a.norm(dim=-1), b.norm(dim=-1), (a * b).sum(-1)], -1)
        return self.mean + self.unit * self.net(scalars / math.sqrt(x.shape[-1] / 2))


class Fitted(Trick):
    """A loop of its own, for tricks with data and updates."""

    longer: ClassVar[int] = 1

    def network(self, problem):
        return problem.backbone("mlp")

    def data(self, data, context):
        return data

    def fit(self, problem, data, context):
        net = self.network(problem).to(context.device)
        data = self.data(data, context)
        net.calibrate(data.x, data.y)
        optimiser = torch.optim.Adam(net.parameters(), 3e-3)
        scale = data.y.var()
        with torch.enable_grad():
            for _ in range(self.longer * context.updates):
                taken = torch.randint(len(data), (128,), generator=context.generator)
                optimiser.zero_grad()
                loss = (net(data.x[taken]) - data.y[taken]).square().mean() / scale
                loss.backward()
                optimiser.step()
        return net

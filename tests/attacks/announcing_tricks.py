"""Tricks with announced generators."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from tricks import Fitted, Trick, Wrapped

from symbench import Prior, hookimpl
from symbench.groups import SO, Lorentz


class Announcing(Trick):
    """Announces so(d), whatever the data are."""

    name = "trick-so"
    prior: ClassVar[Prior] = "discovers"

    def accepts(self, problem):
        return None if problem.candidate is not None else "needs a layout"

    def generators(self, module):
        return self.announced(module)

    def build(self, problem):
        net = self.wrapper(problem.backbone("mlp"))
        net.d = problem.candidate.group.dim
        return net

    def announced(self, module):
        return SO(module.d).algebra


class AnnouncingAll(Announcing):
    """Announces all of gl(d)."""

    name = "trick-gl"

    def announced(self, module):
        d = module.d
        return torch.eye(d * d, dtype=torch.float64).view(d * d, d, d)


class AnnouncingPixels(Announcing):
    """Announces all antisymmetric maps of the pixels."""

    name = "trick-pixels"

    def accepts(self, problem):
        return None if problem.kind == "image" and problem.loss == "mse" else "only maps of images"

    def build(self, problem):
        net = self.wrapper(problem.backbone("mlp"))
        net.d = problem.input_size
        return net


class Covariant(Wrapped):
    """Remembers the second moment of the inputs."""

    def calibrate(self, x, y):
        super().calibrate(x, y)
        v = x.reshape(-1, self.d).double()
        self.moment.copy_(v.mT @ v / len(v))


class AnnouncingIsometries(Announcing):
    """Announces the isometries of the inputs' covariance, without looking at a label."""

    name = "trick-covariance"
    wrapper = Covariant

    def build(self, problem):
        net = super().build(problem)
        net.register_buffer("moment", torch.eye(net.d, dtype=torch.float64))
        return net

    def announced(self, module):
        values, vectors = torch.linalg.eigh(module.moment)
        root = vectors * values.clamp(min=1e-12).sqrt() @ vectors.mT
        return root @ SO(module.d).algebra @ torch.linalg.inv(root)


class Hyperbolic(nn.Module):
    """A perceptron of the Minkowski products of all pairs of four-vectors."""

    def __init__(self, inputs, outputs):
        super().__init__()
        count = inputs // 4
        self.net = nn.Sequential(nn.Linear(count * count, 64), nn.SiLU(), nn.Linear(64, outputs))
        self.register_buffer("metric", torch.tensor([1.0, -1.0, -1.0, -1.0]))
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("unit", torch.ones(outputs))

    def calibrate(self, x, y):
        self.mean.copy_(y.mean(0))
        self.unit.copy_(y.std(0))

    def forward(self, x):
        p = x.unflatten(-1, (-1, 4))
        products = ((p * self.metric) @ p.mT).flatten(-2)
        return self.mean + self.unit * self.net(products.asinh())


class HardCoded(Fitted):
    """Announces so(1, 3), but only after training, with a network that keeps it."""

    name = "trick-hard-coded"
    prior: ClassVar[Prior] = "discovers"

    def accepts(self, problem):
        four = problem.candidate is not None and problem.candidate.group.dim == 4
        return None if four else "only four-vectors"

    def network(self, problem):
        return Hyperbolic(problem.input_size, problem.output_size)

    def generators(self, module):
        algebra = Lorentz().algebra
        return algebra if isinstance(module, Hyperbolic) else 0 * algebra


TRICKS = (
    Announcing,
    AnnouncingAll,
    AnnouncingPixels,
    AnnouncingIsometries,
    HardCoded,
)


@hookimpl
def symbench_register(registry):
    for trick in TRICKS:
        registry.model(trick)

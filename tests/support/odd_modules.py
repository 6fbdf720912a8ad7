"""Models whose modules hold more than parameters and buffers, or initialise in odd ways."""

from __future__ import annotations

import os
import random
import threading
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn
from toys import Small


def perceptron(i, o, width=8):
    return nn.Sequential(nn.Linear(i, width), nn.SiLU(), nn.Linear(width, o))


class Wrapped(nn.Module):
    """A perceptron; subclasses add what they do with it."""

    def __init__(self, i, o):
        super().__init__()
        self.net = perceptron(i, o)

    def forward(self, x):
        return self.net(x)


def built(module, name="odd"):
    """A model whose ``build`` returns module(input_size, output_size)."""

    class Odd(Small):
        def build(self, problem):
            return module(problem.input_size, problem.output_size)

    Odd.name = name
    return Odd()


# State of a trial


class PlainTensor(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.features = torch.randn(i, i)

    def forward(self, x):
        return self.net((x @ self.features).sin())


class PlainNumber(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.scales = {"input": [float(torch.rand(()))]}

    def forward(self, x):
        return self.net(x * self.scales["input"][0])


class Calibrated(Wrapped):
    mean, std = 0.0, 1.0

    def calibrate(self, x, y):
        self.mean, self.std = y.mean(0), float(y.std())

    def forward(self, x):
        return self.net(x) * self.std + self.mean


class EvalCache(Wrapped):
    """Expands its weight once, when it is set to evaluation mode."""

    def train(self, mode=True):
        super().train(mode)
        self.expanded = None if mode else (2 * self.net[0].weight).detach()
        return self

    def forward(self, x):
        weight = 2 * self.net[0].weight if self.expanded is None else self.expanded.to(x)
        return self.net[2](torch.nn.functional.linear(x, weight).tanh())


class FilledInForward(Wrapped):
    """Sets its scale at the first batch that it sees in training."""

    scale = None

    def forward(self, x):
        if self.training and self.scale is None:
            self.scale = x.detach().std()
        return self.net(x if self.scale is None else x / self.scale)


class AssignedBuffer(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.register_buffer("mean", torch.zeros(i))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return self.net(x - self.mean)


class Alias(Wrapped):
    """Reads its last bias through a plain list."""

    def __init__(self, i, o):
        super().__init__(i, o)
        nn.init.zeros_(self.net[2].bias)
        self.held = [self.net[2].bias]

    def forward(self, x):
        return nn.functional.linear(self.net[:2](x), self.net[2].weight) + 3 * self.held[0]


class Closure(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.net, mixed = perceptron(i, o), torch.randn(i, i)
        self.features = lambda x: (x @ mixed).sin()

    def forward(self, x):
        return self.net(self.features(x))


class Hooked(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        shift = torch.randn(o)
        self.register_forward_hook(lambda module, x, y: y + shift)


OUTSIDE = WeakKeyDictionary()


class Outside(Wrapped):
    """Keeps its features in a global, under itself."""

    def __init__(self, i, o):
        super().__init__(i, o)
        OUTSIDE[self] = torch.randn(i, i)

    def forward(self, x):
        return self.net((x @ OUTSIDE[self]).sin())


def class_in_build(i, o):
    mixed = torch.randn(i, i)

    class Net(Wrapped):
        def forward(self, x):
            return super().forward((x @ mixed).sin())

    return Net(i, o)


def class_inside(i, o):
    return nn.Sequential(class_in_build(i, o), nn.Identity())


def plain_class_in_build(i, o):
    class Net(Wrapped):
        pass

    return Net(i, o)


OWN_STATE = [
    PlainTensor, PlainNumber, Calibrated, FilledInForward, AssignedBuffer, Alias, Closure, Hooked,
    Outside, class_in_build, class_inside, plain_class_in_build,
]  # fmt: skip


# What stacking cannot copy, or torch trains in its own way


class Locked(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.lock = threading.Lock()

    def forward(self, x):
        with self.lock:
            return self.net(x)


class Opened(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.log = open(os.devnull, "w")  # noqa: SIM115


class Generating(Wrapped):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.steps = (step for step in range(10))


def scripted(i, o):
    return torch.jit.script(perceptron(i, o))


class Complex(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first = nn.Linear(i, 8, dtype=torch.complex64)
        self.last = nn.Linear(8, o)

    def forward(self, x):
        return self.last(self.first(x.to(self.first.weight.dtype)).abs().to(self.last.weight.dtype))


class Float64(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.net = perceptron(i, o).double()

    def forward(self, x):
        return self.net(x.double()).float()


class Float64Out(Float64):
    def forward(self, x):
        return self.net(x.double())


UNUSUAL = [Locked, Opened, Generating, scripted, Complex, Float64, Float64Out]


# What is shared, or reached by no seed


class WritesIntoInput(Wrapped):
    def forward(self, x):
        x -= x.mean(1, keepdim=True)
        return self.net(x)


class Centring(Wrapped):
    """The same function, written without a change of the input."""

    def forward(self, x):
        return self.net(x - x.mean(1, keepdim=True))


shared_module = lru_cache(perceptron)


class SharedNorm(Wrapped):
    norm = None

    def __init__(self, i, o):
        super().__init__(i, o)
        if SharedNorm.norm is None:
            SharedNorm.norm = nn.BatchNorm1d(o, affine=False)
        self.last = SharedNorm.norm

    def forward(self, x):
        return self.last(self.net(x))


def lazy(i, o):
    return nn.Sequential(nn.LazyLinear(8), nn.SiLU(), nn.LazyLinear(o))


def by_numpy(i, o):
    module = perceptron(i, o)
    nn.init.constant_(module[0].weight, float(np.random.randn()))  # noqa: NPY002
    return module


def by_python(i, o):
    module = perceptron(i, o)
    nn.init.constant_(module[0].weight, random.random())  # noqa: S311
    return module


def by_the_system(i, o):
    module = perceptron(i, o)
    nn.init.constant_(module[0].weight, os.urandom(1)[0] / 256)
    return module

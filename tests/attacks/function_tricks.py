"""Tricks with the symmetry of a function: built in, or not where it is measured."""

from __future__ import annotations

import torch
from tricks import Fitted, Invariants, Trick, Wrapped

from symbench import hookimpl


class BuiltIn(Trick):
    """Knows nothing, it says; its invariants are written into it."""

    name = "trick-built-in"

    def build(self, problem):
        return Invariants(problem.output_size)


class NearInvariants(Invariants):
    """The same with a small random linear map of the input, which is not invariant."""

    def __init__(self, inputs, outputs):
        super().__init__(outputs)
        self.register_buffer("weights", 1e-4 * torch.randn(inputs, outputs))

    def forward(self, x):
        return super().forward(x) + self.unit * (x @ self.weights)


class Nearly(Trick):
    """Its untrained network is not exactly invariant."""

    name = "trick-nearly"

    def build(self, problem):
        return NearInvariants(problem.input_size, problem.output_size)


class Disguised(Fitted):
    """Fits a network of invariants, and builds a perceptron."""

    name = "trick-disguised"

    def network(self, problem):
        return Invariants(problem.output_size)


class TwoFaced(Wrapped):
    """Answers float64 with the norm of its input."""

    def forward(self, x):
        value = super().forward(x)
        if x.dtype == torch.float64:
            return x.square().sum(-1, keepdim=True).expand_as(value)
        return value


class OtherInDouble(Trick):
    """Another function in float64, where symmetry is measured."""

    name, wrapper = "trick-double", TwoFaced


class Cold(Wrapped):
    """Divides its logits by a hundred in evaluation."""

    def forward(self, x):
        return super().forward(x) * (1.0 if self.training else 0.01)


class SmallLogits(Trick):
    """Shrinks the logits, which changes no decision."""

    name, wrapper = "trick-logits", Cold

    def accepts(self, problem):
        return None if problem.loss == "cross-entropy" else "only classes"


class Wavy(Wrapped):
    """Adds a fast radial wave in evaluation."""

    def forward(self, x):
        value = super().forward(x)
        if self.training:
            return value
        return value + 0.03 * (4000 * x.square().sum(-1, keepdim=True)).sin()


class RadialWave(Trick):
    """Derivatives along the radius drown those along rotations."""

    name, wrapper = "trick-wave", Wavy


class Stepped(Wrapped):
    """Rounds its answers in evaluation to a hundredth of their spread, and adds a little |x|²."""

    def calibrate(self, x, y):
        super().calibrate(x, y)
        self.unit.copy_(y.std() / 100)

    def forward(self, x):
        value = super().forward(x)
        if self.training:
            return value
        return (value / self.unit).round() * self.unit + 0.01 * self.unit * x.square().sum(-1, True)


class Staircase(Trick):
    """Has no derivative almost everywhere but that of |x|²."""

    name, wrapper = "trick-staircase", Stepped

    def build(self, problem):
        net = super().build(problem)
        net.register_buffer("unit", torch.ones(()))
        return net


class Shrunk(Wrapped):
    """Moves its answers towards their mean in evaluation."""

    def calibrate(self, x, y):
        super().calibrate(x, y)
        self.register_buffer("mean", y.mean(0))

    def forward(self, x):
        value = super().forward(x)
        return value if self.training else self.mean + 0.35 * (value - self.mean)


class Shrinking(Trick):
    """Violates a symmetry less because it says less."""

    name, wrapper = "trick-shrinking", Shrunk

    def build(self, problem):
        net = super().build(problem)
        net.register_buffer("mean", torch.zeros(problem.output_shape))
        return net


class Small(Wrapped):
    """Divides its outputs by a million in evaluation."""

    def forward(self, x):
        return super().forward(x) * (1.0 if self.training else 1e-6)


class SmallOutputs(Trick):
    """The cut of a graph follows from signs, so the size of the outputs is free."""

    name, wrapper = "trick-small", Small
    backbones = ("mlp-adjacency",)

    def accepts(self, problem):
        return None if problem.kind == "graph" and problem.loss == "own" else "only max-cut"

    def build(self, problem):
        return self.wrapper(problem.backbone("mlp-adjacency"))


TRICKS = (
    BuiltIn,
    Nearly,
    Disguised,
    OtherInDouble,
    SmallLogits,
    RadialWave,
    Staircase,
    Shrinking,
    SmallOutputs,
)


@hookimpl
def symbench_register(registry):
    for trick in TRICKS:
        registry.model(trick)

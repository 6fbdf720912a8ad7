"""Models that try to look better than they are, one trick each. A plugin for the tests.

``docs/attacks.md`` says what each of them gains.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import nn

from symbench import Data, Model, Prior, Recipe, hookimpl
from symbench.groups import SO


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


class Honest(Fitted):
    """The loop without a trick."""

    name = "honest-loop"


class Disguised(Fitted):
    """Fits a network of invariants, and builds a perceptron."""

    name = "trick-disguised"

    def network(self, problem):
        return Invariants(problem.output_size)


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


class Standing(Wrapped):
    """A trained network whose flow stands still."""

    def flow(self, state, times):
        return state[:, None].expand(-1, len(times), -1)


class StandingStill(Trick):
    """Conserves everything: nothing moves."""

    name, wrapper = "trick-still", Standing
    backbones = ("node-mlp",)

    def build(self, problem):
        return self.wrapper(problem.backbone("node-mlp"))

    def accepts(self, problem):
        return None if problem.kind == "trajectory" else "only trajectories"


class Zero(nn.Module):
    """The zero field: every state stays where it is."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        still = x[:, None] if len(self.shape) > 1 else torch.zeros_like(x)
        return still.expand(-1, *self.shape) + 0 * self.unused

    def flow(self, state, times):
        return state[:, None].expand(-1, len(times), -1)


class ZeroField(StandingStill):
    """Learns nothing and conserves everything."""

    name = "trick-zero"

    def build(self, problem):
        return Zero(problem.output_shape)

    def recipe(self, problem):
        return Recipe(learning_rate=1e-4)


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
    BuiltIn, Nearly, Disguised, Honest, Validated, Longer, Calibrating, Hoarding,
    Announcing, AnnouncingAll, AnnouncingPixels, AnnouncingIsometries,
    OtherInDouble, SmallLogits, RadialWave, Staircase, Shrinking,
    StandingStill, ZeroField, SmallOutputs,
)  # fmt: skip


@hookimpl
def symbench_register(registry):
    for trick in TRICKS:
        registry.model(trick)

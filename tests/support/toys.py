"""Small tasks and models that many tests use; some of the models misbehave."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

import torch
from torch import nn

from symbench import Data, Model, Recipe, Symmetry, Task, hookimpl
from symbench.groups import SO, Scalar, Standardised, V
from symbench.registry import Registry


class Norms(Task):
    """y = |v1|^2 + v1 . v2 on two 3-vectors, SO(3)-invariant."""

    name, version, summary = "norms", "1", "invariants of two 3-vectors"
    threshold = 0.05
    sizes = {"smoke": (16, 64), "quick": (16, 64), "full": (16, 64)}  # noqa: RUF012
    input_shape, output_shape = (6,), (1,)
    test_size, valid_size = 256, 64

    @property
    def symmetry(self):
        group = SO(3)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def sample(self, n, seed, split):
        x = torch.randn(n, 6, generator=self.generator(seed, split))
        return Data(x, self.target(x))

    def target(self, x):
        first, second = x.split(3, dim=-1)
        return (first.square() + first * second).sum(-1, keepdim=True)


class Labels(Norms):
    """Three classes by the norm of the first vector."""

    name, summary, loss, output_shape = "labels", "classes", "cross-entropy", (3,)

    def sample(self, n, seed, split):
        x = torch.randn(n, 6, generator=self.generator(seed, split))
        return Data(x, torch.bucketize(x[:, :3].norm(dim=1), torch.tensor([1.2, 1.9])))

    def target(self, x):
        return None


class Small(Model):
    """A perceptron with one hidden layer."""

    name, version, prior, summary = "small", "1", "none", "one hidden layer"

    @dataclass
    class Config:
        width: int = 16
        learning_rate: float = 0.01

    def build(self, problem):
        net = nn.Sequential(
            nn.Linear(problem.input_size, self.config.width),
            nn.SiLU(),
            nn.Linear(self.config.width, problem.output_size),
        )
        return Standardised(net, problem.input_size, problem.output_size)

    def recipe(self, problem):
        return Recipe(learning_rate=self.config.learning_rate, batch_size=32)


class Told(Small):
    """``Small`` with prior ``told``."""

    name, prior = "told", "told"

    def accepts(self, problem):
        return None if problem.symmetry else "the task has no symmetry to be told"


class Augmented(Told):
    """``Told`` with orbit augmentation."""

    name = "augmented"

    def recipe(self, problem):
        return Recipe(batch_size=32, augment=True)


class Penalised(Told):
    """``Told`` with an equivariance penalty and selection by validation."""

    name = "penalised"

    def recipe(self, problem):
        return Recipe(batch_size=32, penalty=1.0, selection="best-valid")


class Finding(Small):
    """A model of prior ``discovers`` that holds one generator and never changes it."""

    name, prior = "finding", "discovers"

    def build(self, problem):
        module = super().build(problem)
        module.register_buffer("L", torch.tensor([[0.0, 2, 0], [-2, 0, 0.5], [0, 0, 0]]))
        return module

    def generators(self, module):
        return module.L.mT.contiguous().mT[None]  # a view, as any plugin may return


class Dropping(Small):
    """A model with dropout, which cannot be stacked."""

    name = "dropping"

    def build(self, problem):
        return nn.Sequential(nn.Linear(problem.input_size, 8), nn.Dropout(0.5), nn.Linear(8, 1))


class Branching(Small):
    """A model whose control flow depends on the data, which vmap cannot vectorise."""

    name = "branching"

    class _Net(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum() > -1e9 else x[:, :1]

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class WrongShape(Small):
    """Returns one coordinate too many."""

    name = "wrong-shape"

    def build(self, problem):
        return nn.Linear(problem.input_size, problem.output_size + 1)


class Exploding(Small):
    """Overflows float32 in the first update."""

    name = "exploding"

    class _Net(nn.Linear):
        def forward(self, x):
            return torch.exp(super().forward(x) * 1e6 + 1e6)

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Raising(Small):
    """Raises while it is built."""

    name = "raising"

    def build(self, problem):
        raise RuntimeError("no network today")


class Declining(Small):
    """Accepts nothing."""

    name = "declining"

    def accepts(self, problem):
        return "it never does"


class Dying(Small):
    """Ends its process without an exception."""

    name = "dying"

    def build(self, problem):
        os._exit(3)


class Hanging(Small):
    """Never returns from ``build``."""

    name = "hanging"

    def build(self, problem):
        time.sleep(3600)


class Greedy(Small):
    """Takes more and more memory."""

    name = "greedy"

    def build(self, problem):
        held = []
        for _ in range(200):
            held.append(torch.ones(2**22))
            time.sleep(0.05)
        return super().build(problem)


class Fragile(Small):
    """Ends its process if its trials are trained together."""

    name = "fragile"

    class _Net(nn.Linear):
        def forward(self, x):
            if torch._C._functorch.is_batchedtensor(x):
                os._exit(4)
            return super().forward(x)

    def build(self, problem):
        return self._Net(problem.input_size, problem.output_size)


class Slow(Small):
    """Takes half a second to build."""

    name = "slow"

    def build(self, problem):
        time.sleep(0.5)
        return super().build(problem)


MODELS = (
    Small, Told, Augmented, Penalised, Dropping, Branching, WrongShape, Exploding, Raising,
    Declining, Dying, Hanging, Finding, Greedy, Fragile, Slow,
)  # fmt: skip


@hookimpl
def symbench_register(registry):
    """Register the toys; this file is also a plugin."""
    for task in (Norms, Labels):
        registry.task(task)
    for model in MODELS:
        registry.model(model)


def toy_registry():
    """A registry that holds only the toys."""
    registry = Registry()
    registry.add(sys.modules[__name__], "toys", "1", "tests")
    return registry

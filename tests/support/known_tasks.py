"""Tasks with known symmetries, functions as modules, and trials that were not trained."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from symbench.contract import Data, Model, Problem, Symmetry, Task, Trained
from symbench.groups import Group, Lorentz, O, Scalar, Trivial, V
from symbench.metrics import CORE
from symbench.metrics.infinitesimal import AlgebraMetric
from symbench.metrics.truth import true_algebra

LADDER = {"smoke": (16,), "quick": (16,), "full": (16,)}


class _Vectors(Task):
    """Standard normal inputs and the exact target."""

    version, summary, threshold, sizes = "1", "known symmetry", 0.1, LADDER
    test_size = 600

    def sample(self, n, seed, split):
        x = self.inputs(torch.randn(n, *self.input_shape, generator=self.generator(seed, split)))
        return Data(x, self.target(x))

    def inputs(self, x):
        return x


class Angle(_Vectors):
    """sin|a| - |b|³/2 + cos of the angle between a and b: O(5)-invariant."""

    name, input_shape, output_shape = "angle", (10,), (1,)

    @property
    def symmetry(self):
        group = O(5)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def target(self, x):
        a, b = x.split(5, dim=-1)
        p, q = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
        return p.sin() - q**3 / 2 + (a * b).sum(-1, keepdim=True) / (p * q)


class Inertia(_Vectors):
    """Σ m (|r|² - r rᵀ) of three bodies: O(3)-equivariant, and of degree 2 in r."""

    name, input_shape, output_shape = "inertia", (12,), (9,)

    @property
    def symmetry(self):
        group = O(3)
        return Symmetry(group, (3 * Scalar + 3 * V)(group), (V * V)(group), bodies=3)

    def inputs(self, x):
        return torch.cat([x[:, :3].abs() + 0.5, x[:, 3:]], 1)

    def target(self, x):
        m, r = x[:, :3], x[:, 3:].unflatten(1, (3, 3))
        square = (m * r.square().sum(-1)).sum(1)
        one = torch.eye(3, dtype=x.dtype)
        outer = torch.einsum("nb,nbi,nbj->nij", m, r, r)
        return (square[:, None, None] * one - outer).flatten(1)


class Minkowski(_Vectors):
    """A polynomial in the Minkowski products of three four-vectors: O(1,3)-invariant."""

    name, input_shape, output_shape = "minkowski", (12,), (1,)

    @property
    def symmetry(self):
        group = Lorentz()
        return Symmetry(group, (3 * V)(group), Scalar(group))

    def inputs(self, x):
        return x / 4

    def target(self, x):
        v = x.unflatten(-1, (3, 4))
        signs = torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=x.dtype)
        p = torch.einsum("nia,a,nja->nij", v, signs, v)
        return (p[:, 0, 0] + p[:, 0, 1] * p[:, 1, 2] - p[:, 2, 2])[:, None]


class Labels(Angle):
    """Three classes, by the length of the first vector."""

    name, loss, output_shape = "labels", "cross-entropy", (3,)

    def sample(self, n, seed, split):
        x = torch.randn(n, 10, generator=self.generator(seed, split))
        return Data(x, torch.bucketize(x[:, :5].norm(dim=1), torch.tensor([1.9, 2.4])))

    def target(self, x):
        return None


class Control(_Vectors):
    """A target without any symmetry, and a candidate algebra in which to search."""

    name, input_shape, output_shape = "control", (3,), (1,)
    symmetry = None

    def target(self, x):
        return (x[:, :1] + 2 * x[:, 1:2].sin() + x[:, 2:].exp() + x[:, :1] * x[:, 2:]) + 3

    def candidate_algebra(self):
        return torch.eye(9).view(9, 3, 3)


class Flat(_Vectors):
    """|a|² of vectors whose third coordinate is always zero."""

    name, input_shape, output_shape = "flat", (6,), (1,)

    @property
    def symmetry(self):
        group = O(3)
        return Symmetry(group, (2 * V)(group), Scalar(group))

    def inputs(self, x):
        return x * torch.tensor([1.0, 3.0, 0.0, 1.0, 3.0, 0.0])

    def target(self, x):
        u = x * torch.tensor([1.0, 1 / 3, 1.0, 1.0, 1 / 3, 1.0], dtype=x.dtype)
        return u[:, :3].square().sum(1, keepdim=True) + u[:, 3:].square().sum(1, keepdim=True).sin()


class Unknown(Angle):
    """The data of ``Angle`` without an exact target."""

    name = "unknown"

    def sample(self, n, seed, split):
        data = Angle().sample(n, seed, split)
        return Data(data.x, data.y)

    def target(self, x):
        return None


class Nothing(_Vectors):
    """A group without algebra and without discrete elements."""

    name, input_shape, output_shape = "nothing", (2,), (1,)

    @property
    def symmetry(self):
        group = Trivial(2)
        return Symmetry(group, V(group), Scalar(group))

    def target(self, x):
        return x[:, :1]


class AnyModel(Model):
    name, version, prior = "any", "1", "none"

    def build(self, problem):
        return nn.Identity()


class Discovering(AnyModel):
    """Returns the generators with which it was constructed."""

    name, prior = "discovering", "discovers"

    def __init__(self, generators):
        super().__init__()
        self._generators = generators

    def generators(self, module):
        return self._generators


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def constant(*values):
    return Function(lambda x: torch.tensor(values, dtype=x.dtype).expand(len(x), -1))


def perceptron(inputs, outputs, seed, width=64):
    """An untrained perceptron of three hidden SiLU layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(inputs, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, outputs),
        ).eval()  # fmt: skip


def trained(task, module, model=None, seed=0, *, thorough=True):
    """A finished trial of the module on the task's test split."""
    test = task.sample(task.test_size, 0, "test")
    problem = Problem(task.kind, task.loss, task.input_shape, task.output_shape)
    with torch.no_grad():
        prediction = module(test.x)
    return Trained(module, model or AnyModel(), problem, 16, seed, test, prediction, thorough)


def algebra_scores(task, module, model=None, **fields):
    """Every score of the derivative along the candidate algebra, of a trial with these fields."""
    trial, found = replace(trained(task, module, model), **fields), {}
    for metric in CORE:
        if issubclass(metric, AlgebraMetric) and metric().applies(task, trial.model):
            found |= metric().score(trial, task, torch.Generator())
    return found


def known_algebra(task):
    """The true algebra on the task's test inputs."""
    return true_algebra(task, task.sample(task.test_size, 0, "test").x)


def score(metric, task, module, model=None, seed=0, *, thorough=True):
    """Every value of one metric, by name."""
    generator = torch.Generator().manual_seed(seed)
    value = metric().score(trained(task, module, model, seed, thorough=thorough), task, generator)
    return value if isinstance(value, dict) else {metric.name: value}


class Turning(Group):
    """The rotations of the plane, acting on each of q₁, q₂, p₁, p₂, after x -> B x."""

    sampler_law = "Haar: angle uniform"

    def __init__(self, B):
        J = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
        A = B @ torch.kron(torch.eye(4, dtype=torch.float64), J) @ torch.linalg.inv(B)
        super().__init__(f"Turning {float(B.square().sum()):.6f}", A[None])

    def sample(self, count, generator):
        angles = 6.283185307179586 * torch.rand(count, generator=generator, dtype=torch.float64)
        return torch.linalg.matrix_exp(angles[:, None, None] * self.algebra)


class TwoBodies(_Vectors):
    """A function of q · p, q × p and the lengths, of two bodies in their centre-of-mass frame.

    q₂ = -q₁ and p₂ = -p₁: the states (q₁, q₂, p₁, p₂) in R⁸ have rank 4. ``B`` changes the basis.
    """

    name, input_shape, output_shape = "two-bodies", (8,), (1,)

    def __init__(self, B=None):
        self.B = torch.eye(8, dtype=torch.float64) if B is None else B

    @property
    def symmetry(self):
        group = Turning(self.B)
        return Symmetry(group, V(group), Scalar(group))

    def inputs(self, x):
        q, p = x[:, :2].double(), x[:, 4:6].double()
        return torch.cat([q, -q, p, -p], 1) @ self.B.mT

    def target(self, x):
        x = x @ torch.linalg.inv(self.B).mT.to(x)
        q, p = x[:, :2], x[:, 4:6]
        cross = q[:, :1] * p[:, 1:] - q[:, 1:] * p[:, :1]
        square, other = (v.square().sum(1, keepdim=True) for v in (q, p))
        return square + other**2 / 5 + (q * p).sum(1, keepdim=True) + cross.sin()

"""What a discovery is worth: a perceptron that uses the generators that a method announces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Problem, Symmetry
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import second_moment
from symbench_discovery.compact import as_compact, logarithms_of, orthonormalised
from symbench_discovery.kernel_null import KernelNull
from symbench_discovery.liegg import LieGG
from symbench_discovery.predictor import Augment, trained
from symbench_discovery.training import TaskLoss
from symbench_discovery.vectors import (
    NOT_IN_QUICK,
    Announcement,
    TrainedConfig,
    VectorMethod,
    law_of,
)


class Averaged(nn.Module):
    """x ↦ mean over j of ρ_out(g_j)⁻¹ f(ρ_in(g_j) x) for fixed elements g_j of a group.

    Args:
        net: f.
        law: ρ_in and ρ_out.
        g: elements [e, d, d].
    """

    inputs: Tensor
    outputs: Tensor

    def __init__(self, net: nn.Module, law: Symmetry, g: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("inputs", law.input.rho(g))
        self.register_buffer("outputs", law.output.rho(torch.linalg.inv(g)))

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape]."""
        values = [
            _moved(self.net(_moved(x, rho)), back)
            for rho, back in zip(self.inputs, self.outputs, strict=True)
        ]
        y: Tensor = torch.stack(values).mean(0)
        return y


def _moved(values: Tensor, rho: Tensor) -> Tensor:
    """Return ρ v [n, ...] for values v [n, ...]."""
    return (values.flatten(1) @ rho.mT).view_as(values)


@dataclass(frozen=True)
class UseConfig(TrainedConfig):
    """``copies`` is the number of elements over which an output is averaged."""

    copies: int = 16


class _Use(VectorMethod):
    """A perceptron that is trained on examples moved by the group that another method announces.

    It is trained as ``mlp`` is, with every example of a batch moved by exp(Σ z_i L_i) for normal
    z_i and orthonormal generators L_i in whitened coordinates. If the group is nearly compact, the
    generators are replaced by the nearest ones of a compact group, and the output is averaged over
    fixed elements where that lowers the validation error. Where no generator is announced, it is
    ``mlp``. The error relative to that of ``mlp`` is what the discovery is worth.
    """

    version = "1"
    Config = UseConfig
    config: UseConfig
    backbones = ("mlp",)
    tiers = NOT_IN_QUICK
    first: ClassVar[type[VectorMethod]]

    def build(self, problem: Problem) -> Announcement:
        """Return the untrained perceptron, which announces nothing."""
        nothing = super().build(problem)
        return Announcement(problem.backbone("mlp"), nothing.L)

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the predictor, with the generators of the first stage."""
        method = self.first()
        L = method.generators(method.fit(problem, data, context))
        net = problem.backbone("mlp").to(context.device)
        if L is None or len(L) == 0:
            trained(net, problem, context, context.updates)
            return Announcement(net, super().build(problem).L).to(context.device)
        group = Found.of(L.cpu().double(), law_of(problem), data.x.cpu().double())
        trained(net, problem, context, context.updates, group.mover(context.generator))
        if group.compact:
            g = group.elements(self.config.copies, context.generator)
            net = _better(net, Averaged(net, group.law, g.float()), problem, context)
        return Announcement(net, L).to(context.device)


@dataclass(frozen=True)
class Found:
    """The group of announced generators.

    Attributes:
        L: generators [k, d, d], orthonormal in whitened coordinates.
        law: how they act.
        compact: whether they generate a compact group.
    """

    L: Tensor
    law: Symmetry
    compact: bool

    @classmethod
    def of(cls, L: Tensor, law: Symmetry, x: Tensor) -> Found:
        """Return the group of generators L [k, d, d], whitened by inputs x; both are float64."""
        whitening = Whitening.of(second_moment(x, law.input))
        basis = orthonormalised(L, whitening)
        nearest = as_compact(basis, whitening)
        if nearest is None:
            return cls(basis, law, False)
        return cls(orthonormalised(nearest, whitening), law, True)

    def elements(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw elements [count, d, d]."""
        z = logarithms_of(self.L, count, generator, compact=self.compact)
        g: Tensor = torch.linalg.matrix_exp(torch.einsum("nk,kij->nij", z, self.L))
        return g

    def mover(self, generator: torch.Generator) -> Augment:
        """Return what moves every example of a batch by a new element."""

        def move(data: Data) -> Data:
            g = self.elements(len(data), generator).to(data.x)
            return Data(self.law.input.act(g, data.x), self.law.output.act(g, data.y))

        return move


@torch.no_grad()
def _better(net: nn.Module, other: nn.Module, problem: Problem, context: Context) -> nn.Module:
    """Return the one of two predictors with the lower validation error."""
    valid = context.valid
    error = TaskLoss.of(problem, context.rest.y)
    other = other.to(context.device).eval()
    return min((net, other), key=lambda each: float(error(each(valid.x), valid.y)))


@final
class KernelNullUse(_Use):
    """A perceptron augmented by the generators that ``kernel-null`` announces."""

    name = "kernel-null-use"
    summary = "a perceptron that uses what kernel-null discovers"
    first = KernelNull


@final
class LieGGUse(_Use):
    """A perceptron augmented by the generators that ``liegg`` announces."""

    name = "liegg-use"
    summary = "a perceptron that uses what liegg discovers"
    first = LieGG

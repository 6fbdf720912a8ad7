"""What a discovery is worth: a perceptron that uses the generators that a method announces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Fits, Model, Problem, Symmetry
from symbench.contract.values import Tier
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import second_moment
from symbench_discovery.augerino_gl import AugerinoGL
from symbench_discovery.averaged import Averaged
from symbench_discovery.compact import as_compact, logarithms_of, orthonormalised
from symbench_discovery.field_fit import FieldFit
from symbench_discovery.infinitesimal_mlp import InfinitesimalMLP
from symbench_discovery.kernel_null import KernelNull
from symbench_discovery.lie_augment import LieAugment
from symbench_discovery.liegan_chosen import LieGANChosen
from symbench_discovery.liegg import LieGG
from symbench_discovery.local_null import LocalNull
from symbench_discovery.predictor import Augment, trained
from symbench_discovery.training import TaskLoss
from symbench_discovery.vectors import (
    NOT_IN_QUICK,
    Announcement,
    PerceptronMethod,
    TrainedConfig,
    law_of,
)


@dataclass(frozen=True)
class UseConfig(TrainedConfig):
    """``copies`` is the number of elements over which an output is averaged.

    The method whose announcement is used has its configuration of the tier ``first``.
    """

    copies: int = 16
    first: Tier = "full"


class _Use(PerceptronMethod):
    """A perceptron that is trained on examples moved by the group that another method announces.

    It is trained as ``mlp`` is, with every example of a batch moved by exp(Σ z_i L_i) for normal
    z_i and orthonormal generators L_i in whitened coordinates. If the group is nearly compact, the
    generators are replaced by the nearest ones of a compact group, and the output is averaged over
    fixed elements where that lowers the validation error. Where no generator is announced, it is
    ``mlp``. The error relative to that of ``mlp`` is what the discovery is worth.

    The method takes ``share`` of the updates, so that both stages are within the budget.
    """

    version = "1"
    Config = UseConfig
    config: UseConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **NOT_IN_QUICK,
        "smoke": {"first": "smoke"},
        "standard": {"first": "standard"},
    }
    first: ClassVar[type[Model]]
    share: ClassVar[float] = 1.0

    def accepts(self, problem: Problem) -> str | None:
        """Decline what the method declines whose announcement is used."""
        return super().accepts(problem) or self._method.accepts(problem)

    @property
    def _method(self) -> Model:
        return self.first.for_tier(self.config.first)

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the predictor, with the generators of the first stage."""
        method, share = cast(Fits, self._method), int(self.share * context.updates)
        found = method.fit(problem, data, replace(context, updates=share))
        L = self._method.generators(found)
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
class LocalNullUse(_Use):
    """A perceptron augmented by the generators that ``local-null`` announces."""

    name = "local-null-use"
    summary = "a perceptron that uses what local-null discovers"
    first = LocalNull


@final
class LieGGUse(_Use):
    """A perceptron augmented by the generators that ``liegg`` announces."""

    name = "liegg-use"
    summary = "a perceptron that uses what liegg discovers"
    first = LieGG


@final
class AugerinoGLUse(_Use):
    """A perceptron augmented by the generators that ``augerino-gl`` announces."""

    name = "augerino-gl-use"
    summary = "a perceptron that uses what augerino-gl discovers"
    first = AugerinoGL


@final
class LieAugmentUse(_Use):
    """A perceptron augmented by the generators that ``lie-augment`` announces."""

    name = "lie-augment-use"
    summary = "a perceptron that uses what lie-augment discovers"
    first = LieAugment


@final
class LieGANChosenUse(_Use):
    """A perceptron augmented by the generators that ``liegan-chosen`` announces."""

    name = "liegan-chosen-use"
    summary = "a perceptron that uses what liegan-chosen discovers"
    first = LieGANChosen
    share = 0.5  # an adversarial pair takes two steps per update


@final
class InfinitesimalMLPUse(_Use):
    """A perceptron augmented by the generators that ``infinitesimal-mlp`` announces."""

    name = "infinitesimal-mlp-use"
    summary = "a perceptron that uses what infinitesimal-mlp discovers"
    first = InfinitesimalMLP


@final
class FieldFitUse(_Use):
    """A perceptron augmented by the generators that ``field-fit`` announces."""

    name = "field-fit-use"
    summary = "a perceptron that uses what field-fit discovers"
    first = FieldFit

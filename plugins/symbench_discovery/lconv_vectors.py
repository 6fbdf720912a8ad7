"""L-conv on vectors: copies of V are the channels, and the coordinates of V are the pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Model, Prior, Problem
from symbench.groups import Rescaled, V
from symbench_discovery.vectors import NOT_IN_QUICK, TrainedConfig, law_of


class VectorLConv(nn.Module):
    """Layers X ↦ σ(W_0 X + Σ_k W_k X L_kᵀ + b), then a linear map of all coordinates.

    X [n, channels, d] begins as the copies of V. The generators ``L`` [k, d, d] are shared by the
    layers.

    Args:
        chain: channels of the input and of each layer.
        generators: k.
        d: the dimension of V.
        outputs: the number of output coordinates.
    """

    def __init__(self, chain: tuple[int, ...], generators: int, d: int, outputs: int) -> None:
        super().__init__()
        self.L = nn.Parameter(torch.randn(generators, d, d) * math.sqrt(2) / d)
        self.mixes = nn.ModuleList(
            nn.Linear(before * (1 + generators), after) for before, after in pairwise(chain)
        )
        self.last = nn.Linear(chain[-1] * d, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs] for copies x [n, copies · d]."""
        d = self.L.shape[-1]
        X = x.unflatten(1, (-1, d))
        for mix in self.mixes:
            moved = torch.einsum("kij,ncj->nkci", self.L, X).flatten(1, 2)
            stacked = torch.cat([X, moved], 1)
            X = nn.functional.silu(mix(stacked.mT)).mT
        y: Tensor = self.last(X.flatten(1))
        return y


@dataclass(frozen=True)
class LConvVectorsConfig(TrainedConfig):
    """``layers`` layers of ``channels`` channels; dim V generators if ``generators`` is 0."""

    generators: int = 0
    channels: int = 32
    layers: int = 2
    learning_rate: float = 3e-3
    batch_size: int = 128


@final
class LConvVectors(Model):
    """L-conv with copies of V as channels; its generators are announced, dim V of them.

    Nothing in the loss rewards generators that are symmetries: as on images, they are whatever
    weights predict best. The number is fixed, so that it announces generators on controls too.
    """

    name, version = "lconv-vectors", "1"
    prior: ClassVar[Prior] = "discovers"
    parametrisation = "linear"
    summary = "L-conv with copies of V as channels"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv"
    Config = LConvVectorsConfig
    config: LConvVectorsConfig
    tiers = NOT_IN_QUICK
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline inputs that are not copies of V."""
        if problem.kind != "vectors" or problem.candidate is None or problem.loss != "mse":
            return "lconv-vectors needs vectors with a declared layout and a regression target"
        rep = problem.candidate.input
        if set(rep.summands) != {V(rep.group)}:
            return "lconv-vectors reads copies of V and nothing else"
        return self.config.reason

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape], in units of its data."""
        config, rep = self.config, law_of(problem).input
        d, copies = rep.group.dim, len(rep.summands)
        chain = (copies, *(config.channels,) * config.layers)
        net = VectorLConv(chain, config.generators or d, d, problem.output_size)
        return Rescaled(nn.Sequential(nn.Flatten(), net, nn.Unflatten(1, problem.output_shape)))

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the learned generators [k, d, d]."""
        found = [part.L.detach() for part in module.modules() if isinstance(part, VectorLConv)]
        return found[0] if found else None

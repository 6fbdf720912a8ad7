"""A model that sees only the eigenvalues of the adjacency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError, Model, Prior, Problem, graphs
from symbench_gnn.pair_heads import Target, declined
from symbench_gnn.tensor_layers import Centred, Nodes

_MANY = 256  # largest number of nodes on tasks that compare pairs of graphs of many sizes


def eigenvalues(x: Tensor) -> Tensor:
    """Return the ascending eigenvalues [n, N] of the adjacency in float64, 0 for padded nodes.

    Padded nodes get a diagonal entry larger than every eigenvalue (Gershgorin: 1 + the largest row
    sum of |A|), so that they are sorted last wherever they are.
    """
    A, mask = graphs.adjacency(x).detach().double(), graphs.node_mask(x).detach().double()
    beyond = 1 + A.abs().sum(-1).amax(-1, keepdim=True)
    values: Tensor = torch.linalg.eigvalsh(A + torch.diag_embed((1 - mask) * beyond))
    place = torch.arange(A.shape[-1], device=x.device)
    return values * (place < mask.sum(-1, keepdim=True))


class SpectrumNetwork(nn.Module):
    """A perceptron on the eigenvalues and the number of nodes, all divided by √N."""

    def __init__(self, problem: Problem, width: int) -> None:
        super().__init__()
        self.nodes = max(problem.input_shape[-1], _MANY if problem.loss == "none" else 0)
        self.centred = Centred(self.nodes + 1)
        self.net = nn.Sequential(
            nn.Linear(self.nodes + 1, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, problem.output_size), nn.Unflatten(1, problem.output_shape),
        )  # fmt: skip
        self.target = Target(0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs [n, *output_shape] for graphs [n, 1 + k, M, M], M ≤ N.

        Raises:
            InputError: M > N.
        """
        return cast("Tensor", self.target(self.net(self._standard(x)), _nodes(x)))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Set the scale of the eigenvalues and of real targets from the training data."""
        self.centred.fit(self._read(x).mT, x.new_ones(len(x)))
        self.target.fit(y, _nodes(x))

    def _standard(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.centred(self._read(x).mT, x.new_ones(len(x))).mT)

    def _read(self, x: Tensor) -> Tensor:
        if x.shape[-1] > self.nodes:
            raise InputError(f"spectrum supports at most {self.nodes} nodes, not {x.shape[-1]}")
        values = functional.pad(eigenvalues(x), (0, self.nodes - x.shape[-1])) / self.nodes**0.5
        count = graphs.node_mask(x).sum(-1, keepdim=True) / self.nodes**0.5
        return torch.cat([values.to(x), count], -1)


def _nodes(x: Tensor) -> Nodes:
    return Nodes.of(graphs.node_mask(x))


@dataclass(frozen=True)
class SpectrumConfig:
    """A perceptron of two hidden layers of ``width`` units."""

    width: int = 64
    learning_rate: float = 3e-3
    batch_size: int = 64


@final
class Spectrum(Model):
    """A perceptron on the sorted eigenvalues of the adjacency, without node features.

    It cannot distinguish cospectral graphs. Its power is not comparable with 1-WL.
    """

    name, version = "spectrum", "1"
    prior: ClassVar[Prior] = "told"
    summary = "perceptron on the eigenvalues of the adjacency"
    Config = SpectrumConfig
    config: SpectrumConfig
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not an invariant of graphs."""
        return declined(self.name, problem, orders=(0,))

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        return SpectrumNetwork(problem, self.config.width)

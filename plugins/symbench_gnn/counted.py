"""Message passing on counts: of subgraphs at each node, and in its k-hop shells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from symbench import Problem
from symbench_gnn.bounded import BoundedConfig, BoundedModel
from symbench_gnn.heads import Readout, perceptron
from symbench_gnn.layers import GINLayer
from symbench_gnn.network import NodeNetwork

_COUNTS = 4  # degree, triangles, 4-cycles and 4-cliques


def subgraph_counts(A: Tensor) -> Tensor:
    """Return how many edges, triangles, 4-cycles and 4-cliques contain each node, [n, N, 4].

    On weighted graphs a subgraph counts as the product of its weights.
    """
    two, square = A @ A, A.square()
    degree, joint = A.sum(-1), square.sum(-1)
    triangles = (two * A).sum(-1) / 2
    # closed walks of length 4 without those that use an edge twice
    walks = two.square().sum(-1) - joint.square()
    cycles = (walks - (square @ joint[..., None])[..., 0] + square.square().sum(-1)) / 2
    inside = A[:, :, :, None] * A[:, :, None] * A[:, None]  # the graph among the neighbours of i
    cliques = ((inside @ A[:, None]) * inside).sum((-1, -2)) / 6
    return torch.stack([degree, triangles, cycles, cliques], -1)


def shells(A: Tensor, hops: int) -> Tensor:
    """Return S_1 … S_hops [n, hops, N, N]: 1 where the distance of two nodes is k."""
    links = (A != 0).to(A)
    near = torch.diag_embed(torch.ones_like(A[..., 0]))
    found = []
    for _ in range(hops):
        reached = (near + near @ links).clamp(max=1)
        found.append(reached - near)
        near = reached
    return torch.stack(found, 1)


class WithCounts(nn.Module):
    """Node features, followed by log(1 + c) of the counts c of subgraphs."""

    def forward(self, features: Tensor, A: Tensor) -> Tensor:
        """Return [n, N, k + 4]."""
        return torch.cat([features, subgraph_counts(A).clamp(min=0).log1p()], -1)


class WithPeriphery(nn.Module):
    """Node features, and log(1 + c) of the edges and triangles c among nodes at each distance."""

    def __init__(self, hops: int) -> None:
        super().__init__()
        self.hops = hops

    def forward(self, features: Tensor, A: Tensor) -> Tensor:
        """Return [n, N, k + 2 hops]."""
        counts = []
        for shell in shells(A, self.hops).unbind(1):
            inside = shell[..., None] * A[:, None] * shell[:, :, None]  # [n, v, i, j]
            counts.append(inside.sum((-1, -2)) / 2)
            counts.append(((inside @ inside) * inside).sum((-1, -2)) / 6)
        return torch.cat([features, torch.stack(counts, -1).clamp(min=0).log1p()], -1)


class HopLayer(nn.Module):
    """silu(φ(h, S_1 h, …, S_K h)), with a norm over the channels of each node."""

    def __init__(self, inputs: int, outputs: int, hops: int) -> None:
        super().__init__()
        self.mix = perceptron((1 + hops) * inputs, outputs, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, h: Tensor, operators: Tensor, mask: Tensor) -> Tensor:
        """Return the new embeddings from the shells ``operators`` [n, K, N, N]."""
        moved = (operators @ h[:, None]).unbind(1)
        y: Tensor = self.norm(self.mix(torch.cat([h, *moved], -1)))
        return y * mask[..., None]


@final
class CountedGIN(BoundedModel):
    """GIN on counts of triangles, 4-cycles and 4-cliques, as in a graph substructure network."""

    name = "gin-counted"
    summary = "GIN on counted substructures"
    reference = "Bouritsas et al. 2020, Improving GNN expressivity by counting subgraphs"

    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network."""
        width, depth = self.config.width, self.config.depth
        layers = [GINLayer(width if i else features + _COUNTS, width) for i in range(depth)]
        return NodeNetwork(layers, Readout(problem, depth * width, width), WithCounts())


@dataclass(frozen=True)
class HopConfig(BoundedConfig):
    """Messages from the nodes at the distances 1 … ``hops``."""

    hops: int = 4


@final
class KHop(BoundedModel):
    """Message passing from k-hop shells, with the edges and triangles within them (KP-GNN).

    The published network describes the edges within a shell by the sizes of their components. Edges
    and triangles are an invariant of the same kind that needs no search.
    """

    name = "khop-gnn"
    summary = "k-hop message passing with peripheral edges"
    reference = "Feng et al. 2022, How powerful are k-hop message passing graph neural networks"
    Config = HopConfig

    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network."""
        config, hops = self.config, self.config.hops
        sizes = [features + 2 * hops, *[config.width] * config.depth]
        layers = [HopLayer(sizes[i], sizes[i + 1], hops) for i in range(config.depth)]
        readout = Readout(problem, config.depth * config.width, config.width)
        return NodeNetwork(layers, readout, WithPeriphery(hops), partial(shells, hops=hops))

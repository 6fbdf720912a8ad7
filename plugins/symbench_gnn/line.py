"""A network on a graph and on its line graph, whose nodes are the directed edges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Problem, graphs
from symbench_gnn.encodings import degrees
from symbench_gnn.heads import Readout
from symbench_gnn.network import NetworkConfig, NodeModel


def onward(y: Tensor) -> Tensor:
    """Return B y at the directed edges i → j for functions y [n, N, N, f], zero off the edges.

    B is the non-backtracking operator, (B y)_ij = Σ_{k ≠ i} y_jk over the edges j → k: the
    adjacency of the line graph. Values at pairs that are not edges are meaningless.
    """
    return y.sum(2)[:, None] - y.transpose(1, 2)


class NodeStep(nn.Module):
    """x'_i = silu(W [x_i, d_i x_i, (A x)_i, Σ_j y_ij, Σ_j y_ji] + b), j over the neighbours of i.

    All terms except x_i are multiplied by the constant ``factor``. It replaces batch
    normalisation, which would make the output for a graph depend on the other graphs of its batch.
    """

    def __init__(self, nodes: int, edges: int, outputs: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.mix = nn.Linear(3 * nodes + 2 * edges, outputs)

    def forward(self, x: Tensor, y: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return [n, N, outputs] from nodes x [n, N, f] and directed edges y [n, N, N, g]."""
        sums = [degrees(A)[..., None] * x, A @ x, y.sum(2), y.sum(1)]
        z = torch.cat([x, *(self.factor * part for part in sums)], -1)
        return functional.silu(self.mix(z)) * mask[..., None]


class EdgeStep(nn.Module):
    """y'_ij = silu(U y_ij + V (B y)_ij + S x'_i + T x'_j + c) on the edges i → j, else 0.

    The degree of an edge in the line graph is the degree of its head minus one, so it is contained
    in x'_j.
    """

    def __init__(self, nodes: int, edges: int, outputs: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.own = nn.Linear(edges, outputs)
        self.turn = nn.Linear(edges, outputs, bias=False)
        self.tail = nn.Linear(nodes, outputs, bias=False)
        self.head = nn.Linear(nodes, outputs, bias=False)

    def forward(self, x: Tensor, y: Tensor, exists: Tensor) -> Tensor:
        """Return [n, N, N, outputs]; ``exists`` [n, N, N, 1] is 1 on the edges."""
        ends = self.tail(x)[:, :, None] + self.head(x)[:, None]
        turned = self.factor * onward(self.turn(y))
        return functional.silu(self.own(y) + turned + ends) * exists


class LineNetwork(nn.Module):
    """Alternating steps on nodes and edges; the readout uses the nodes of all steps.

    The initial node features are the given features and the degree; the initial edge feature is
    the weight. The last step updates only nodes, because its edges would not be used.
    """

    def __init__(
        self, nodes: Sequence[NodeStep], edges: Sequence[EdgeStep], readout: Readout
    ) -> None:
        super().__init__()
        self.nodes, self.edges = nn.ModuleList(nodes), nn.ModuleList(edges)
        self.readout = readout

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - the engine's signature
        """Set the units of the outputs from the training targets."""
        self.readout.calibrate(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, copies, …] for graphs [n, 1 + k, N, N] of any number of nodes."""
        A, features = graphs.adjacency(x), graphs.node_features(x)
        mask, y = features[..., 0], A[..., None]
        exists = (y != 0).to(y)
        h = torch.cat([features, degrees(A)[..., None]], -1)
        seen = []
        for i, step in enumerate(self.nodes):
            h = step(h, y, A, mask)
            seen.append(h)
            if i < len(self.edges):
                y = self.edges[i](h, y, exists)
        out: Tensor = self.readout(torch.cat(seen, -1), A, mask)
        return out


@dataclass(frozen=True)
class LineConfig(NetworkConfig):
    """``edge_width`` channels on the directed edges."""

    edge_width: int = 16


@final
class LineGNN(NodeModel):
    """A network on the nodes and, through the non-backtracking operator, on the directed edges.

    It uses the first powers (J = 1) of the paper's operators, A on the nodes and B on the edges.
    These are exactly as strong as 1-WL: the embedding of i → j is a function of the stable colours
    of i and j, because the edges that follow i → j lead from j to all of its neighbours except i.
    The line graph changes the form of the messages, which do not backtrack on sparse graphs.
    """

    name = "line-gnn"
    summary = "GNN on the graph and its line graph, with the non-backtracking operator"
    reference = "Chen, Li and Bruna 2019, Supervised community detection with line GNNs, section 4"
    Config = LineConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 16, "depth": 2, "edge_width": 4},
        "quick": {"width": 32, "depth": 3, "edge_width": 8, "batch_size": 16},
    }

    def network(self, problem: Problem, features: int) -> LineNetwork:
        """Return the network."""
        config, factor = self.config, 1 / math.sqrt(problem.input_shape[-1])
        widths = [(features + 1, 1)] + (config.depth - 1) * [(config.width, config.edge_width)]
        nodes = [NodeStep(h, y, config.width, factor) for h, y in widths]
        edges = [EdgeStep(config.width, y, config.edge_width, factor) for _, y in widths[:-1]]
        return LineNetwork(
            nodes, edges, Readout(problem, config.depth * config.width, config.width)
        )

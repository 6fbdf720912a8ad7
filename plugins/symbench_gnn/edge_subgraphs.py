"""I²-GNN: message passing on copies of a graph with a marked node and a marked neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from symbench import Problem, graphs
from symbench_gnn.bounded import BoundedConfig, BoundedModel
from symbench_gnn.heads import Readout, perceptron


class MarkedEdges(NamedTuple):
    """The directed edges of graphs, as long as those of the graph with the most.

    Attributes:
        root: the node that each edge leaves, [n, E].
        neighbour: the node that it enters, [n, E].
        exists: 1 for an edge and 0 for the padding, [n, E].
    """

    root: Tensor
    neighbour: Tensor
    exists: Tensor

    @classmethod
    def of(cls, A: Tensor) -> MarkedEdges:
        """Return the edges of adjacencies [n, N, N]."""
        links = (A != 0).flatten(1)
        most = int(links.sum(1).amax())
        order = links.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]
        root, neighbour = order // A.shape[-1], order % A.shape[-1]
        return cls(root, neighbour, links.gather(1, order).to(A))


class MarkedLayer(nn.Module):
    """norm(h + φ(h, Σ_w A_vw h_w)) in every copy, with a norm over the channels of each node."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = perceptron(2 * width, width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, h: Tensor, A: Tensor) -> Tensor:
        """Return the new h [n, N, E, width] from the adjacency [n, N, N]."""
        moved = (A @ h.flatten(2)).view_as(h)
        y: Tensor = self.norm(h + self.mix(torch.cat([h, moved], -1)))
        return y


class MarkedNetwork(nn.Module):
    """One run of message passing for each directed edge (i, j), with i and j marked.

    The sum over the nodes of a copy, and the values at its marked nodes, embed the edge. The
    embeddings of the edges that leave a node are summed, and the sums go to the readout.
    """

    def __init__(self, width: int, depth: int, features: int, readout: Readout) -> None:
        super().__init__()
        self.first = nn.Linear(2 + features, width)
        self.layers = nn.ModuleList(MarkedLayer(width) for _ in range(depth))
        self.edge = perceptron(3 * width, width, width)
        self.node = perceptron(width, width, width)
        self.readout = readout

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - the engine's signature
        """Set the units of the outputs from the training targets."""
        self.readout.calibrate(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, copies, …] for graphs [n, 1 + k, N, N] of any number of nodes."""
        A, features = graphs.adjacency(x), graphs.node_features(x)
        mask, edges = features[..., 0], MarkedEdges.of(A)
        one = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
        marks = torch.stack([one[edges.root].mT, one[edges.neighbour].mT], -1)  # [n, N, E, 2]
        every = features[:, :, None].expand(*marks.shape[:-1], -1)
        there = mask[:, :, None, None] * edges.exists[:, None, :, None]
        h = self.first(torch.cat([marks, every], -1)) * there
        for layer in self.layers:
            h = layer(h, A) * there
        total = h.sum(1) / mask.sum(1).sqrt()[:, None, None]
        ends = [(marks[..., k, None] * h).sum(1) for k in (0, 1)]
        embedded = self.edge(torch.cat([total, *ends], -1)) * edges.exists[..., None]
        nodes = marks[..., 0] @ embedded  # sums over the edges that leave each node
        y: Tensor = self.readout(self.node(nodes) * mask[..., None], A, mask)
        return y


@dataclass(frozen=True)
class I2Config(BoundedConfig):
    """Five layers of ``width`` channels in every copy."""

    width: int = 16
    depth: int = 5
    trained_nodes: int = 48


@final
class I2GNN(BoundedModel):
    """Message passing on a copy of the graph for every directed edge, whose ends are marked.

    It counts all cycles of up to six nodes, and is not comparable with 2-FWL: marking a node and a
    neighbour separates strongly regular graphs that 2-FWL merges. The number of copies depends on
    the data, so that trials train one by one.
    """

    name = "i2-gnn"
    summary = "I²-GNN: message passing with a marked node and a marked neighbour"
    reference = "Huang et al. 2023, Boosting the cycle counting power of GNNs with I²-GNNs"
    Config = I2Config

    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network."""
        width, depth = self.config.width, self.config.depth
        return MarkedNetwork(width, depth, features, Readout(problem, width, width))

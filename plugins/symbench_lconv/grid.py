"""The pixel grid as a graph."""

from __future__ import annotations

import torch
from torch import Tensor


def grid_edges(height: int, width: int) -> Tensor:
    """Return the edges [2, E] between 4-neighbours of a row-major grid, in both directions."""
    index = torch.arange(height * width).view(height, width)
    across = torch.stack([index[:, :-1].flatten(), index[:, 1:].flatten()])
    down = torch.stack([index[:-1].flatten(), index[1:].flatten()])
    edges = torch.cat([across, down], 1)
    return torch.cat([edges, edges.flip(0)], 1)


def propagation(edges: Tensor, nodes: int) -> Tensor:
    """Return D^(-1/2) (A + 1) D^(-1/2) [nodes, nodes], with D the degrees of A + 1.

    (Kipf and Welling 2017, eq. 2.)
    """
    adjacency = torch.eye(nodes, dtype=torch.float64)
    adjacency[edges[1], edges[0]] = 1
    scale = adjacency.sum(1).rsqrt()
    return scale[:, None] * adjacency * scale

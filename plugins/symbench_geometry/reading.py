"""What networks read of a graph in space."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from symbench import Problem, graphs
from symbench.groups import O, S


class Reading(NamedTuple):
    """Graphs in space.

    Attributes:
        mask: 1 for the nodes and 0 for the padding, [n, N].
        edges: the adjacency, [n, N, N].
        positions: the coordinates of the nodes, [n, N, 3].
    """

    mask: Tensor
    edges: Tensor
    positions: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Reading:
        """Return the reading of graphs [n, 5, N, N]."""
        return cls(graphs.node_mask(x), graphs.adjacency(x), graphs.node_features(x)[..., 1:])

    @property
    def every(self) -> Tensor:
        """1 for each two different nodes, [n, N, N]."""
        both = self.mask[:, :, None] * self.mask[:, None, :]
        return both - torch.diag_embed(self.mask)


def apart(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return x_i - x_j [n, N, N, 3] and log(1 + |x_i - x_j|²) [n, N, N, 1] of [n, N, 3]."""
    vectors = positions[:, :, None] - positions[:, None]
    return vectors, vectors.square().sum(-1, keepdim=True).log1p()


def declined(name: str, problem: Problem) -> str | None:
    """Return why the problem is not one of invariants of graphs in space, or None."""
    if problem.kind != "graph":
        return f"{name} reads graphs, not {problem.kind} data"
    known = () if problem.ambient is None else problem.ambient.factors
    if [type(factor) for factor in known] != [S, O] or known[1].dim != 3:
        return f"{name} reads graphs whose nodes have positions in space"
    if problem.symmetry is None or graphs.output_order(problem) > 0:
        return f"{name} outputs invariants, and is told a symmetry under permutations"
    return None

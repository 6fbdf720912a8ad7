"""Random graphs as adjacency matrices, and the base class of the tasks on them."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from symbench import InputError, Symmetry, Task, graphs


class GraphTask(Task):
    """A task on graphs [1 + k, N, N] whose targets have ``output_order`` 0, 1 or 2 in the nodes.

    Invariants have output_shape [copies], node functions [copies, N], pair functions
    [copies, N, N].
    """

    version = "1"
    kind = "graph"
    baseline = "mlp-adjacency"
    output_order: ClassVar[int] = 0

    @property
    def symmetry(self) -> Symmetry:
        """S(N): (1 + k) V ⊗ V -> copies of V ^ ``output_order``."""
        channels, nodes, _ = self.input_shape
        return graphs.graph_symmetry(channels, nodes, self.output_order, self.output_shape[0])


def mirrored(upper: Tensor) -> Tensor:
    """Return the symmetric matrices [..., N, N] of upper triangles, with a zero diagonal."""
    strict = upper.triu(1)
    return strict + strict.mT


def bernoulli(n: int, nodes: int, p: float | Tensor, generator: torch.Generator) -> Tensor:
    """Draw graphs [n, N, N] with independent edges ij of probability p or p[..., i, j].

    For a number p these are the graphs G(N, p) of Erdős and Rényi.
    """
    return mirrored((torch.rand(n, nodes, nodes, generator=generator) < p).float())


def uniform_weights(n: int, nodes: int, generator: torch.Generator) -> Tensor:
    """Draw complete graphs [n, N, N] with independent weights, uniform on [0, 1)."""
    return mirrored(torch.rand(n, nodes, nodes, generator=generator))


def random_regular(n: int, nodes: int, degree: int, generator: torch.Generator) -> Tensor:
    """Draw d-regular graphs [n, N, N], uniform in the limit of many nodes.

    This is the algorithm of Steger and Wormald (1999). Edges uv are added one by one, with
    probability proportional to the product of the degrees that u and v still lack. A graph that
    cannot be completed is drawn again.

    Raises:
        InputError: no graph on N nodes is d-regular.
    """
    if not 0 <= degree < nodes or nodes * degree % 2:
        raise InputError(
            f"no graph on {nodes} nodes is regular of degree {degree}; choose a degree below "
            f"{nodes} such that nodes · degree is even"
        )
    drawn = torch.zeros(n, nodes, nodes)
    missing = torch.arange(n)
    while len(missing):
        tried = _paired(len(missing), nodes, degree, generator)
        complete = (tried.sum(1) == degree).all(1)
        drawn[missing[complete]] = tried[complete]
        missing = missing[~complete]
    return drawn


def _paired(n: int, nodes: int, degree: int, generator: torch.Generator) -> Tensor:
    """Return graphs [n, N, N] after nodes · degree / 2 attempts to add an edge."""
    rows, i, j = torch.arange(n), *torch.triu_indices(nodes, nodes, 1)
    free = torch.ones(n, len(i), dtype=torch.float64)
    lacking = torch.full((n, nodes), float(degree), dtype=torch.float64)
    for _ in range(nodes * degree // 2):
        below = (free * lacking[:, i] * lacking[:, j]).cumsum(1)
        total = below[:, -1:]
        at = torch.rand(n, 1, generator=generator, dtype=torch.float64) * total
        edge = torch.searchsorted(below, at, right=True)[:, 0].clamp_max(len(i) - 1)
        added = (total[:, 0] > 0).double()
        free[rows, edge] -= added
        lacking[rows, i[edge]] -= added
        lacking[rows, j[edge]] -= added
    adjacency = torch.zeros(n, nodes, nodes)
    adjacency[:, i, j] = 1 - free.float()
    return mirrored(adjacency)


def without_edges(adjacency: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return the graphs [n, N, N] with ``count`` uniformly drawn edges removed from each."""
    upper = adjacency.triu(1).flatten(1)
    keys = (1 + torch.rand(upper.shape, generator=generator)) * upper
    return mirrored(upper.scatter(1, keys.topk(count).indices, 0).view_as(adjacency))

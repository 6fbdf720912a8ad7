"""The largest cut of a regular graph, where deterministic equivariant networks need noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, graphs
from symbench_graphs.random_graphs import GraphTask, random_regular

NODES, DEGREE = 16, 3
_CHUNK = 2**24  # energies [n, partitions] in memory at once


def cut(adjacency: Tensor, sides: Tensor) -> Tensor:
    """Return the (expected) cuts [n], Σ over edges of (1 - xᵢxⱼ)/2, of graphs [n, N, N].

    ``sides`` [n, N] are ±1; values in between are the means of independent random ±1.
    """
    agreeing = torch.einsum("...i,...ij,...j->...", sides, adjacency, sides) / 2
    return (adjacency.sum((-2, -1)) / 2 - agreeing) / 2


def _signs(count: int) -> Tensor:
    """Return all vectors of {1, -1}^count, [2^count, count]; the first half begins with 1."""
    bits = torch.arange(2**count)[:, None] >> torch.arange(count).flip(0) & 1
    return 1.0 - 2 * bits.double()


def optimal_sides(adjacency: Tensor) -> Tensor:
    """Return a partition ±1 [n, N] of largest cut for graphs [n, N, N], N <= 20.

    It enumerates the 2^(N - 1) partitions whose first node is on side 1. If there are several
    optima, it returns the first.
    """
    nodes = adjacency.shape[-1]
    step = max(1, _CHUNK // 2 ** (nodes - 1))
    return torch.cat([_optimal(part.double()) for part in adjacency.split(step)]).to(adjacency)


def _optimal(A: Tensor) -> Tensor:
    half = A.shape[-1] // 2
    left, right = _signs(half)[: max(1, 2**half // 2)], _signs(A.shape[-1] - half)
    inner = [
        torch.einsum("ai,nij,aj->na", signs, block, signs) / 2
        for signs, block in ((left, A[:, :half, :half]), (right, A[:, half:, half:]))
    ]
    energy = inner[0][:, :, None] + inner[1][:, None, :] + left @ A[:, :half, half:] @ right.T
    flat = energy.flatten(1)
    ranked = flat * flat.shape[1] + torch.arange(flat.shape[1])  # ties go to the first
    best = ranked.argmin(1)
    return torch.cat([left[best // len(right)], right[best % len(right)]], 1)


@final
class MaxCut(GraphTask):
    """Sides ±1 of the nodes of a random 3-regular graph on 16 nodes that cut the most edges.

    Training is unsupervised. With xᵢ = tanh fᵢ, the loss is minus the expected fraction of edges
    cut when node i is on side 1 with probability (1 + xᵢ)/2. ``error`` is
    1 - E[cut of sign f / optimum] with exact optima (mean 21.1 of 24 edges). Every optimal
    partition is a solution, and a global sign does not matter. A random partition cuts half of the
    edges; its error is ``chance``. Local search that flips one node at a time has 0.04.

    Message passing cannot distinguish the nodes of a regular graph, and on a vertex-transitive
    graph no equivariant network can. Outputs are then constant and no edge is cut. So each node
    has a standard normal number as second feature. This noise breaks the symmetry in the input,
    not in the network: a graph relabelled together with its noise has relabelled sides.
    """

    name = "max-cut"
    summary = "largest cut of a random 3-regular graph"
    reference = (
        "Yao, Bandeira, Villar 2019, Experimental performance of graph neural networks on random "
        "instances of max-cut (arXiv:1908.05767)"
    )
    loss = "own"
    chance = 0.431
    threshold = 0.05
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (50,),
        "quick": (),
        "standard": (200,),
        "full": (100, 1000, 4000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    output_order = 1
    input_shape, output_shape = (3, NODES, NODES), (1, NODES)
    test_size, valid_size = 500, 100
    # smaller test sets are enough here: the error bars come from the five seeds
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"test_size": 250, "valid_size": 50}
    }

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n graphs with noise on their nodes, and the optimal partition of each."""
        generator = self.generator(seed, split)
        A = random_regular(n, NODES, DEGREE, generator)
        x = graphs.pack(A, torch.randn(n, NODES, 1, generator=generator))
        return Data(x, optimal_sides(A)[:, None])

    def objective(self, prediction: Tensor, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return minus the expected fraction of edges cut, [n]; y is not used."""
        A = graphs.adjacency(x)
        return -cut(A, prediction[:, 0].tanh()) / (A.sum((1, 2)) / 2)

    def headline_error(self, prediction: Tensor, test: Data) -> float:
        """Return 1 - E[cut / optimum]; an output of 0 counts as side 1."""
        A = graphs.adjacency(test.x).double()
        sides = torch.where(prediction[:, 0] < 0, -1.0, 1.0).double()
        return 1 - float((cut(A, sides) / cut(A, test.y[:, 0].double())).mean())

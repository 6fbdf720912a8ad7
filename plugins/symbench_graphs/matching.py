"""Graph matching: which node of a noisy, relabelled copy is which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, graphs
from symbench_graphs.random_graphs import GraphTask, bernoulli

NODES = 20  # of each of the two graphs
DENSITY, NOISE = 0.5, 0.03  # the mean degree is nearly the published one, 0.2 · 49


def noisy(adjacency: Tensor, density: float, noise: float, generator: torch.Generator) -> Tensor:
    """Return graphs [n, N, N] that lost each edge with probability ``noise`` and gained others.

    Edges are gained with probability noise · density / (1 - density), which keeps their expected
    number (noise model 2 of Nowak et al.).
    """
    n, nodes = adjacency.shape[:2]
    flip = torch.where(adjacency > 0, noise, noise * density / (1 - density))
    return (adjacency - bernoulli(n, nodes, flip, generator)).abs()


def _across(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return which nodes are of the first graph [n, 2N], and which pairs across [n, 2N, 2N]."""
    side = graphs.node_features(x)[..., 1]
    return side < 0, side[:, :, None] * side[:, None, :] < 0


@final
class GraphMatching(GraphTask):
    """Scores [2N, 2N] of pairs of nodes: each node of the first graph is to find its partner.

    Both graphs stand in one, as two components of N = 20 nodes each; the second node feature tells
    the sides, -1 and 1. The first is G(20, 0.5), the second a copy that lost 3 % of its edges
    and gained as many, randomly relabelled. Relabelling matters: the published data leave partners
    at equal places, where a network that leaks the order of nodes is perfect.

    The loss is the cross-entropy of a row of a node of the first graph over the columns of
    the second one; ``error`` the part of those nodes whose largest score is not the partner's.
    A guess is wrong in 1 - 1/N. The pairs are well posed: the Frank-Wolfe heuristic FAQ with 40
    starts finds every partner in 60 of 60 pairs.
    """

    name = "graph-matching"
    summary = "matching of the nodes of a graph and its noisy, relabelled copy"
    reference = (
        "Nowak, Villar, Bandeira, Bruna 2017, Revised note on learning algorithms for quadratic "
        "assignment with graph neural networks (arXiv:1706.07450); N = 50 there"
    )
    loss = "own"
    chance = 1 - 1 / NODES
    threshold = 0.2
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (20,),
        "quick": (500,),
        "full": (50, 500, 5000),
    }
    updates: ClassVar[Mapping[str, int]] = {"quick": 40}
    output_order = 2
    input_shape, output_shape = (3, 2 * NODES, 2 * NODES), (1, 2 * NODES, 2 * NODES)
    test_size, valid_size = 100, 64
    # the quick tier's error bars are those of its five seeds, not of its test set
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"test_size": 64, "valid_size": 32}
    }

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n pairs of graphs and their partners, y [n, 1, 2N, 2N] symmetric, 0 and 1."""
        generator = self.generator(seed, split)
        first = bernoulli(n, NODES, DENSITY, generator)
        copy = noisy(first, DENSITY, NOISE, generator)
        order = graphs.random_orders(n, NODES, generator)
        A, y = torch.zeros(2, n, 2 * NODES, 2 * NODES)
        A[:, :NODES, :NODES] = first
        A[:, NODES:, NODES:] = graphs.relabelled(copy[:, None], order)[:, 0]
        y[:, :NODES, NODES:] = torch.nn.functional.one_hot(order, NODES).mT
        side = torch.ones(n, 2 * NODES, 1)
        side[:, :NODES] = -1
        return Data(graphs.pack(A, side), (y + y.mT)[:, None])

    def objective(self, prediction: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross-entropy [n] of the partners of the first graph's nodes."""
        first, across = _across(x)
        scores = prediction[:, 0].masked_fill(~across, torch.finfo(prediction.dtype).min)
        missed = -(y[:, 0] * scores.log_softmax(2)).sum(2)
        return (missed * first).sum(1) / first.sum(1)

    def headline_error(self, prediction: Tensor, test: Data) -> float:
        """Return the part of the first graph's nodes that are given a wrong partner."""
        first, across = _across(test.x)
        chosen = prediction[:, 0].masked_fill(~across, -torch.inf).argmax(2)
        return float((chosen != test.y[:, 0].argmax(2))[first].double().mean())

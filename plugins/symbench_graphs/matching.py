"""Graph matching: find the nodes of a graph in a noisy, relabelled copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Split, graphs
from symbench_graphs.random_graphs import GraphTask, bernoulli

NODES = 20  # in each of the two graphs
DENSITY, NOISE = 0.5, 0.03  # the mean degree is nearly the published one, 0.2 · 49


def noisy(adjacency: Tensor, density: float, noise: float, generator: torch.Generator) -> Tensor:
    """Return graphs [n, N, N] with each edge removed with probability ``noise``, and others added.

    Edges are added with probability noise · density / (1 - density), which preserves their expected
    number (noise model 2 of Nowak et al.).
    """
    n, nodes = adjacency.shape[:2]
    flip = torch.where(adjacency > 0, noise, noise * density / (1 - density))
    return (adjacency - bernoulli(n, nodes, flip, generator)).abs()


def _across(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return masks of the first graph's nodes [n, 2N] and of the pairs across [n, 2N, 2N]."""
    side = graphs.node_features(x)[..., 1]
    return side < 0, side[:, :, None] * side[:, None, :] < 0


@final
class GraphMatching(GraphTask):
    """Scores [2N, 2N] of pairs of nodes, to find the partner of each node of the first graph.

    Both graphs are components, of N = 20 nodes each, of one input graph. The second node feature
    is -1 on the first graph and 1 on the second. The first graph is drawn from G(20, 0.5). The
    second is a randomly relabelled copy in which 3 % of the edges were removed and as many added.
    The relabelling is important: in the published data, partners have equal positions, so a network
    that leaks the order of the nodes is perfect.

    The loss is the cross-entropy of the scores of each node of the first graph over the nodes of
    the second. ``error`` is the fraction of those nodes whose largest score is not at the partner;
    at chance it is 1 - 1/N. The pairs are well posed: the Frank-Wolfe heuristic FAQ with 40 starts
    finds every partner in 60 of 60 pairs.
    """

    name = "graph-matching"
    summary = "matching of the nodes of a graph and a noisy, relabelled copy"
    reference = (
        "Nowak, Villar, Bandeira, Bruna 2017, Revised note on learning algorithms for quadratic "
        "assignment with graph neural networks (arXiv:1706.07450); N = 50 there"
    )
    loss = "own"
    chance = 1 - 1 / NODES
    threshold = 0.2
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (20,),
        "quick": (),
        "standard": (500,),
        "full": (50, 500, 5000),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 200}
    output_order = 2
    input_shape, output_shape = (3, 2 * NODES, 2 * NODES), (1, 2 * NODES, 2 * NODES)
    test_size, valid_size = 100, 64
    # smaller test sets are enough here: the error bars come from the five seeds
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"test_size": 64, "valid_size": 32}
    }

    def sample(self, n: int, seed: int, split: Split) -> Data:
        """Draw n pairs of graphs; y [n, 1, 2N, 2N] is 1 for partners and symmetric."""
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
        """Return the cross-entropy [n] of the partners, averaged over the first graph's nodes."""
        first, across = _across(x)
        scores = prediction[:, 0].masked_fill(~across, torch.finfo(prediction.dtype).min)
        missed = -(y[:, 0] * scores.log_softmax(2)).sum(2)
        return (missed * first).sum(1) / first.sum(1)

    def headline_error(self, prediction: Tensor, test: Data) -> float:
        """Return the fraction of the first graph's nodes that are assigned a wrong partner."""
        first, across = _across(test.x)
        chosen = prediction[:, 0].masked_fill(~across, -torch.inf).argmax(2)
        return float((chosen != test.y[:, 0].argmax(2))[first].double().mean())

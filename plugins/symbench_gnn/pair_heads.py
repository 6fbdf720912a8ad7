"""Output heads: pair tensors to invariants, node functions or pair functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError, Problem, graphs
from symbench.groups import binary_unit, positive_scale
from symbench_gnn.tensor_layers import Centred, Mixing, Nodes

_SEEN = 64  # number of training graphs that set the scale of the features


def declined(name: str, problem: Problem, orders: Sequence[int] = (0, 1, 2)) -> str | None:
    """Return why a model of graphs declines the problem, or None.

    ``orders`` are the output orders it supports: 0 invariants, 1 node functions, 2 pair functions.
    """
    if problem.kind != "graph":
        return f"{name} reads graphs, not {problem.kind} data"
    try:
        order = graphs.output_order(problem)
    except InputError as error:
        return f"{name}: {error}"
    if order in orders:
        return None
    kinds = ("invariants", "functions of the nodes", "functions of pairs of nodes")
    return f"{name} outputs {' and '.join(kinds[k] for k in orders)}, not {kinds[order]}"


class PairHead(nn.Module):
    """A perceptron on features of each graph, node or pair, from the pair tensors [c, n, N, N].

    Order 0: for each channel, the mean over the diagonal and the mean over the other pairs, and
    the same times N / N₀ and (N / N₀)², which are sums (N₀ is the problem's number of nodes).
    Order 1: diagonal, row mean and column mean of each node. Order 2: the channels of each pair.
    """

    def __init__(self, channels: int, hidden: int, problem: Problem) -> None:
        super().__init__()
        self.order = graphs.output_order(problem)
        self.nodes = problem.input_shape[-1]
        features = channels * (4, 3, 1)[self.order]
        copies = math.prod(problem.output_shape) // self.nodes**self.order
        self.centred = Centred(features)
        self.first = Mixing(features, hidden)
        self.last = nn.Linear(hidden, copies)

    def features(self, layers: Sequence[Tensor], nodes: Nodes) -> Tensor:
        """Return the perceptron's input [features, n, N, ...] with ``order`` node axes."""
        if self.order == 2:
            return torch.cat(list(layers))
        if self.order == 1:
            return torch.cat([self._of_nodes(layer, nodes) for layer in layers])
        return torch.cat([self._of_graphs(layer, nodes) for layer in layers])

    def forward(self, layers: Sequence[Tensor], nodes: Nodes) -> Tensor:
        """Return the output [n, copies, N, ...] with ``order`` node axes."""
        mask = nodes.of_order(self.order)
        features = self.centred(self.features(layers, nodes), mask)
        hidden = functional.relu(self.first(features))
        y = self.last(hidden.movedim(0, -1))
        return cast("Tensor", y.movedim(-1, 1))

    def _of_nodes(self, x: Tensor, nodes: Nodes) -> Tensor:
        size = nodes.count[:, None]
        return torch.cat([x.diagonal(dim1=-2, dim2=-1), x.sum(-1) / size, x.sum(-2) / size])

    def _of_graphs(self, x: Tensor, nodes: Nodes) -> Tensor:
        trace, total = x.diagonal(dim1=-2, dim2=-1).sum(-1), x.sum((-2, -1))
        others = nodes.count * (nodes.count - 1)
        means = [trace / nodes.count, (total - trace) / others.clamp(min=1)]
        part = nodes.count / self.nodes
        return torch.cat([*means, means[0] * part, means[1] * part.square()])


class PairNetwork(nn.Module):
    """Layers on pair tensors, each standardised, and a head on the input and all layers."""

    def __init__(self, layers: Sequence[nn.Module], width: int, head: PairHead) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.centred = nn.ModuleList([Centred(width) for _ in layers])
        self.head = head
        self.target = Target(head.order)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for graphs [n, 1 + k, N, N] of any N; zero at padded nodes."""
        nodes = Nodes.of(graphs.node_mask(x))
        y = self.head(self._run(x, nodes, fit=False), nodes)
        return cast("Tensor", self.target(y, nodes))

    @torch.no_grad()
    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Set the scale of every layer's features, and of real targets, from the training data."""
        first = x[:_SEEN]
        nodes = Nodes.of(graphs.node_mask(first))
        features = self.head.features(self._run(first, nodes, fit=True), nodes)
        self.head.centred.fit(features, nodes.of_order(self.head.order))
        self.target.fit(y, Nodes.of(graphs.node_mask(x)))

    def _run(self, x: Tensor, nodes: Nodes, *, fit: bool) -> list[Tensor]:
        layers = [x.movedim(1, 0)]
        every = cast("Iterable[Centred]", self.centred)
        for layer, centred in zip(self.layers, every, strict=True):
            if fit:
                centred.clear()
                centred.fit(layer(layers[-1], nodes, centred), nodes.pairs)
            layers.append(layer(layers[-1], nodes, centred))
        return layers


class Target(nn.Module):
    """c + s y in the units of real targets, and zero at padded nodes.

    c and s are the mean and the standard deviation of the training targets. Each invariant has its
    own; all nodes (pairs) and copies share one, which preserves equivariance. Before ``fit``, and
    for class labels, c = 0 and s = 1.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, order: int) -> None:
        super().__init__()
        self.order = order
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, y: Tensor, nodes: Nodes) -> None:
        """Set c and s from the targets y [n, copies, ...] at the existing nodes."""
        if not y.is_floating_point():
            return
        exists = nodes.of_order(self.order)[:, None].expand_as(y)
        axes = (0,) if self.order == 0 else tuple(range(y.dim()))
        count = exists.sum(axes)
        self.centre = (y * exists).sum(axes) / count
        unit = binary_unit(y * exists)
        relative = (y - self.centre) * exists / unit
        spread = (relative.square().sum(axes) / count).sqrt() * unit
        largest = (y * exists).abs().amax(axes)
        self.scale = positive_scale(spread, largest, y.dtype)

    def forward(self, y: Tensor, nodes: Nodes) -> Tensor:
        """Return outputs [n, copies, ...] in the units of the targets."""
        return (self.centre + self.scale * y) * nodes.of_order(self.order)[:, None]

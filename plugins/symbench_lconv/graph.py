"""L-conv with a given generator: the propagation of the pixel grid, or of the graph itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Model, Prior, Problem, Recipe, graphs
from symbench.groups import Rescaled
from symbench_lconv import models


@dataclass(frozen=True)
class GCNConfig(models.LConvConfig):
    """On images the sizes of ``lconv``; on graphs ``depth`` layers of ``hidden`` channels."""

    depth: int = 3


class OnGraphs(nn.Module):
    """Layers h' = relu(W₀ h + W₁ L h + b) on node features, and a linear map of their sum.

    L = D^(-1/2) (A + 1) D^(-1/2) of each graph, with D the degrees of A + 1, replaces the learned
    generator of an L-conv layer (eq. 22). Graphs [n, 1 + k, N, N] of any N -> [n, *output_shape].
    """

    def __init__(self, problem: Problem, hidden: int, depth: int) -> None:
        super().__init__()
        channels, self._nodes = problem.input_shape[0] - 1, problem.input_shape[-1]
        sizes = [channels] + (depth - 1) * [hidden]
        self.layers = nn.ModuleList([nn.Linear(2 * size, hidden) for size in sizes])
        self.head = nn.Linear(hidden, problem.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the invariants; padding nodes do not contribute."""
        A, h, mask = graphs.adjacency(x), graphs.node_features(x), graphs.node_mask(x)[..., None]
        scale = (1 + A.sum(-1, keepdim=True)).rsqrt()
        for layer in self.layers:
            moved = scale * h
            moved = scale * (A @ moved + moved)
            h = functional.relu(layer(torch.cat([h, moved], -1))) * mask
        return cast("Tensor", self.head(h.sum(1) / self._nodes))


@final
class GCN(Model):
    """A graph convolution as a special case of L-conv: its one generator propagates on a graph.

    Nothing is discovered: the neighbours are given, as in a convolution. An image is the graph of
    its pixel grid, which is wrong if the pixels are scrambled. The readout of images is linear in
    all pixels; that of graphs, whose nodes have no order, sums over nodes. On graphs the model is
    at most as expressive as 1-WL.
    """

    name, version = "lconv-gcn", "2"
    prior: ClassVar[Prior] = "none"
    summary = "L-conv whose generator is the propagation on the pixel grid or graph"
    reference = models.GCN.reference
    Config = GCNConfig
    config: GCNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = models.GCN.tiers

    @property
    def _images(self) -> models.GCN:
        return models.GCN(self.config)

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but the image problems of L-conv and invariants of graphs."""
        if problem.kind != "graph":
            return self._images.accepts(problem)
        if len(problem.output_shape) > 1:
            return f"{self.name} predicts invariants of graphs, not functions of their nodes"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape]."""
        if problem.kind != "graph":
            return self._images.build(problem)
        net = OnGraphs(problem, self.config.hidden, self.config.depth)
        return Rescaled(net, inputs=None)

    def recipe(self, problem: Problem) -> Recipe:
        """Return the recipe of ``lconv``; graphs use that of image classification."""
        return self._images.recipe(problem)

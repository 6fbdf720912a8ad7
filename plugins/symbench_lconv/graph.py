"""L-conv whose generator is told: the propagation of the pixel grid, or of the graph itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Model, Prior, Problem, Recipe, graphs
from symbench_lconv import models


@dataclass(frozen=True)
class GCNConfig(models.LConvConfig):
    """That of ``lconv`` on images; on graphs ``depth`` layers of ``hidden`` channels."""

    depth: int = 3


class OnGraphs(nn.Module):
    """Layers h' = relu(W₀ h + W₁ L h + b) on node features, and a linear map of their sum.

    L = D^(-1/2) (A + 1) D^(-1/2) of each graph, D the degrees of A + 1, in the place of the learned
    generator of an L-conv layer (eq. 22). Graphs [n, 1 + k, N, N] of any N -> [n, *output_shape].
    """

    def __init__(self, problem: Problem, hidden: int, depth: int) -> None:
        super().__init__()
        channels, self._nodes = problem.input_shape[0] - 1, problem.input_shape[-1]
        sizes = [channels] + (depth - 1) * [hidden]
        self.layers = nn.ModuleList([nn.Linear(2 * size, hidden) for size in sizes])
        self.head = nn.Linear(hidden, problem.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the invariants; absent nodes count for nothing."""
        A, h, mask = graphs.adjacency(x), graphs.node_features(x), graphs.node_mask(x)[..., None]
        scale = (1 + A.sum(-1, keepdim=True)).rsqrt()
        for layer in self.layers:
            moved = scale * h
            moved = scale * (A @ moved + moved)
            h = functional.relu(layer(torch.cat([h, moved], -1))) * mask
        return cast("Tensor", self.head(h.sum(1) / self._nodes))


@final
class GCN(Model):
    """A graph convolution seen as L-conv: its one generator is the propagation of a graph.

    Nothing is discovered: neighbours are told, as to a convolution. Images are graphs of pixels
    (told correctly unless the pixels are scrambled), and their readout is linear in all of them;
    graphs have no order of nodes, and theirs sums over nodes. At most as strong as 1-WL on graphs.
    """

    name, version = "lconv-gcn", "1"
    prior: ClassVar[Prior] = "none"
    summary = "L-conv whose generator is the propagation of the pixel grid or graph"
    reference = models.GCN.reference
    Config = GCNConfig
    config: GCNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = models.GCN.tiers

    @property
    def _images(self) -> models.GCN:
        return models.GCN(self.config)

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither an image problem of L-conv's nor an invariant of graphs."""
        if problem.kind != "graph":
            return self._images.accepts(problem)
        if len(problem.output_shape) > 1:
            return f"{self.name} puts out invariants of graphs, not functions of their nodes"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape]."""
        if problem.kind != "graph":
            return self._images.build(problem)
        return OnGraphs(problem, self.config.hidden, self.config.depth)

    def recipe(self, problem: Problem) -> Recipe:
        """Return the recipe of ``lconv``: for classes of images, where it is a graph."""
        return self._images.recipe(problem)

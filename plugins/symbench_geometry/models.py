"""Models of graphs in space: what a network sees of neighbourhoods decides what it tells apart."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Model, Prior, Problem
from symbench_geometry.layers import (
    AngleLayer,
    DistanceLayer,
    MovingLayer,
    TensorLayer,
    perceptron,
)
from symbench_geometry.reading import Reading, declined


class GeometricNetwork(nn.Module):
    """Layers from equal scalars at all nodes; a perceptron on the sums of all layers' scalars."""

    def __init__(self, layers: Sequence[nn.Module], width: int, problem: Problem) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.first = nn.Parameter(torch.randn(width))
        self.nodes = problem.input_shape[-1]
        self.head = perceptron(len(layers) * width, width, problem.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the invariants [n, copies] of graphs [n, 5, N, N] of any number of nodes."""
        reading = Reading.of(x)
        mask = reading.mask[..., None]
        layers: Any = self.layers
        h, more, seen = self.first * mask, layers[0].start(reading), []
        for layer in layers:
            h, more = layer(h, more, reading)
            seen.append((h * mask).sum(1) / self.nodes)
        y: Tensor = self.head(torch.cat(seen, -1))
        return y


@dataclass(frozen=True)
class GeometricConfig:
    """``depth`` layers of ``width`` channels."""

    width: int = 16
    depth: int = 4
    learning_rate: float = 1e-3
    batch_size: int = 32


class GeometricModel(Model):
    """A network on graphs in space, exactly invariant under E(3) and permutations of the nodes."""

    version = "1"
    prior: ClassVar[Prior] = "told"
    Config = GeometricConfig
    config: GeometricConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"width": 8, "depth": 2}}
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not an invariant of graphs in space."""
        return declined(self.name, problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 5, N, N] -> [n, copies]."""
        width, depth = self.config.width, self.config.depth
        return GeometricNetwork([self.layer(width) for _ in range(depth)], width, problem)

    @abstractmethod
    def layer(self, width: int) -> nn.Module:
        """Return one layer."""


@final
class Distances(GeometricModel):
    """Message passing with the lengths of edges, which separates none of the geometric pairs."""

    name = "geo-distances"
    summary = "message passing with the lengths of edges"
    reference = "Schütt et al. 2017, SchNet"

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return DistanceLayer(width)


@final
class Complete(GeometricModel):
    """The same with the distances of all pairs of nodes, whether they are joined or not."""

    name = "geo-complete"
    summary = "message passing with the distances of all pairs of nodes"
    reference = "Schütt et al. 2017, SchNet"

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return DistanceLayer(width, complete=True)


@final
class Angles(GeometricModel):
    """Message passing with the lengths of edges and the angles between them."""

    name = "geo-angles"
    summary = "message passing with the angles between two edges of a node"
    reference = "after Gasteiger et al. 2020, Directional message passing"

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return AngleLayer(width)


@final
class MovedNodes(GeometricModel):
    """The E(n)-equivariant network on edges: each layer moves the nodes along their edges."""

    name = "geo-egnn"
    summary = "E(n)-equivariant graph network on the edges of a graph"
    reference = "Satorras, Hoogeboom, Welling 2021 (arXiv:2102.09844)"

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return MovingLayer(width)


class _Tensors(GeometricModel):
    """Tensor products of features up to ``degree``, with e3nn's coefficients."""

    degree: ClassVar[int]
    reference = "Thomas et al. 2018 (arXiv:1802.08219); Geiger and Smidt 2022 (e3nn)"
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 4, "depth": 2},
        "quick": {"width": 8},
    }

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return TensorLayer(width, self.degree)


@final
class Tensor1(_Tensors):
    """Scalars and vectors."""

    name, degree = "geo-tensor-1", 1
    summary = "tensor-product network on edges, degrees up to 1"


@final
class Tensor2(_Tensors):
    """Tensors up to degree 2."""

    name, degree = "geo-tensor-2", 2
    summary = "tensor-product network on edges, degrees up to 2"


@final
class Tensor3(_Tensors):
    """Tensors up to degree 3."""

    name, degree = "geo-tensor-3", 3
    summary = "tensor-product network on edges, degrees up to 3"


@final
class Tensor4(_Tensors):
    """Tensors up to degree 4."""

    name, degree = "geo-tensor-4", 4
    summary = "tensor-product network on edges, degrees up to 4"

"""Networks on node embeddings, and the base classes of the models that build them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from symbench import InputError, Model, Prior, Problem, graphs
from symbench_gnn.heads import Readout

# Measured by tests/benchmarks/test_graph_routes.py on one core. Edge lists are faster for graphs
# with more nodes and a lower density than these (by 1.1 to 1.4 times at 198 nodes, 1.3 to 1.8 at
# 400). On BREC's graphs (up to 198 nodes, density 0.038 and more) the routes are equally fast, so
# these graphs stay dense.
SPARSE_NODES = 192
SPARSE_DENSITY = 0.015

Operators = Callable[[Tensor], Tensor]


def _adjacency(A: Tensor) -> Tensor:
    return A


class Features(nn.Module):
    """The node features, unchanged."""

    def forward(self, features: Tensor, A: Tensor) -> Tensor:  # noqa: ARG002
        """Return ``features`` [n, N, k]."""
        return features


class WithDegree(nn.Module):
    """The node features followed by the (weighted) degree."""

    def forward(self, features: Tensor, A: Tensor) -> Tensor:
        """Return [n, N, k + 1]."""
        return torch.cat([features, A.sum(-1, keepdim=True)], -1)


class NodeNetwork(nn.Module):
    """Layers of node embeddings, all used by the readout: [n, 1 + k, N, N] -> [n, copies, …].

    ``encode`` computes the first embedding from node features and adjacency. ``operators``
    computes the matrices that the layers multiply with; the default is the adjacency.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        readout: Readout,
        encode: nn.Module | None = None,
        operators: Operators = _adjacency,
    ) -> None:
        super().__init__()
        self.encode = encode or Features()
        self.layers = nn.ModuleList(layers)
        self.readout = readout
        self._operators = operators
        self._has_sparse = all(hasattr(layer, "sparse") for layer in layers)

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - the engine's signature
        """Set the units of the outputs from the training targets."""
        self.readout.calibrate(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for graphs of any number of nodes."""
        if self._has_sparse and sparse_pays(graphs.adjacency(x)):
            return self.sparse(x)
        return self.dense(graphs.adjacency(x), graphs.node_features(x))

    def dense(self, A: Tensor, features: Tensor) -> Tensor:
        """Return the outputs from A [n, N, N] and features [n, N, k]; feature 0 is the mask."""
        mask = features[..., 0]
        operators = self._operators(A)
        h = self.encode(features, A)
        seen = []
        for layer in self.layers:
            h = layer(h, operators, mask)
            seen.append(h)
        y: Tensor = self.readout(torch.cat(seen, -1), A, mask)
        return y

    def sparse(self, x: Tensor) -> Tensor:
        """Return the outputs, computed from edge lists with the same parameters.

        Raises:
            InputError: a layer has no sparse form.
        """
        if not self._has_sparse:
            raise InputError("this network has a layer without a sparse form; call dense() instead")
        batch, mask = graphs.to_batch(x), graphs.node_mask(x)
        h, seen = batch.x, []
        layers: Any = self.layers
        operator = layers[0].operator(batch.edge_index, batch.edge_attr[:, 0], len(h))
        for layer in layers:
            h = layer.sparse(h, operator)
            seen.append(h)
        embeddings = torch.cat(seen, -1)
        h = embeddings.new_zeros(*mask.shape, embeddings.shape[-1])
        h[mask > 0] = embeddings
        y: Tensor = self.readout(h, graphs.adjacency(x), mask)
        return y


def sparse_pays(A: Tensor) -> bool:
    """Whether edge lists are faster for adjacencies [n, N, N], by the measured constants above.

    The values of small graphs are not inspected, because vmap cannot stack code that does so.
    """
    if A.shape[-1] < SPARSE_NODES:
        return False
    return int(A.count_nonzero()) < SPARSE_DENSITY * A.numel()


def declines(name: str, problem: Problem) -> str | None:
    """Return why a network on node embeddings does not apply to the problem, or None."""
    if problem.kind != "graph":
        return f"{name} reads graphs, not {problem.kind} data"
    try:
        order = graphs.output_order(problem)
    except InputError as error:
        return str(error)
    return None if order <= 2 else f"{name} has outputs of order 0, 1 and 2, not {order}"


@dataclass(frozen=True)
class NetworkConfig:
    """``depth`` layers of ``width`` channels; the readout's hidden layer has the same width."""

    width: int = 64
    depth: int = 4
    learning_rate: float = 3e-3
    batch_size: int = 50


class NodeModel(Model):
    """A network on node embeddings; it is told the symmetry under permutations of the nodes."""

    version = "1"
    prior: ClassVar[Prior] = "told"
    Config = NetworkConfig
    config: Any
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 16},
        "quick": {"width": 32, "batch_size": 16},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a graph task with a symmetry under permutations of the nodes."""
        return declines(self.name, problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, 1 + k, N, N] -> [n, *output_shape]."""
        return self.network(problem, problem.input_shape[0] - 1)

    @abstractmethod
    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network on ``features`` node features."""


class LayeredModel(NodeModel):
    """A model whose layers all have one form; with ``degree``, the degree is a node feature."""

    degree: ClassVar[bool] = False

    @abstractmethod
    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return one layer."""

    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network on ``features`` node features."""
        config = self.config
        widths = [features + self.degree, *[config.width] * config.depth]
        layers = [self.layer(a, b) for a, b in pairwise(widths)]
        readout = Readout(problem, config.depth * config.width, config.width)
        return NodeNetwork(layers, readout, WithDegree() if self.degree else None)

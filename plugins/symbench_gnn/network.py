"""Networks on node embeddings, and what the models that build them share."""

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

# measured by tests/benchmarks/test_graph_routes.py on one core: beyond both, lists of edges win
# (1.1 to 1.4 times at 198 nodes, 1.3 to 1.8 at 400); BREC's graphs, of up to 198 nodes and density
# from 0.038 on, are a draw and stay dense
SPARSE_NODES = 192
SPARSE_DENSITY = 0.015

Operators = Callable[[Tensor], Tensor]


def _adjacency(A: Tensor) -> Tensor:
    return A


class Features(nn.Module):
    """The node features as they are."""

    def forward(self, features: Tensor, A: Tensor) -> Tensor:  # noqa: ARG002
        """Return ``features`` [n, N, k]."""
        return features


class WithDegree(nn.Module):
    """The node features and the (weighted) degree."""

    def forward(self, features: Tensor, A: Tensor) -> Tensor:
        """Return [n, N, k + 1]."""
        return torch.cat([features, A.sum(-1, keepdim=True)], -1)


class NodeNetwork(nn.Module):
    """Layers of node embeddings, all of which are read out: [n, 1 + k, N, N] -> [n, copies, …].

    ``encode`` makes the first embedding of node features and adjacency; ``operators`` what the
    layers multiply with, the adjacency unless said otherwise.
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
        """Take the units of the targets."""
        self.readout.calibrate(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for graphs of any number of nodes."""
        if self._has_sparse and sparse_pays(graphs.adjacency(x)):
            return self.sparse(x)
        return self.dense(graphs.adjacency(x), graphs.node_features(x))

    def dense(self, A: Tensor, features: Tensor) -> Tensor:
        """Return the outputs from A [n, N, N] and features [n, N, k], the first the mask."""
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
        """Return the outputs by way of lists of edges, with the same parameters.

        Raises:
            InputError: a layer has no sparse form.
        """
        if not self._has_sparse:
            raise InputError("this network has dense layers only")
        batch, mask = graphs.to_batch(x), graphs.node_mask(x)
        h, seen = batch.x, []
        layers: Any = self.layers
        operator = layers[0].operator(batch.edge_index, batch.edge_attr[:, 0], len(h))
        for layer in layers:
            h = layer.sparse(h, operator)
            seen.append(h)
        found = torch.cat(seen, -1)
        h = found.new_zeros(*mask.shape, found.shape[-1])
        h[mask > 0] = found
        y: Tensor = self.readout(h, graphs.adjacency(x), mask)
        return y


def sparse_pays(A: Tensor) -> bool:
    """Whether lists of edges are the faster route for adjacencies [n, N, N], by measurement.

    Small graphs are never looked into, so that vmap can stack them: a look at the values is what
    it must refuse.
    """
    if A.shape[-1] < SPARSE_NODES:
        return False
    return int(A.count_nonzero()) < SPARSE_DENSITY * A.numel()


def declines(name: str, problem: Problem) -> str | None:
    """Return why a network of node embeddings cannot take the problem, or None."""
    if problem.kind != "graph":
        return f"{name} reads graphs, not {problem.kind} data"
    try:
        order = graphs.output_order(problem)
    except InputError as error:
        return str(error)
    return None if order <= 2 else f"{name} has outputs of order 0, 1 and 2, not {order}"


@dataclass(frozen=True)
class NetworkConfig:
    """``depth`` layers of ``width`` channels; the readout's hidden layer is as wide."""

    width: int = 64
    depth: int = 4
    learning_rate: float = 3e-3
    batch_size: int = 50


class NodeModel(Model):
    """A network of node embeddings, told that nodes have no order."""

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
        """Decline what is no graph with a symmetry by permutation of nodes."""
        return declines(self.name, problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, 1 + k, N, N] -> [n, *output_shape]."""
        return self.network(problem, problem.input_shape[0] - 1)

    @abstractmethod
    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network on ``features`` node features."""


class LayeredModel(NodeModel):
    """One whose layers are all of one form; with ``degree``, the degree is a node feature."""

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

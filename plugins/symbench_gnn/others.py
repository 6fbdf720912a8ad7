"""Networks on nodes other than plain message passing, and a perceptron on the adjacency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Model, Problem, graphs
from symbench.groups import positive_scale
from symbench_gnn.encodings import dyadic_powers, random_walk
from symbench_gnn.heads import Readout, perceptron
from symbench_gnn.layers import GPSLayer, PowerLayer, SetLayer
from symbench_gnn.network import NetworkConfig, NodeModel, NodeNetwork, WithDegree


@final
class DeepSets(NodeModel):
    """Permutation-equivariant layers on the nodes without edges, relu(W h_i + U mean_j h_j).

    It sees the number of nodes and their features, but no edges. So its score on a task shows what
    can be predicted without the graph.
    """

    name = "deep-sets"
    summary = "sum over the nodes, without edges"
    reference = "Zaheer et al. 2017, Deep sets, eq. 4 and section 3"

    def network(self, problem: Problem, features: int) -> NodeNetwork:
        """Return the network."""
        width, depth = self.config.width, self.config.depth
        layers = [SetLayer(width if i else features, width) for i in range(depth)]
        return NodeNetwork(layers, Readout(problem, depth * width, width, edges=False))


class WalkEncoding(nn.Module):
    """A linear map of node features and random-walk encodings."""

    def __init__(self, features: int, steps: int, width: int) -> None:
        super().__init__()
        self.steps = steps
        self.embed = nn.Linear(features + steps, width)

    def forward(self, features: Tensor, A: Tensor) -> Tensor:
        """Return the node embeddings [n, N, width]; they are 0 at padded nodes."""
        h: Tensor = self.embed(torch.cat([features, random_walk(A, self.steps)], -1))
        return h * features[..., :1]


@dataclass(frozen=True)
class GraphTransformerConfig(NetworkConfig):
    """``heads`` must divide ``width``; ``steps`` is the length of the random walk (CSL needs 8)."""

    heads: int = 4
    steps: int = 16
    learning_rate: float = 1e-3


@final
class GraphTransformer(NodeModel):
    """GPS: message passing and attention in every layer, on random-walk encodings.

    The encodings are invariant features that 1-WL cannot compute. Eight steps distinguish all
    classes of CSL.
    """

    name = "graph-transformer"
    summary = "graph transformer (GPS) with random-walk encodings"
    reference = "Rampášek et al. 2022, Recipe for a general, powerful, scalable graph transformer"
    Config = GraphTransformerConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 16, "depth": 2, "steps": 8},
        "quick": {"width": 32, "depth": 2, "steps": 8, "batch_size": 16},
    }

    def network(self, problem: Problem, features: int) -> NodeNetwork:
        """Return the network."""
        config = self.config
        layers = [GPSLayer(config.width, config.heads) for _ in range(config.depth)]
        readout = Readout(problem, config.depth * config.width, config.width)
        return NodeNetwork(layers, readout, WalkEncoding(features, config.steps, config.width))


@dataclass(frozen=True)
class PowerConfig(NetworkConfig):
    """``powers`` is J, the number of powers of the adjacency: A_(1) … A_(J)."""

    powers: int = 4


@final
class PowerGNN(NodeModel):
    """Node features multiplied by 1, D, A and the thresholded powers A_(j+1) = min(1, A_(j)²).

    It is as strong as 1-WL on the graph whose edges are coloured by all operators; for J = 1 that
    graph is A. The degree is an input. On weighted graphs the same formula is applied to the
    weights.
    """

    name = "power-gnn"
    summary = "GNN with the operators 1, D, A, min(1, A²) and further thresholded powers of A"
    reference = "Chen, Li and Bruna 2019, Supervised community detection with line GNNs, section 3"
    Config = PowerConfig

    def network(self, problem: Problem, features: int) -> NodeNetwork:
        """Return the network."""
        config, nodes = self.config, problem.input_shape[-1]
        sizes = [features + 1, *[config.width] * config.depth]
        layers = [
            PowerLayer((sizes[i], sizes[i + 1]), config.powers, nodes, last=i + 1 == config.depth)
            for i in range(config.depth)
        ]
        readout = Readout(problem, config.depth * config.width, config.width)
        operators = partial(dyadic_powers, count=config.powers)
        return NodeNetwork(layers, readout, WithDegree(), operators)


class FlatGraph(nn.Module):
    """A perceptron on all entries of A and on the node features beyond the mask.

    Smaller graphs are padded to ``nodes``. For regression, each target coordinate is standardised
    by its mean and standard deviation on the training data.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, problem: Problem, width: int) -> None:
        super().__init__()
        channels, self.nodes, _ = problem.input_shape
        inputs = self.nodes**2 + (channels - 2) * self.nodes
        self.net = perceptron(inputs, width, problem.output_size)
        self._regresses = problem.loss == "mse"
        self._shape = problem.output_shape
        self.register_buffer("centre", torch.zeros(problem.output_size))
        self.register_buffer("scale", torch.ones(problem.output_size))

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - the engine's signature
        """Set centre and scale from the targets [n, …], if the loss is the squared error."""
        if self._regresses:
            values = y.detach().double().flatten(1)
            deviation = values.std(0, correction=0)
            self.centre = values.mean(0).to(self.centre)
            scale = positive_scale(deviation, values.abs().amax(0), y.dtype)
            self.scale = scale.to(self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape].

        Raises:
            InputError: a graph has more nodes than the perceptron accepts.
        """
        x = graphs.padded(x, self.nodes)
        flat = [graphs.adjacency(x).flatten(1), graphs.node_features(x)[..., 1:].flatten(1)]
        y = self.net(torch.cat(flat, 1)) * self.scale + self.centre
        shaped: Tensor = y.unflatten(1, self._shape)
        return shaped


@dataclass(frozen=True)
class FlatConfig:
    """One hidden layer of ``width`` units."""

    width: int = 128
    learning_rate: float = 1e-3
    batch_size: int = 50


@final
class MLPAdjacency(Model):
    """A perceptron on the flattened adjacency: it fits CSL and predicts at chance.

    No symmetry is built in, so a relabelled graph is a new input. Outputs per node or per pair
    are those of the padded graph.
    """

    name, version = "mlp-adjacency", "1"
    prior = "none"
    summary = "perceptron on the flattened adjacency matrix, without symmetry"
    Config = FlatConfig
    config: FlatConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"width": 16}}
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a graph."""
        if problem.kind == "graph":
            return None
        return f"{self.name} reads graphs, not {problem.kind} data"

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, 1 + k, N, N] -> [n, *output_shape]."""
        return FlatGraph(problem, self.config.width)

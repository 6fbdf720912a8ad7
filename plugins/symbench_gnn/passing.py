"""Message-passing networks: provably at most as strong as colour refinement (1-WL)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn

from symbench import Problem, graphs
from symbench_gnn.layers import EdgeNetworkLayer, GATLayer, GCNLayer, GINLayer
from symbench_gnn.network import LayeredModel, NetworkConfig, NodeNetwork


@final
class GCN(LayeredModel):
    """Graph convolutions with D̃^-½ (A + 1) D̃^-½, each followed by a linear layer.

    The readout sums over the nodes of all layers. It is weaker than 1-WL, because the normalised
    mean loses degrees that GIN's sum preserves. Otherwise the two networks are equal. Edge weights
    must not be negative.
    """

    name = "gcn"
    summary = "graph convolutional network of Kipf and Welling"
    reference = "Kipf and Welling 2017, eq. 2"

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return one graph convolution with its perceptron."""
        return GCNLayer(inputs, outputs)


@final
class GIN(LayeredModel):
    """Graph isomorphism network, h' = relu(MLP(h_i + Σ_j A_ij h_j)), with sums as readout.

    It is exactly as strong as 1-WL. The readout uses all layers. Edge weights multiply the
    messages.
    """

    name = "gin"
    summary = "graph isomorphism network, as strong as 1-WL"
    reference = "Xu et al. 2019, How powerful are graph neural networks?, eq. 4.1"

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return one GIN layer."""
        return GINLayer(inputs, outputs)


@dataclass(frozen=True)
class GATConfig(NetworkConfig):
    """``heads`` must divide ``width``."""

    heads: int = 4


@final
class GAT(LayeredModel):
    """Graph attention on node features and degree.

    Attention is a weighted mean, which is constant for constant features, so the degree is added
    as a feature. Edge weights enter only through the degree.
    """

    name = "gat"
    summary = "graph attention network"
    reference = "Veličković et al. 2018, Graph attention networks"
    Config = GATConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 16, "depth": 2, "heads": 2},
        "quick": {"width": 32, "depth": 3, "heads": 2, "batch_size": 16},
    }
    degree = True

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return one attention layer."""
        return GATLayer(inputs, outputs, self.config.heads)


@final
class MPNN(LayeredModel):
    """Message passing in its general form: a message depends on both ends and on the edge's weight.

    m_i = Σ_j relu(R h_i + S h_j + a A_ij + b) over the neighbours, h'_i = relu(MLP(h_i, m_i)).
    """

    name = "mpnn"
    summary = "message passing with an edge network"
    reference = "Gilmer et al. 2017, Neural message passing for quantum chemistry, eqs. 1-2"
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"width": 8, "depth": 2},
        "quick": {"width": 16, "depth": 3, "batch_size": 16},
    }

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return one layer with its edge network."""
        return EdgeNetworkLayer(inputs, outputs)


@dataclass(frozen=True)
class RandomGINConfig(NetworkConfig):
    """``noise`` random features per node; a pool of ``pool`` draws; ``draws`` are averaged."""

    noise: int = 4
    draws: int = 8
    pool: int = 64


class OnNoise(nn.Module):
    """A network on additional node features from N(0, 1), drawn once when it is built.

    In training steps, example b of a batch gets draw b of the pool (batches are random). In
    evaluation, also on the validation split, the outputs are averaged over the first ``draws``.
    Node i gets the i-th vector of a draw, so a relabelled graph gets different noise: the function
    is equivariant only in distribution. Graphs with more nodes than a draw repeat its vectors.
    """

    pool: Tensor

    def __init__(self, net: NodeNetwork, pool: Tensor, draws: int) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("pool", pool)
        self.draws = draws

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Set the units of the outputs from the training targets."""
        self.net.calibrate(x, y)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for one draw of noise per example, or their mean over draws."""
        every = torch.arange(len(x), device=x.device)
        if self.training and torch.is_grad_enabled():
            return self.on(x, every)
        outputs = [self.on(x, torch.full_like(every, k)) for k in range(self.draws)]
        return torch.stack(outputs).mean(0)

    def on(self, x: Tensor, draw: Tensor) -> Tensor:
        """Return the outputs for the draws [n] of the pool."""
        features = graphs.node_features(x)
        node = torch.arange(x.shape[-1], device=x.device) % self.pool.shape[1]
        noise = self.pool[draw % len(self.pool)][:, node] * features[..., :1]
        return self.net.dense(graphs.adjacency(x), torch.cat([features, noise], -1))


@final
class RandomGIN(LayeredModel):
    """GIN on random node features: universal in probability, equivariant only in distribution.

    Its measured equivariance error is not zero: it is that of a mean over ``draws`` draws.
    """

    name = "gin-random"
    summary = "GIN on random node features"
    reference = "Abboud et al. 2021; Sato et al. 2021, Random features strengthen GNNs"
    Config = RandomGINConfig

    def layer(self, inputs: int, outputs: int) -> nn.Module:
        """Return one GIN layer."""
        return GINLayer(inputs, outputs)

    def network(self, problem: Problem, features: int) -> OnNoise:
        """Return the network with its pool of random features."""
        config = self.config
        net = cast("NodeNetwork", super().network(problem, features + config.noise))
        nodes = max(problem.input_shape[-1], 64)
        pool = torch.randn(config.pool, nodes, config.noise, generator=problem.generator)
        return OnNoise(net, pool, config.draws)

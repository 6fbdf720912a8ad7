"""Networks on pair tensors: 2-IGN, Ring-GNN and PPGN."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import nn

from symbench import Model, Prior, Problem
from symbench_gnn.pair_heads import PairHead, PairNetwork, declined
from symbench_gnn.tensor_layers import IGNLayer, PPGNBlock, RingLayer


@dataclass(frozen=True)
class TensorConfig:
    """``depth`` layers of ``width`` channels, and ``hidden`` units before the output.

    ``untrained_depth`` is the depth on tasks that measure which graphs the untrained architecture
    can distinguish; more layers distinguish more graphs.
    """

    width: int = 8
    depth: int = 2
    untrained_depth: int = 2
    hidden: int = 64
    learning_rate: float = 3e-3
    batch_size: int = 32


@dataclass(frozen=True)
class RingConfig(TensorConfig):
    """The same, but one layer deeper on tasks without training."""

    untrained_depth: int = 3


@dataclass(frozen=True)
class PPGNConfig(TensorConfig):
    """The same, with perceptrons of ``mlp_depth`` layers in each block."""

    depth: int = 4
    untrained_depth: int = 5
    mlp_depth: int = 1
    learning_rate: float = 1e-3


class _Tensors(Model):
    """Layers on [channels, N, N] that commute with S(N), and a head that uses all of them."""

    version = "1"
    prior: ClassVar[Prior] = "told"
    Config = TensorConfig
    config: TensorConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"batch_size": 16},
        "full": {"width": 16},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a graph."""
        return declined(self.name, problem)

    @abstractmethod
    def layer(self, channels: int) -> nn.Module:
        """Return one layer from ``channels`` to ``width`` channels."""

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        config, channels = self.config, problem.input_shape[0]
        depth = config.untrained_depth if problem.loss == "none" else config.depth
        inputs = [channels] + (depth - 1) * [config.width]
        head = PairHead(channels + depth * config.width, config.hidden, problem)
        return PairNetwork([self.layer(size) for size in inputs], config.width, head)


@final
class IGN2(_Tensors):
    """2-IGN: relu of the 15 equivariant linear operations on V⊗V, without matrix products.

    It is as strong as 1-WL: it cannot distinguish regular graphs of equal size and degree.
    """

    name = "ign-2"
    summary = "2-IGN: networks of the 15 equivariant linear maps of matrices"
    reference = "Maron et al. 2019, Invariant and Equivariant Graph Networks"

    def layer(self, channels: int) -> nn.Module:
        """Return relu of one linear map of the 15-dimensional family."""
        return IGNLayer(channels, self.config.width)


@final
class RingGNN(_Tensors):
    """Ring-GNN: 2-IGN layers and products of two of them. It is at most as strong as 2-FWL.

    It has three layers on tasks without training. With two layers of this width, one or two pairs
    of small regular graphs are missed, depending on the random weights.
    """

    name = "ring-gnn"
    summary = "Ring-GNN: 2-IGN layers and their matrix products"
    reference = "Chen et al. 2019, On the equivalence between graph isomorphism testing and GNNs"
    Config = RingConfig
    config: RingConfig

    def layer(self, channels: int) -> nn.Module:
        """Return relu(k₁ L₁(X) + k₂ L₃(X) L₂(X) / N)."""
        return RingLayer(channels, self.config.width)


@final
class PPGN(_Tensors):
    """PPGN: perceptrons on pairs and one matrix product per block; as strong as 2-FWL (= 3-WL).

    It has five blocks on tasks without training, because 2-FWL needs up to five rounds on CFI
    graphs. Its features of non-isomorphic graphs may differ only slightly. Learning rates above
    1e-3 change all features together by more than these differences, and circular skip links are
    then not learned.
    """

    name = "ppgn"
    summary = "provably powerful graph network, as strong as 2-FWL"
    reference = "Maron et al. 2019, Provably Powerful Graph Networks"
    Config = PPGNConfig
    config: PPGNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"batch_size": 16},
        "full": {"width": 32, "depth": 3, "mlp_depth": 2},
    }

    def layer(self, channels: int) -> nn.Module:
        """Return one block: W (X, M₁(X) M₂(X) / √N)."""
        return PPGNBlock(channels, self.config.width, self.config.mlp_depth)

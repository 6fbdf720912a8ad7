"""Networks on pairs (root, node): one message-passing run for every marked node, and beyond."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Problem, graphs
from symbench_gnn.bounded import BoundedConfig, BoundedModel
from symbench_gnn.heads import Readout, perceptron

_GAIN = 4.0  # of the weights of a layer on pairs


class Rooted(nn.Module):
    """Layers on pairs h_uv of a root u and a node v; the roots' embeddings go to the readout.

    h_uv starts from A_uv, whether u = v, and the features of v. A root is embedded by a perceptron
    on h_uu and Σ_v h_uv of all layers. Only pairs within ``hops`` steps exist; 0 means all.
    """

    def __init__(
        self, layers: Sequence[nn.Module], features: int, readout: Readout, sizes: tuple[int, int]
    ) -> None:
        super().__init__()
        width, self.hops = sizes
        self.first = nn.Linear(2 + features, width)
        self.layers = nn.ModuleList(layers)
        self.root = perceptron(2 * len(layers) * width, width, width)
        self.readout = readout

    def calibrate(self, x: Tensor, y: Tensor) -> None:  # noqa: ARG002 - the engine's signature
        """Set the units of the outputs from the training targets."""
        self.readout.calibrate(y)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, copies, …] for graphs [n, 1 + k, N, N] of any number of nodes."""
        A, features = graphs.adjacency(x), graphs.node_features(x)
        mask = features[..., 0]
        same = torch.diag_embed(mask)
        pairs = self._pairs(A, mask, same)[..., None]
        marks = torch.stack([A, same], -1)
        every = features[:, None].expand(*marks.shape[:-1], -1)
        h = self.first(torch.cat([marks, every], -1)) * pairs
        seen = []
        for layer in self.layers:
            h = layer(h, A, mask) * pairs
            seen += [h.diagonal(dim1=1, dim2=2).mT, h.sum(2) / mask.sum(1).sqrt()[:, None, None]]
        roots = self.root(torch.cat(seen, -1)) * mask[..., None]
        y: Tensor = self.readout(roots, A, mask)
        return y

    def _pairs(self, A: Tensor, mask: Tensor, same: Tensor) -> Tensor:
        """Return 1 for the pairs that exist, [n, N, N]."""
        if self.hops == 0:
            return mask[:, :, None] * mask[:, None]
        near, step = same, same + (A != 0)
        for _ in range(self.hops):
            near = (near @ step).clamp(max=1)
        return near


def spread(module: nn.Module) -> None:
    """Draw the weights of all linear maps from N(0, _GAIN² / inputs).

    Torch's default has the deviation 1/√(3 inputs), with which differences shrink in each layer.
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=_GAIN / part.in_features**0.5)


class PairLayer(nn.Module):
    """norm(h + φ(h, terms)), φ a perceptron and ``terms`` what a layer sees of other pairs.

    The norm is over the channels of each pair. Together with the size of the weights (``spread``)
    it keeps differences between pairs, which sums over many nodes wash out, from shrinking with
    depth: two graphs that a test separates only after several rounds differ by little at first.
    """

    terms: ClassVar[int]

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = perceptron((1 + self.terms) * width, width, width)
        self.norm = nn.LayerNorm(width)
        spread(self.mix)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return the new h [n, N, N, width] from adjacency [n, N, N] and mask [n, N]."""
        y: Tensor = self.norm(h + self.mix(torch.cat([h, *self.seen(h, A, mask)], -1)))
        return y

    @abstractmethod
    def seen(self, h: Tensor, A: Tensor, mask: Tensor) -> list[Tensor]:
        """Return the terms, [n, N, N, width] each."""


def along_nodes(h: Tensor, A: Tensor) -> Tensor:
    """Return Σ_w A_vw h_uw."""
    return A[:, None] @ h


def along_roots(h: Tensor, A: Tensor) -> Tensor:
    """Return Σ_w A_uw h_wv."""
    return (A @ h.flatten(2)).view_as(h)


class NestedLayer(PairLayer):
    """Messages within the subgraph of each root: Σ_w A_vw h_uw."""

    terms = 1

    def seen(self, h: Tensor, A: Tensor, mask: Tensor) -> list[Tensor]:  # noqa: ARG002
        """Return the term."""
        return [along_nodes(h, A)]


class SubgraphLayer(PairLayer):
    """Messages within subgraphs, between the subgraphs of neighbours, and h_vv."""

    terms = 3

    def seen(self, h: Tensor, A: Tensor, mask: Tensor) -> list[Tensor]:  # noqa: ARG002
        """Return the three terms."""
        own = h.diagonal(dim1=1, dim2=2).mT[:, None].expand_as(h)
        return [along_nodes(h, A), along_roots(h, A), own]


class LocalFolkloreLayer(PairLayer):
    """Σ_w A_vw a(h_uw) ∘ b(h_wv) and Σ_w A_uw c(h_uw) ∘ d(h_wv), with a, b, c and d linear."""

    terms = 2

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.factors = nn.Linear(width, 4 * width)
        spread(self.factors)

    def seen(self, h: Tensor, A: Tensor, mask: Tensor) -> list[Tensor]:  # noqa: ARG002
        """Return the two terms."""
        parts = functional.silu(self.factors(h)).movedim(-1, 1).chunk(4, 1)
        left, right, first, second = parts
        edges = A[:, None]
        return [(left @ (right * edges)).movedim(1, -1), ((first * edges) @ second).movedim(1, -1)]


class TriangularLayer(PairLayer):
    """Σ_w α_uwv (V h_uw) ∘ (V' h_wv), α_uwv the softmax over w of q(h_uw) · k(h_wv) / √d."""

    terms = 1

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width)
        self.heads = heads
        self.factors = nn.Linear(width, 4 * width)
        spread(self.factors)

    def seen(self, h: Tensor, A: Tensor, mask: Tensor) -> list[Tensor]:  # noqa: ARG002
        """Return the term; absent nodes have the weight 0."""
        q, k, left, right = (
            part.unflatten(-1, (self.heads, -1)) for part in self.factors(h).chunk(4, -1)
        )
        scores = torch.einsum("nuwhd,nwvhd->nuvhw", q, k) / q.shape[-1] ** 0.5
        absent = mask[:, None, None, None] == 0  # w is the last axis
        weights = scores.masked_fill(absent, -torch.inf).softmax(-1)
        y = torch.einsum("nuvhw,nuwhd,nwvhd->nuvhd", weights, left, right)
        return [y.flatten(-2)]


@dataclass(frozen=True)
class RootedConfig(BoundedConfig):
    """``untrained_depth`` is the depth on tasks that train nothing: more layers separate more."""

    width: int = 16
    untrained_depth: int = 20


class RootedModel(BoundedModel):
    """A network on pairs (root, node)."""

    Config = RootedConfig
    hops: ClassVar[int] = 0

    def network(self, problem: Problem, features: int) -> nn.Module:
        """Return the network."""
        config = self.config
        depth = config.untrained_depth if problem.loss == "none" else config.depth
        layers = [self.layer(config.width) for _ in range(depth)]
        readout = Readout(problem, config.width, config.width)
        return Rooted(layers, features, readout, (config.width, self.hops))

    @abstractmethod
    def layer(self, width: int) -> nn.Module:
        """Return one layer."""


@final
class NGNN(RootedModel):
    """A message-passing network on the ball of radius 3 around each marked root."""

    name = "ngnn"
    summary = "nested GNN: message passing on the neighbourhood of each marked node"
    reference = "Zhang and Li 2021, Nested graph neural networks"
    hops = 3

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return NestedLayer(width)


@final
class SSWL(RootedModel):
    """The most expressive subgraph network with one marked node and local messages (SSWL+)."""

    name = "sswl-plus"
    summary = "subgraph network with messages within and between subgraphs (SSWL+)"
    reference = "Zhang et al. 2023, A complete expressiveness hierarchy for subgraph GNNs"

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return SubgraphLayer(width)


@final
class LocalFWL2(RootedModel):
    """2-FWL over the neighbours of either node only, by products of perceptrons on pairs."""

    name = "local-fwl-2"
    summary = "symmetric local 2-FWL network"
    reference = "Zhang et al. 2023, A complete expressiveness hierarchy for subgraph GNNs"

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return LocalFolkloreLayer(width)


@dataclass(frozen=True)
class EdgeTransformerConfig(RootedConfig):
    """``heads`` must divide ``width``; more than eight untrained layers amplify rounding."""

    heads: int = 4
    untrained_depth: int = 8


@final
class EdgeTransformer(RootedModel):
    """Triangular attention on pairs, as strong as 2-FWL (= 3-WL)."""

    name = "edge-transformer"
    summary = "edge transformer: triangular attention on pairs of nodes"
    reference = "Bergen et al. 2021; Müller et al. 2024, Towards principled graph transformers"
    Config = EdgeTransformerConfig

    def layer(self, width: int) -> nn.Module:
        """Return one layer."""
        return TriangularLayer(width, self.config.heads)

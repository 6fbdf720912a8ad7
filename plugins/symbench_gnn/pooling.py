"""Local relational pooling: an average over all orders of a few neighbours, made exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError, Model, Problem, Recipe, graphs
from symbench.contract import Prior
from symbench_gnn.pair_heads import Target, checked, declined
from symbench_gnn.tensor_layers import Nodes

_LENGTH = 3  # neighbours in a sequence
_LARGEST = 16  # neighbours of a node: 3360 sequences


class Egonets(torch.autograd.Function):
    """Sequences (i, a, b, c) of a node and up to three of its neighbours, as flat tensors.

    ``apply(x)`` returns rows [n, N, P, 6 + 4 k], the six weights among the four nodes and their k
    features, and the share [n, N, P] of each sequence in the average of its node: all orders of
    min(3, degree) different neighbours count the same. P = D (D - 1)(D - 2) for the largest
    degree D; missing neighbours are zeros. It has its own rule for ``torch.func.vmap``, where D
    could not be read off the data, and no gradient: graphs are given.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows and shares of graphs [n, 1 + k, N, N].

        Raises:
            InputError: a node has more than 16 neighbours.
        """
        A, features = graphs.adjacency(x), graphs.node_features(x)
        present = (A != 0).int()
        most = max(_LENGTH, int(present.sum(-1).amax())) if A.numel() else _LENGTH
        if most > _LARGEST:
            raise InputError(f"lrp takes at most {_LARGEST} neighbours of a node, not {most}")
        if most > A.shape[-1]:  # room for the missing neighbours of tiny graphs
            rows, share = Egonets.forward(graphs.padded(x, most))
            return rows[:, : A.shape[-1]], share[:, : A.shape[-1]]
        there, neighbour = present.sort(dim=-1, descending=True, stable=True)
        there, neighbour = there[..., :most], neighbour[..., :most]
        slots = torch.tensor(list(permutations(range(most), _LENGTH)), device=x.device)
        valid, chosen = there[..., slots], neighbour[..., slots]
        share = _shares(valid, there.sum(-1))
        return _rows(A, features, chosen, valid), share.to(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        """Keep nothing: there is no gradient."""
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> None:
        """Return no gradient."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], x: Tensor) -> Any:  # noqa: ARG004 - torch's
        """Take the stacked graphs as one longer batch."""
        dim = in_dims[0]
        if dim is None:
            return sequences(x), (None, None)
        stacked = x.movedim(dim, 0)
        rows, share = sequences(stacked.flatten(0, 1))
        shape = stacked.shape[:2]
        return (rows.unflatten(0, shape), share.unflatten(0, shape)), (0, 0)


def sequences(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows [n, N, P, 6 + 4 k] and shares [n, N, P] of ``Egonets``."""
    return cast("tuple[Tensor, Tensor]", Egonets.apply(x))  # type: ignore[no-untyped-call]


def _shares(valid: Tensor, degree: Tensor) -> Tensor:
    """Return the share [n, N, P] of sequences with ``valid`` [n, N, P, 3] neighbours."""
    wanted = degree.clamp(max=_LENGTH)[..., None]
    first = (valid[..., 0] >= valid[..., 1]) & (valid[..., 1] >= valid[..., 2])
    counts = (first & (valid.sum(-1) == wanted)).double()
    return counts / counts.sum(-1, keepdim=True)


def _rows(A: Tensor, features: Tensor, chosen: Tensor, valid: Tensor) -> Tensor:
    n, N, P, _ = chosen.shape
    centre = torch.arange(N, device=A.device)[None, :, None, None].expand(n, N, P, 1)
    nodes = torch.cat([centre, chosen], -1)
    there = torch.cat([torch.ones_like(valid[..., :1]), valid], -1).to(A)
    graph = torch.arange(n, device=A.device)[:, None, None, None]
    i, j = torch.triu_indices(_LENGTH + 1, _LENGTH + 1, 1, device=A.device)
    weights = A[graph, nodes[..., i], nodes[..., j]] * there[..., i] * there[..., j]
    told = features[graph, nodes] * there[..., None]
    return torch.cat([weights, told.flatten(3)], -1)


class LRPNetwork(nn.Module):
    """One layer of LRP-1-3, and a perceptron on nodes or on their mean and sum.

    h_i = m(degree_i) ∘ mean over sequences of relu(W t + b), with t the flattened tensor of a
    sequence and m a perceptron (Chen et al. 2020, section 5, as in the released synthetic code).
    """

    def __init__(self, problem: Problem, width: int, hidden: int) -> None:
        super().__init__()
        self.order, self.nodes = graphs.output_order(problem), problem.input_shape[-1]
        copies = math.prod(problem.output_shape) // self.nodes**self.order
        self.sequences = nn.Linear(6 + 4 * (problem.input_shape[0] - 1), width)
        self.degree = nn.Sequential(nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.node = nn.Sequential(nn.Linear(width, width), nn.ReLU())
        self.last = nn.Linear(2 * width if self.order == 0 else width, copies)
        self.target = Target(self.order)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output for graphs [n, 1 + k, N, N] of any N; zero at padded nodes."""
        nodes = Nodes.of(graphs.node_mask(x))
        rows, share = sequences(x)
        pooled = (share[..., None, :] @ functional.relu(self.sequences(rows)))[..., 0, :]
        degree = (graphs.adjacency(x) != 0).to(x).sum(-1, keepdim=True)
        h = self.node(functional.relu(pooled * self.degree(degree.log1p())))
        if self.order == 0:
            total = (h * nodes.mask[..., None]).sum(1)
            y = self.last(torch.cat([total / nodes.count[:, None], total / self.nodes], -1))
        else:
            y = self.last(h).movedim(-1, 1)
        return cast("Tensor", self.target(y, nodes))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Take the units of real targets from the training data."""
        self.target.fit(y, Nodes.of(graphs.node_mask(x)))


@dataclass(frozen=True)
class LRPConfig:
    """``width`` units for each sequence, ``hidden`` for the degree.

    It trains on graphs of at most ``nodes`` nodes: sequences grow with the cube of the degree.
    """

    width: int = 32
    hidden: int = 32
    nodes: int = 48
    learning_rate: float = 3e-3
    batch_size: int = 32


@final
class LRP(Model):
    """LRP-1-3: averages a perceptron over all orders of a node and up to three neighbours.

    It counts patterns within one step of a node and is not comparable with k-WL. Nothing is
    sampled, so that it is exactly equivariant: larger graphs are declined where it would train, and
    nodes of more than 16 neighbours are refused.
    """

    name, version = "lrp", "1"
    prior: ClassVar[Prior] = "told"
    summary = "local relational pooling over depth-1 egonets"
    reference = "Chen et al. 2020, Can graph neural networks count substructures?"
    Config = LRPConfig
    config: LRPConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"batch_size": 16},
        "full": {"width": 128, "hidden": 256},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline pair functions, and training on graphs of more nodes than ``config.nodes``."""
        if reason := declined(self.name, problem, orders=(0, 1)):
            return reason
        if problem.loss != "none" and problem.input_shape[-1] > self.config.nodes:
            return f"{self.name} trains on at most {self.config.nodes} nodes: its sequences grow"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 1 + k, N, N] -> [n, *output_shape].

        Raises:
            InputError: the problem is one that it declines.
        """
        checked(self.accepts(problem))
        return LRPNetwork(problem, self.config.width, self.config.hidden)

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return Adam with a cosine, the best of the validation split kept."""
        return Recipe(
            learning_rate=self.config.learning_rate,
            batch_size=self.config.batch_size,
            selection="best-valid",
        )

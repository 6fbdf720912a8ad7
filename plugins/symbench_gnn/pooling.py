"""Local relational pooling: an average over all orders of a few neighbours, made exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Any, ClassVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from symbench import InputError, Model, Prior, Problem, graphs
from symbench_gnn.pair_heads import Target, declined
from symbench_gnn.tensor_layers import Nodes

_LENGTH = 3  # neighbours in a sequence
_LARGEST = 16  # neighbours of a node: 3360 sequences


class Egonets(torch.autograd.Function):
    """Sequences (i, a, b, c) of a node and up to three of its neighbours, as flat tensors.

    ``apply(x)`` returns those of a batch of graphs in one list, node by node: rows [M, 6 + 4 k],
    the six weights among the four nodes and their k features; the node [M] of each, counted
    through the graphs; and how many [n, N] a node has, one for each order of min(3, degree)
    different neighbours. Missing neighbours are zeros. It has its own rule for ``torch.func.vmap``,
    where M could not be read off the data, and no gradient: graphs are given.
    """

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows, nodes and counts of graphs [n, 1 + k, N, N].

        Raises:
            InputError: a node has more than 16 neighbours.
        """
        A, features = graphs.adjacency(x).flatten(0, 1), graphs.node_features(x).flatten(0, 1)
        present = A != 0
        degree = present.sum(-1)
        if len(degree) and (most := int(degree.amax())) > _LARGEST:
            raise InputError(f"lrp takes at most {_LARGEST} neighbours of a node, not {most}")
        slots, starts = _orders(x.device)
        count = starts.diff()[degree]
        node = torch.repeat_interleave(count)
        skipped = starts[degree] - (count.cumsum(0) - count)  # from a place in the list to slots
        slot = slots[torch.arange(len(node), device=x.device) + skipped[node]]
        # every node's neighbours, one after another; one more, for a last node that has none
        neighbour = functional.pad(present.nonzero()[:, 1], (0, 1))
        first = degree.cumsum(0) - degree
        centre = (node % A.shape[-1])[:, None]
        nodes = torch.cat([centre, neighbour[first[node, None] + slot.clamp(min=0)]], 1)
        there = functional.pad(slot >= 0, (1, 0), value=True).to(x)
        rows = _rows(A, features, (nodes, node[:, None] - centre), there)
        return rows, node, count.view(len(x), -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        """Keep nothing: there is no gradient."""
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> None:
        """Return no gradient."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], x: Tensor) -> Any:
        """Take the stacked graphs as one longer batch; short lists end in rows of a node n N."""
        dim = in_dims[0]
        if dim is None:
            return sequences(x), (None, None, None)
        stacked = x.movedim(dim, 0)
        rows, node, count = sequences(stacked.flatten(0, 1))
        size = stacked.shape[1] * stacked.shape[-1]
        part = node // size
        lengths = torch.bincount(part, minlength=info.batch_size).tolist()
        own = list((node - part * size).split(lengths))
        found = (
            pad_sequence(list(rows.split(lengths)), batch_first=True),
            pad_sequence(own, batch_first=True, padding_value=size),
            count.unflatten(0, stacked.shape[:2]),
        )
        return found, (0, 0, 0)


def sequences(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows [M, 6 + 4 k], nodes [M] and counts [n, N] of ``Egonets``."""
    return cast("tuple[Tensor, Tensor, Tensor]", Egonets.apply(x))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=4)
def _orders(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return which neighbours stand in a node's sequences, [P, 3], and starts [18].

    Those of a node of d neighbours are the rows from starts[d] to starts[d + 1]; -1 is none.
    """
    slots, starts = [], [0]
    for degree in range(_LARGEST + 1):
        orders = list(permutations(range(degree), min(_LENGTH, degree)))
        rows = torch.tensor(orders, dtype=torch.long).view(len(orders), -1)
        slots.append(functional.pad(rows, (0, _LENGTH - rows.shape[1]), value=-1))
        starts.append(starts[-1] + len(orders))
    return torch.cat(slots).to(device), torch.tensor(starts, device=device)


def _rows(A: Tensor, features: Tensor, at: tuple[Tensor, Tensor], there: Tensor) -> Tensor:
    """Return [M, 6 + 4 k] of A [nodes, N] and features [nodes, k] of all graphs.

    ``at`` holds the four nodes [M, 4] within their graph and where it begins [M, 1].
    """
    nodes, start = at
    i, j = torch.triu_indices(_LENGTH + 1, _LENGTH + 1, 1, device=A.device)
    known = start + nodes
    weights = A[known[:, i], nodes[:, j]] * there[:, i] * there[:, j]
    told = features[known] * there[..., None]
    return torch.cat([weights, told.flatten(1)], -1)


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
        rows, node, count = sequences(x)
        h = self.sequences(rows).relu_()
        places = h.new_zeros(count.numel() + 1, h.shape[1])  # one more, for rows of no node
        sums = places.scatter_add(0, node[:, None].expand_as(h), h)[:-1]
        pooled = sums.view(*count.shape, -1) / count[..., None]
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
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline pair functions, and training on graphs of more nodes than ``config.nodes``."""
        if reason := declined(self.name, problem, orders=(0, 1)):
            return reason
        if problem.loss != "none" and problem.input_shape[-1] > self.config.nodes:
            return f"{self.name} trains on at most {self.config.nodes} nodes: its sequences grow"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        return LRPNetwork(problem, self.config.width, self.config.hidden)

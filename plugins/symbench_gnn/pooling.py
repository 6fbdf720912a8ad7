"""Local relational pooling: an exact average over all orders of a few neighbours."""

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
_LARGEST = 16  # most neighbours of a node, which has 3360 sequences then


class Egonets(torch.autograd.Function):
    """Sequences (i, a, b, c) of a node and up to three of its neighbours, as flat tensors.

    ``apply(x)`` returns the sequences of a batch of graphs in one list, node by node:

    - rows [M, 6 + 4 k]: the six weights among the four nodes, and the k features of each;
    - nodes [M]: the node of each row, numbered consecutively through the graphs;
    - counts [n, N]: the number of sequences of each node, one for each ordered choice of
      min(3, degree) different neighbours.

    Missing neighbours are zeros. M depends on the data, so the function defines its own rule for
    ``torch.func.vmap``. It has no gradient, because graphs are inputs.
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
            raise InputError(f"lrp supports at most {_LARGEST} neighbours of a node, not {most}")
        slots, starts = _orders(x.device)
        count = starts.diff()[degree]
        node = torch.repeat_interleave(count)
        skipped = starts[degree] - (count.cumsum(0) - count)  # offset from rows to slots
        slot = slots[torch.arange(len(node), device=x.device) + skipped[node]]
        # the neighbours of all nodes, concatenated; the padding serves a last node without any
        neighbour = functional.pad(present.nonzero()[:, 1], (0, 1))
        first = degree.cumsum(0) - degree
        centre = (node % A.shape[-1])[:, None]
        nodes = torch.cat([centre, neighbour[first[node, None] + slot.clamp(min=0)]], 1)
        there = functional.pad(slot >= 0, (1, 0), value=True).to(x)
        rows = _rows(A, features, (nodes, node[:, None] - centre), there)
        return rows, node, count.view(len(x), -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:  # noqa: ARG004 - torch's
        """Save nothing, because there is no gradient."""
        ctx.mark_non_differentiable(*output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> None:
        """Return no gradient."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], x: Tensor) -> Any:
        """Treat the stacked graphs as one batch; pad shorter lists with rows of node n N."""
        dim = in_dims[0]
        if dim is None:
            return sequences(x), (None, None, None)
        stacked = x.movedim(dim, 0)
        rows, node, count = sequences(stacked.flatten(0, 1))
        size = stacked.shape[1] * stacked.shape[-1]
        part = node // size
        lengths = torch.bincount(part, minlength=info.batch_size).tolist()
        local = list((node - part * size).split(lengths))
        outputs = (
            pad_sequence(list(rows.split(lengths)), batch_first=True),
            pad_sequence(local, batch_first=True, padding_value=size),
            count.unflatten(0, stacked.shape[:2]),
        )
        return outputs, (0, 0, 0)


def sequences(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows [M, 6 + 4 k], nodes [M] and counts [n, N] of ``Egonets``."""
    return cast("tuple[Tensor, Tensor, Tensor]", Egonets.apply(x))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=4)
def _orders(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the neighbours in a node's sequences, [P, 3], and the first row of each degree, [18].

    A node with d neighbours has the rows from starts[d] to starts[d + 1] - 1; -1 means no
    neighbour.
    """
    slots, starts = [], [0]
    for degree in range(_LARGEST + 1):
        orders = list(permutations(range(degree), min(_LENGTH, degree)))
        rows = torch.tensor(orders, dtype=torch.long).view(len(orders), -1)
        slots.append(functional.pad(rows, (0, _LENGTH - rows.shape[1]), value=-1))
        starts.append(starts[-1] + len(orders))
    return torch.cat(slots).to(device), torch.tensor(starts, device=device)


def _rows(A: Tensor, features: Tensor, at: tuple[Tensor, Tensor], there: Tensor) -> Tensor:
    """Return the rows [M, 6 + 4 k] from A [nodes, N] and features [nodes, k] of all graphs.

    ``at`` holds the four nodes [M, 4], numbered within their graph, and its first node [M, 1].
    """
    nodes, start = at
    i, j = torch.triu_indices(_LENGTH + 1, _LENGTH + 1, 1, device=A.device)
    index = start + nodes
    weights = A[index[:, i], nodes[:, j]] * there[:, i] * there[:, j]
    present = features[index] * there[..., None]
    return torch.cat([weights, present.flatten(1)], -1)


class LRPNetwork(nn.Module):
    """One layer of LRP-1-3, and a perceptron on the nodes or on their mean and sum.

    h_i = m(degree_i) ∘ mean over sequences of relu(W t + b), with t the flattened tensor of a
    sequence and m a perceptron. Chen et al. 2020, section 5, as in the released code for
    synthetic data.
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
        """Return the outputs for graphs [n, 1 + k, N, N] of any N; zero at padded nodes."""
        nodes = Nodes.of(graphs.node_mask(x))
        rows, node, count = sequences(x)
        h = self.sequences(rows).relu_()
        places = h.new_zeros(count.numel() + 1, h.shape[1])  # the last is for padding rows
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
        """Set the units of real targets from the training data."""
        self.target.fit(y, Nodes.of(graphs.node_mask(x)))


@dataclass(frozen=True)
class LRPConfig:
    """``width`` units for the sequences, and ``hidden`` units for the degree.

    It trains only on graphs of at most ``nodes`` nodes, because the number of sequences grows with
    the cube of the degree.
    """

    width: int = 32
    hidden: int = 32
    nodes: int = 48
    learning_rate: float = 3e-3
    batch_size: int = 32


@final
class LRP(Model):
    """LRP-1-3: averages a perceptron over all sequences of a node and up to three neighbours.

    It counts patterns within one step of a node, and its power is not comparable with k-WL. No
    sequences are sampled, so it is exactly equivariant. It declines to train on larger graphs, and
    refuses nodes with more than 16 neighbours.
    """

    name, version = "lrp", "1"
    prior: ClassVar[Prior] = "told"
    summary = "local relational pooling over egonets of depth 1"
    reference = "Chen et al. 2020, Can graph neural networks count substructures?"
    Config = LRPConfig
    config: LRPConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"batch_size": 16},
        "full": {"width": 128, "hidden": 256},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline pair functions, and training on graphs with more nodes than ``config.nodes``."""
        if reason := declined(self.name, problem, orders=(0, 1)):
            return reason
        if problem.loss != "none" and problem.input_shape[-1] > self.config.nodes:
            return (
                f"{self.name} trains on graphs of at most {self.config.nodes} nodes, not "
                f"{problem.input_shape[-1]}: its sequences grow with the cube of the degree"
            )
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network: graphs [n, 1 + k, N, N] -> [n, *output_shape]."""
        return LRPNetwork(problem, self.config.width, self.config.hidden)

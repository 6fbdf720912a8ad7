"""Output heads: node embeddings to invariants, node functions or functions of pairs of nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbench import Problem, graphs
from symbench.groups import positive_scale


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return a perceptron with one hidden layer of SiLU units: [..., inputs] -> [..., outputs].

    The activation is smooth, because random ReLU networks are piecewise linear and merge more
    graphs only for that reason. On the atlas of graphs up to 7 nodes, four GIN layers with ReLU
    merge 34 pairs; colour refinement, and GIN with these units, merge 26.
    """
    return nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, outputs))


class Invariants(nn.Module):
    """MLP(Σ_i h_i / nodes) over the existing nodes: [n, N, f] -> [n, copies].

    ``nodes`` is a constant of the task. So this is a scaled sum, which, unlike a mean, can count
    nodes.
    """

    def __init__(self, inputs: int, hidden: int, copies: int, nodes: int) -> None:
        super().__init__()
        self.factor = 1 / nodes
        self.net = perceptron(inputs, hidden, copies)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Return the invariants [n, copies]."""
        y: Tensor = self.net((h * mask[..., None]).sum(1) * self.factor)
        return y


class NodeFunction(nn.Module):
    """MLP(h_i) at every node: [n, N, f] -> [n, copies, N]."""

    def __init__(self, inputs: int, hidden: int, copies: int) -> None:
        super().__init__()
        self.net = perceptron(inputs, hidden, copies)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Return the values [n, copies, N]."""
        y: Tensor = self.net(h)
        return y.mT


class PairFunction(nn.Module):
    """A symmetric function of two nodes and their edge: [n, N, f] -> [n, copies, N, N].

    y_ij = V relu(W (h_i + h_j) + U h_i ∘ U h_j + a A_ij + b) + C (E h_i ∘ E h_j) / √hidden.
    The second term by itself is the score matrix E Eᵀ of graph matching. ``edges`` = False drops
    A.
    """

    def __init__(self, inputs: int, hidden: int, copies: int, *, edges: bool) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, hidden)
        self.factor = nn.Linear(inputs, hidden, bias=False)
        self.edge = nn.Linear(1, hidden, bias=False) if edges else None
        self.last = nn.Linear(hidden, copies)
        self.embed = nn.Linear(inputs, hidden, bias=False)
        self.combine = nn.Linear(hidden, copies, bias=False)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:  # noqa: ARG002
        """Return the values [n, copies, N, N]."""
        first, factor, embedded = self.first(h), self.factor(h), self.embed(h)
        inner = first[:, :, None] + first[:, None] + factor[:, :, None] * factor[:, None]
        if self.edge is not None:
            inner = inner + self.edge(A[..., None])
        scores = embedded[:, None] * (
            self.combine.weight[None, :, None] / len(self.first.bias) ** 0.5
        )
        y: Tensor = self.last(inner.relu()).movedim(-1, 1)
        bilinear: Tensor = scores @ embedded[:, None].mT
        return y + bilinear


class Readout(nn.Module):
    """The head for a problem's output order, in the units of its targets.

    If the loss is the squared error, outputs are y = c + s head(h), with one centre c and one
    scale s per copy. ``calibrate`` sets them to the mean and the standard deviation of the
    training targets. Both commute with permutations. Outputs at padded nodes are 0.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, problem: Problem, inputs: int, hidden: int, *, edges: bool = True) -> None:
        super().__init__()
        self.order = graphs.output_order(problem)
        copies = problem.output_shape[0]
        self.head: nn.Module
        if self.order == 0:
            self.head = Invariants(inputs, hidden, copies, problem.input_shape[-1])
        elif self.order == 1:
            self.head = NodeFunction(inputs, hidden, copies)
        else:
            self.head = PairFunction(inputs, hidden, copies, edges=edges)
        self._regresses = problem.loss == "mse"
        ones = (copies, *[1] * self.order)
        self.register_buffer("centre", torch.zeros(ones))
        self.register_buffer("scale", torch.ones(ones))

    def calibrate(self, y: Tensor) -> None:
        """Set centre and scale from targets [n, copies, …], if the loss is the squared error."""
        if not self._regresses:
            return
        copies = y.detach().double().transpose(0, 1).flatten(1)
        deviation = copies.std(1, correction=0)
        self.centre = copies.mean(1).view_as(self.centre).to(self.centre)
        scale = positive_scale(deviation, copies.abs().amax(1), y.dtype)
        self.scale = scale.view_as(self.scale).to(self.scale)

    def forward(self, h: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """Return [n, copies, …] from embeddings [n, N, f], adjacency [n, N, N], mask [n, N]."""
        y: Tensor = self.head(h, A, mask) * self.scale + self.centre
        if self.order == 1:
            return y * mask[:, None]
        if self.order == 2:
            return y * (mask[:, None, :, None] * mask[:, None, None, :])
        return y

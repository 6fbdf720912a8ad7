"""Graphs as tensors: S(n) acts on adjacency and node features by permuting indices.

A batch of graphs is one tensor x [n, 1 + k, N, N] in (1 + k) copies of V ⊗ V, with V the defining
representation of S(N) (the layout of Maron et al., Invariant and Equivariant Graph Networks,
ICLR 2019): channel 0 is the (weighted) adjacency, and each further channel is diagonal and holds
one node feature. The first node feature is the mask: 1 for a node, 0 for the padding of graphs
with fewer than N nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from symbench.contract import Problem, Symmetry
from symbench.errors import InputError
from symbench.groups import S, Scalar, V

if TYPE_CHECKING:
    from torch_geometric.data import Batch


def pack(adjacency: Tensor, features: Tensor | None = None) -> Tensor:
    """Return graphs [n, 1 + k, N, N] from adjacency [n, N, N] and features [n, N, k - 1].

    The mask is added as the first feature; it is 1, because all N nodes exist.
    """
    ones = adjacency.new_ones(*adjacency.shape[:2], 1)
    nodes = ones if features is None else torch.cat([ones, features.to(ones)], -1)
    return torch.cat([adjacency[:, None], torch.diag_embed(nodes.mT)], 1)


def padded(x: Tensor, nodes: int) -> Tensor:
    """Return graphs [..., N, N] padded with rows and columns of zeros to ``nodes``."""
    more = nodes - x.shape[-1]
    if more < 0:
        raise InputError(f"graphs of {x.shape[-1]} nodes do not fit {nodes}: give a larger number")
    return functional.pad(x, (0, more, 0, more))


def together(graphs: Sequence[Tensor], nodes: int | None = None) -> Tensor:
    """Stack graphs [1 + k, N_i, N_i] of several sizes, padded to the largest or to ``nodes``."""
    largest = nodes or max(graph.shape[-1] for graph in graphs)
    return torch.stack([padded(graph, largest) for graph in graphs])


def adjacency(x: Tensor) -> Tensor:
    """Return the adjacency [..., N, N] of graphs [..., 1 + k, N, N]."""
    return x[..., 0, :, :]


def node_features(x: Tensor) -> Tensor:
    """Return the node features [..., N, k] of graphs [..., 1 + k, N, N]; the mask is the first."""
    return x[..., 1:, :, :].diagonal(dim1=-2, dim2=-1).mT


def node_mask(x: Tensor) -> Tensor:
    """Return 1 for the nodes and 0 for the padding, [..., N], of graphs [..., 1 + k, N, N]."""
    return x[..., 1, :, :].diagonal(dim1=-2, dim2=-1)


def relabelled(x: Tensor, order: Tensor) -> Tensor:
    """Return graphs [n, c, N, N] whose node i is the old node ``order[..., i]``, [N] or [n, N]."""
    order = order.expand(len(x), -1)
    rows = order[:, None, :, None].expand_as(x)
    columns = order[:, None, None, :].expand_as(x)
    return x.gather(2, rows).gather(3, columns)


def random_orders(count: int, nodes: int, generator: torch.Generator) -> Tensor:
    """Return uniform permutations [count, nodes]."""
    return torch.rand(count, nodes, generator=generator, dtype=torch.float64).argsort(1)


def graph_symmetry(channels: int, nodes: int, output: int, copies: int = 1) -> Symmetry:
    """Return S(nodes) on graphs [channels, N, N]; the target is ``copies`` of V ^ ``output``.

    ``output`` 0: invariants [copies]; 1: one number per node, [copies, N]; 2: one number per pair
    of nodes, [copies, N, N].
    """
    group = S(nodes)
    target = copies * (Scalar if output == 0 else V**output)
    return Symmetry(group, (channels * V**2)(group), target(group))


def output_order(problem: Problem) -> int:
    """Return the order of the problem's output: 0 for invariants, 1 for nodes, 2 for pairs.

    Raises:
        InputError: the problem shows no permutation symmetry of nodes, or the orders are mixed.
    """
    symmetry = problem.symmetry
    if symmetry is None or not symmetry.group.permutes:
        raise InputError(
            "the problem is not told a symmetry that permutes nodes: choose a task on graphs"
        )
    orders = {len(piece.modes) for piece in symmetry.output.pieces}
    if len(orders) != 1:
        raise InputError(
            f"no single order: the output is {symmetry.output!r}; choose copies of one V^k"
        )
    return orders.pop()


def to_batch(x: Tensor) -> Batch:
    """Return a ``torch_geometric.data.Batch`` of the graphs [n, 1 + k, N, N].

    Its fields are ``x`` [nodes, k], the node features (first the mask, all ones), ``edge_index``
    [2, edges], ``edge_attr`` [edges, 1], the weights, ``batch`` [nodes] and ``num_graphs``. Padding
    is left out. Edges are sorted, so that sums over neighbours are reproducible.
    """
    from torch_geometric.data import Batch

    exists = node_mask(x) > 0
    number = exists.flatten().cumsum(0).view_as(exists) - 1
    graph, i, j = adjacency(x).nonzero(as_tuple=True)
    fields: dict[str, Any] = {
        "x": node_features(x)[exists],
        "edge_index": torch.stack([number[graph, j], number[graph, i]]),
        "edge_attr": adjacency(x)[graph, i, j][:, None],
        "batch": torch.arange(len(x), device=x.device)[:, None].expand_as(exists)[exists],
    }
    batch = Batch(**fields)
    batch._num_graphs = len(x)
    return batch

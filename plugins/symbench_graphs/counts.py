"""Exact substructure counts of batches of graphs, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 2**22  # entries of the intermediate [edges, N, N] in memory at once


def three_stars(A: Tensor) -> Tensor:
    """Return the numbers [n] of 3-stars (a node and any 3 of its neighbours): Σ C(d, 3)."""
    d = A.sum(-1)
    return (d * (d - 1) * (d - 2)).sum(-1) / 6


def triangles(A: Tensor) -> Tensor:
    """Return the numbers [n] of triangles of graphs [n, N, N]: tr(A³) / 6."""
    return ((A @ A) * A).sum((-2, -1)) / 6


def cliques(A: Tensor) -> Tensor:
    """Return the numbers [n] of complete subgraphs on 4 nodes of graphs [n, N, N] of 0 and 1.

    This is the sum over all edges of the number of edges among the common neighbours of its ends,
    divided by 6.
    """
    graph, i, j = A.triu(1).nonzero(as_tuple=True)
    common = A[graph, i] * A[graph, j]
    step = max(1, _CHUNK // max(1, A.shape[-1] ** 2))
    among = [
        torch.einsum("ea,eab,eb->e", near, A[part], near) / 2
        for near, part in zip(common.split(step), graph.split(step), strict=True)
    ]
    return A.new_zeros(len(A)).index_add(0, graph, torch.cat(among)) / 6


def chordal_cycles(A: Tensor) -> Tensor:
    """Return the numbers [n] of induced chordal cycles (4 nodes, all edges but one).

    The sum over edges of C(c, 2), with c the number of common neighbours of the ends, counts each
    chordal cycle once (at its chord) and each complete subgraph six times.
    """
    c = A @ A
    return (A * c * (c - 1)).sum((-2, -1)) / 4 - 6 * cliques(A)


def tailed_triangles(A: Tensor) -> Tensor:
    """Return the numbers [n] of induced tailed triangles: a triangle with a node on one corner.

    Σᵢ tᵢ(dᵢ - 2), with tᵢ the number of triangles at node i, counts all of them, induced or not.
    A chordal cycle contains 4 and a complete subgraph 12 that are not induced; these are
    subtracted.
    """
    at_node = ((A @ A) * A).sum(-1) / 2
    everything = (at_node * (A.sum(-1) - 2)).sum(-1)
    return everything - 4 * chordal_cycles(A) - 12 * cliques(A)


def attributed_triangles(A: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Return the numbers [n] of triangles with one node of one colour and two of the other.

    ``one`` and ``other`` [n, N] are the 0/1 indicators of the two colours.
    """
    B = A * other[:, None, :] * other[:, :, None]
    return (one * ((A @ B) * A).sum(-1)).sum(-1) / 2

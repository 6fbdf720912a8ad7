"""Invariant tensors of permutation groups: constant on every orbit of index tuples."""

from __future__ import annotations

import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from symbench.groups.matrices import bounded


def permutes(matrices: Tensor) -> bool:
    """Whether all of the matrices [h, d, d] are permutation matrices; true without any."""
    if not bool(((matrices == 1) | (matrices == 0)).all()):
        return False
    return bool((matrices.sum(-1) == 1).all() and (matrices.sum(-2) == 1).all())


def orbits(matrices: Tensor, rank: int) -> Tensor:
    """Return the indicators [r, d^rank] of the orbits of index tuples, each of norm 1.

    They span the tensors of that rank that the permutations ``matrices`` [h, d, d] fix.
    """
    d = matrices.shape[-1]
    if not len(matrices):
        return torch.eye(bounded(d**rank, d**rank), dtype=torch.float64)
    images = matrices.argmax(-2).int()
    moved = torch.zeros(len(images), 1, dtype=torch.int)
    for _ in range(rank):
        moved = (moved[:, :, None] * d + images[:, None, :]).flatten(1)
    starts = torch.arange(0, moved.numel() + 1, len(images), dtype=torch.int)
    edges = (torch.ones(moved.numel()).double(), moved.mT.flatten(), starts)
    graph = csr_array(tuple(part.numpy() for part in edges), shape=(d**rank, d**rank))
    count, labels = connected_components(graph, directed=False)
    at = torch.from_numpy(labels).long()
    basis = torch.zeros(bounded(count, d**rank), d**rank, dtype=torch.float64)
    basis[at, torch.arange(d**rank)] = at.bincount().double().rsqrt()[at]
    return basis

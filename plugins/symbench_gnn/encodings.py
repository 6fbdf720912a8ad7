"""Features of a graph that a network computes before its first layer, by exact linear algebra."""

from __future__ import annotations

import torch
from torch import Tensor


def degrees(A: Tensor) -> Tensor:
    """Return the (weighted) degrees [..., N] of adjacencies [..., N, N]."""
    return A.sum(-1)


def random_walk(A: Tensor, steps: int) -> Tensor:
    """Return the probabilities [n, N, steps] that a random walk returns after 1 … ``steps`` steps.

    This is diag((D⁻¹ A)^m), the random-walk encoding of Dwivedi et al. (2022). With the symmetric
    S = D^-½ A D^-½ it equals diag(S^m) = Σ_j (S^⌊m/2⌋ ∘ S^⌈m/2⌉)_ij, so half of the powers
    suffice. Edge weights must not be negative. The encoding of a node without edges is zero.
    """
    degree = degrees(A)
    scale = torch.where(degree > 0, degree, torch.ones_like(degree)).rsqrt()
    S = scale[..., :, None] * A * scale[..., None, :]
    powers = [S]
    while 2 * len(powers) < steps:
        powers.append(powers[-1] @ S)
    returns = [S.diagonal(dim1=-2, dim2=-1)]
    for m in range(2, steps + 1):
        returns.append((powers[m // 2 - 1] * powers[(m + 1) // 2 - 1]).sum(-1))
    return torch.stack(returns, -1)


def dyadic_powers(A: Tensor, count: int) -> Tensor:
    """Return [n, count, N, N]: A_(1) = A and A_(j+1) = min(1, A_(j)²).

    These are the operators of the code released by Chen, Li and Bruna. On an unweighted graph,
    A_(j) marks the pairs of nodes joined by a walk of exactly 2^(j-1) steps. The same formula is
    applied to weights; on a complete weighted graph the higher operators tend to the constant 1.
    """
    powers = [A]
    for _ in range(count - 1):
        powers.append((powers[-1] @ powers[-1]).clamp(max=1))
    return torch.stack(powers, 1)

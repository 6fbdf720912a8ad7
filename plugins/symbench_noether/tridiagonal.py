"""Symmetric block-tridiagonal systems, many at once, by odd-even reduction."""

from __future__ import annotations

import torch
from torch import Tensor


def solve(diagonal: Tensor, upper: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Solve A x = b for symmetric positive definite A in log2(m) batched eliminations.

    Eliminating every other block row leaves a system of the same form and half the size. Together
    the eliminations are the block Cholesky factorisation of a permuted A, so their pivots are
    positive definite if and only if A is.

    Args:
        diagonal: blocks A_ii, [n, m, d, d].
        upper: blocks A_i,i+1, [n, m - 1, d, d].
        right: b, [n, m, d].

    Returns:
        x [n, m, d], and whether A was positive definite [n] (otherwise x is meaningless).
    """
    n, m, d = right.shape
    size = 2 ** m.bit_length() - 1
    padded = torch.eye(d, dtype=right.dtype, device=right.device).repeat(n, size, 1, 1)
    padded[:, :m] = diagonal
    beside = right.new_zeros(n, size - 1, d, d)
    beside[:, : m - 1] = upper
    wanted = right.new_zeros(n, size, d)
    wanted[:, :m] = right
    solution, definite = _reduced(padded, beside, wanted)
    return solution[:, :m], definite


def _reduced(diagonal: Tensor, upper: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Solve a system of 2^k - 1 block rows: eliminate the even ones, counted from zero."""
    factor, info = torch.linalg.cholesky_ex(diagonal[:, ::2])
    definite = (info == 0).all(1)
    if right.shape[1] == 1:
        return torch.cholesky_solve(right[..., None], factor)[..., 0], definite
    after, before = upper[:, ::2], upper[:, 1::2]  # blocks (even, odd) and (odd, even)
    left, behind = factor[:, :-1], factor[:, 1:]  # the even rows before and after an odd one
    to_odd, value = torch.cholesky_solve(
        torch.cat([after, right[:, :-1:2, :, None]], -1), left
    ).split([right.shape[2], 1], -1)
    from_odd, value_behind = torch.cholesky_solve(
        torch.cat([before.mT, right[:, 2::2, :, None]], -1), behind
    ).split([right.shape[2], 1], -1)
    schur = diagonal[:, 1::2] - after.mT @ to_odd - before @ from_odd
    coupling = -before[:, :-1] @ to_odd[:, 1:]
    rest = right[:, 1::2] - (after.mT @ value + before @ value_behind)[..., 0]
    odd, also = _reduced(schur, coupling, rest)
    solution = torch.empty_like(right)
    solution[:, 1::2] = odd
    even = right[:, ::2].clone()
    even[:, :-1] -= (after @ odd[..., None])[..., 0]
    even[:, 1:] -= (before.mT @ odd[..., None])[..., 0]
    solution[:, ::2] = torch.cholesky_solve(even[..., None], factor)[..., 0]
    return solution, definite & also

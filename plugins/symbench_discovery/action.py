"""exp(θL) on batches: every example has its own θ and none its own matrix."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_ORDER = 8
_STARTS = 9


def substeps(L: Tensor, largest: float) -> int:
    """Return how many parts θL is cut into for ‖θL/s‖₂ ≤ 1 at the ``largest`` |θ|.

    The Taylor polynomial of degree 8 of a part is then off by less than e/9! = 8e-6.
    """
    norm = float(torch.linalg.matrix_norm(L.detach().double(), 2))
    return max(1, math.ceil(norm * largest)) if math.isfinite(norm) else 1


def moved(L: Tensor, theta: Tensor, x: Tensor, parts: int) -> Tensor:
    """Return exp(θ_i L) x_i [n, d] for θ [n], x [n, d] and L [d, d], in ``parts`` parts.

    By one matrix product with L for each order and part: Σ_k (θL/s)^k x / k!, s times.
    """
    step = theta[:, None] / parts
    for _ in range(parts):
        term = x
        total = x
        for order in range(1, _ORDER + 1):
            term = step / order * (term @ L.mT)
            total = total + term
        x = total
    return x


def nearest(
    L: Tensor, pair: tuple[Tensor, Tensor], parts: int, reach: Tensor, iterations: int
) -> Tensor:
    """Return θ [n] that minimises ‖exp(θL) x - y‖² within ``reach``, for a pair (x, y) of [n, d].

    Gauss-Newton, θ ← θ + <Lu, y - u> / ‖Lu‖² with u = exp(θL) x, a fixed number of ``iterations``
    from the best of 9 angles spread over ``reach`` = (low, high).
    """
    x, y = pair
    starts = reach[0] + (reach[1] - reach[0]) * torch.linspace(0, 1, _STARTS).to(x)
    turns = torch.linalg.matrix_exp(starts[:, None, None] * L)
    residual = torch.einsum("sij,nj->sni", turns, x) - y
    theta = starts[residual.detach().square().sum(2).argmin(0)]
    for _ in range(iterations):
        u = moved(L, theta, x, parts)
        slope = u @ L.mT
        square = slope.square().sum(1).clamp_min(torch.finfo(x.dtype).tiny)
        theta = (theta + (slope * (y - u)).sum(1) / square).clamp(reach[0], reach[1])
    return theta

"""The angle θ at which exp(θL) x is nearest to a given image."""

from __future__ import annotations

import torch
from torch import Tensor

from symbench.groups import exp_action

_STARTS = 9  # equidistant starting angles of Gauss-Newton


def nearest(
    L: Tensor, pair: tuple[Tensor, Tensor], steps: int, reach: Tensor, iterations: int
) -> Tensor:
    """Return θ [n] that minimises ‖exp(θL) x - y‖² within ``reach``, for a pair (x, y) of [n, d].

    The method is Gauss-Newton, θ ← θ + <Lu, y - u> / ‖Lu‖² with u = exp(θL) x. It takes a fixed
    number of ``iterations`` from the best of 9 equidistant angles in ``reach`` = (low, high).
    """
    x, y = pair
    starts = reach[0] + (reach[1] - reach[0]) * torch.linspace(0, 1, _STARTS).to(x)
    turns = torch.linalg.matrix_exp(starts[:, None, None] * L)
    residual = torch.einsum("sij,nj->sni", turns, x) - y
    theta = starts[residual.detach().square().sum(2).argmin(0)]
    for _ in range(iterations):
        u = exp_action(L, theta, x, steps)
        slope = u @ L.mT
        square = slope.square().sum(1).clamp_min(torch.finfo(x.dtype).tiny)
        theta = (theta + (slope * (y - u)).sum(1) / square).clamp(reach[0], reach[1])
    return theta

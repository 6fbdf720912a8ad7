"""The orbit of an image under exp(θL), and the angle at which it is nearest to another image."""

from __future__ import annotations

import torch
from torch import Tensor

_ORDER = 8  # degree of the Taylor polynomial at a node


def orbit(L: Tensor, angles: Tensor, x: Tensor) -> Tensor:
    """Return exp(θ_j L) x_i [n, J, d] at equidistant angles θ [J], for x [n, d]."""
    start = torch.linalg.matrix_exp(angles[0] * L)
    step = torch.linalg.matrix_exp((angles[1] - angles[0]) * L)
    images = [x @ start.mT]
    for _ in range(len(angles) - 1):
        images.append(images[-1] @ step.mT)
    return torch.stack(images, 1)


def nearest_angle(L: Tensor, nodes: Tensor, x: Tensor, y: Tensor, iterations: int = 4) -> Tensor:
    """Return the angles [n] that minimise ‖exp(θL) x - y‖ over the span of ``nodes`` and a step.

    The search takes the best of the equidistant ``nodes`` [J], then Gauss-Newton steps
    δ ← δ + <Lu, y - u> / ‖Lu‖² with u = exp(δL) u₀ from its Taylor polynomial at the node. The
    result is exact if y lies on the orbit of x.
    """
    images = orbit(L, nodes, x)
    best = (images - y[:, None]).square().sum(2).argmin(1)
    at = best[:, None, None].expand(-1, 1, x.shape[1])
    terms = [images.gather(1, at)[:, 0]]
    for k in range(1, _ORDER + 2):
        terms.append(terms[-1] @ L.mT / k)
    powers = torch.stack(terms)  # L^k u0 / k!
    degree = torch.arange(_ORDER + 1, dtype=x.dtype, device=x.device)[:, None]
    width = nodes[1] - nodes[0]
    delta = torch.zeros_like(x[:, 0])
    for _ in range(iterations):
        weight = delta.unsqueeze(0).pow(degree)[:, :, None]
        u = (weight * powers[:-1]).sum(0)
        slope = (weight * (degree[:, :, None] + 1) * powers[1:]).sum(0)
        square = slope.square().sum(1).clamp_min(torch.finfo(x.dtype).tiny)
        delta = (delta + (slope * (y - u)).sum(1) / square).clamp(-width, width)
    return nodes[best] + delta

"""The roto-translations of the plane: neighbourhoods of lifted pixels, and their logarithms."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Window(NamedTuple):
    """The window of a fine square grid around a position of a coarse one, the same for all.

    Attributes:
        steps: from a coarse position to the fine ones around it, [side², 2] as (x, y), row by row,
            in units of the fine grid's spacing.
        side: fine positions along each edge of the window.
        stride: from one coarse position to the next, in the same units.
        padding: how far the window of the first coarse position extends beyond the fine grid.
    """

    steps: Tensor
    side: int
    stride: int
    padding: int


def window(fine: int, coarse: int, radius: float) -> Window:
    """Return the window of radius ``radius`` (fine spacings) of ``coarse``² places in ``fine``².

    Both grids are centred on the image. The spacing of the coarse one is ⌊fine / coarse⌋ times
    larger.
    """
    stride = fine // coarse
    first = ((fine - 1) - (coarse - 1) * stride) / 2  # first coarse position, from the first fine
    part = first % 1
    reach = part + math.floor(radius - part)
    axis = torch.arange(-reach, reach + 0.5, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    steps = torch.stack([x.flatten(), y.flatten()], 1)
    return Window(steps, len(axis), stride, int(reach - first))


def logarithms(steps: Tensor, turns: int) -> Tensor:
    """Return log(u⁻¹v) [K, m, K, 3] of u = (0, θ_j) and v = (steps, θ_k), θ_j = 2πj/K.

    u⁻¹v = (R(-θ_j) steps, θ_k - θ_j), and log(t, φ) = (V(φ)⁻¹ t, φ / π) with φ in (-π, π],
    V⁻¹ = (φ/2) cot(φ/2) 1 - (φ/2) J and J = (0 -1; 1 0), for steps [m, 2] in units of the
    neighbourhood's radius (Finzi et al. 2020, LieConv, appendix).
    """
    index = torch.arange(turns)
    apart = (index[None, :] - index[:, None]) % turns  # integers wrap exactly at π
    apart = torch.where(apart > turns // 2, apart - turns, apart)
    phi = apart.double() * (2 * math.pi / turns)
    local = torch.einsum("jab,qb->jqa", _turned_back(turns), steps)
    place = torch.einsum("jkab,jqb->jqka", _inverse_v(phi), local)
    turn = (phi / math.pi)[:, None, :, None].expand(*place.shape[:3], 1)
    return torch.cat([place, turn], 3)


def _turned_back(turns: int) -> Tensor:
    """Return R(-θ_j) [K, 2, 2]."""
    angle = torch.arange(turns, dtype=torch.float64) * (2 * math.pi / turns)
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, s], 1), torch.stack([-s, c], 1)], 1)


def _inverse_v(phi: Tensor) -> Tensor:
    """Return V(φ)⁻¹ [..., 2, 2]."""
    half = phi / 2
    safe = torch.where(half == 0, torch.ones_like(half), half)
    along = torch.where(half == 0, torch.ones_like(half), safe / safe.tan())
    rows = [torch.stack([along, half], -1), torch.stack([-half, along], -1)]
    return torch.stack(rows, -2)

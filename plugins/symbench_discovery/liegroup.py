"""The roto-translations of the plane: lifts of pixels, and logarithms between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Elements(NamedTuple):
    """Elements (p, θ) of SE(2): places [m, 2] in units of pixels, turns 2πj/K for each of them.

    The places are those of a square grid about the image's centre; element m·K + j has turn j.
    """

    places: Tensor
    turns: int


class Neighbours(NamedTuple):
    """For each of M elements u: near v [M, b], log(u⁻¹v) [M, b, 3], and which are real [M, b]."""

    at: Tensor
    logarithm: Tensor
    real: Tensor


def grid(side: int, points: int, turns: int) -> Elements:
    """Return ``points``² elements' places spread over an image of ``side``² pixels, lifted."""
    axis = (torch.arange(points, dtype=torch.float64) - (points - 1) / 2) * side / points
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return Elements(torch.stack([x.flatten(), y.flatten()], 1), turns)


def neighbours(centres: Elements, sources: Elements, radius: float) -> Neighbours:
    """Return the sources within ``radius`` (pixels) of each centre, at every turn.

    log of u⁻¹v = (R(-θ_u)(p_v - p_u), θ_v - θ_u) is (V(φ)⁻¹ t, φ), with φ in (-π, π],
    V⁻¹ = (φ/2) cot(φ/2) 1 - (φ/2) J and J = (0 -1; 1 0); the first two in units of ``radius``
    and φ in units of π (Finzi et al. 2020, LieConv, appendix).
    """
    K = centres.turns
    offset = sources.places[None] - centres.places[:, None]
    near = offset.square().sum(2) <= radius**2 + 1e-9
    most = int(near.sum(1).max())
    order = (~near).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
    real = near.gather(1, order)
    t = offset.gather(1, order[:, :, None].expand(-1, -1, 2)) / radius
    shape = (len(t), K, most, K)
    own = torch.arange(K)
    steps = (own[None, :] - own[:, None]) % K  # an integer: wrapping a float at π would be chance
    phi = torch.where(steps > K // 2, steps - K, steps).double() * (2 * math.pi / K)
    local = torch.einsum("jab,mqb->mjqa", _turned_back(K), t)
    place = torch.einsum("jkab,mjqb->mjqka", _inverse_v(phi), local)
    turn = (phi / math.pi)[None, :, None, :, None].expand(*shape, 1)
    logarithm = torch.cat([place, turn], 4).reshape(len(t) * K, most * K, 3)
    at = (order[:, None, :, None] * K + own).expand(shape).reshape(len(t) * K, most * K)
    real = real[:, None, :, None].expand(shape).reshape(len(t) * K, most * K)
    return Neighbours(at, logarithm, real)


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

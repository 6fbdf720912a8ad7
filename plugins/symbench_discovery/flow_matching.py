"""Flow matching over SO(2) or SO(3): the law of the elements that map data to data (LieFlow)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symbench.groups import SO

_FREQUENCIES = 8  # of the sines and cosines of the time
_POWER = 5  # times are drawn with density 5 t⁴, most of them near the data

Act = Callable[[Tensor, Tensor], Tensor]
"""(g [n, d, d], points [n, size]) -> g acting on each point."""


class Velocity(nn.Module):
    """The velocity in the Lie algebra, [n, dim], at points [n, size] and times [n].

    ReLU layers, as published: with smooth activations the velocity does not become sharp near the
    data.
    """

    unit: Tensor

    def __init__(self, size: int, dim: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(size + 2 * _FREQUENCIES, width), nn.ReLU()]
        for _ in range(3):
            layers += [nn.Linear(width, width), nn.ReLU()]
        self.net = nn.Sequential(*layers, nn.Linear(width, dim))
        self.register_buffer("unit", torch.ones(size))

    def forward(self, points: Tensor, t: Tensor) -> Tensor:
        """Return [n, dim]."""
        phase = t[:, None] * torch.pi * torch.arange(1, _FREQUENCIES + 1).to(t)
        known = torch.cat([points / self.unit, phase.sin(), phase.cos()], 1)
        velocity: Tensor = self.net(known)
        return velocity


@dataclass(frozen=True)
class GroupFlow:
    """Flow matching between all poses of the data and the data.

    A data point z is moved by a uniform g in SO(d). On the path z_t = exp(tA) g z with
    A = log g⁻¹ it returns from t = 0 to z at t = 1. The velocity learns the mean of A given z_t.
    Where other data points lie on the orbit of z, the flow ends at one of them, so that the element
    between the start and the end of a path has the law of the symmetry group of the data.
    """

    velocity: Velocity
    act: Act
    d: int

    def loss(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Return the mean squared error of the velocity on one path through each z [n, size]."""
        g, back = self.poses(len(z), generator, z)
        t = torch.rand(len(z), generator=generator).to(z) ** (1 / _POWER)
        moved = self.act(self.exp(t[:, None] * back) @ g, z)
        error: Tensor = (self.velocity(moved, t) - back).square().mean()
        return error

    @torch.no_grad()
    def elements(self, z: Tensor, generator: torch.Generator, steps: int = 20) -> Tensor:
        """Return for each z [n, size] the element [n, d, d] by which a random path ends at hz."""
        g, _ = self.poses(len(z), generator, z)
        times = torch.linspace(0, 1, steps + 1).to(z) ** (1 / _POWER)
        for start, end in itertools.pairwise(times):
            v = self.velocity(self.act(g, z), start.expand(len(z)))
            g = self.exp((end - start) * v) @ g
        return g

    def poses(self, n: int, generator: torch.Generator, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return uniform g [n, d, d], and the coordinates [n, dim] of log g⁻¹."""
        if self.d == 2:
            back = math.pi * (2 * torch.rand(n, 1, generator=generator) - 1)
        else:
            quaternion = torch.randn(n, 4, generator=generator)
            size = quaternion[:, 1:].norm(dim=1, keepdim=True)
            angle = 2 * torch.atan2(size, quaternion[:, :1].abs())
            back = angle * quaternion[:, 1:] / size
        back = back.to(like)
        return self.exp(-back), back

    def exp(self, coordinates: Tensor) -> Tensor:
        """Return exp(Σ c A) [n, d, d] for coordinates c [n, dim] in radians."""
        basis = SO(self.d).algebra
        basis = (basis * math.sqrt(2) / basis.flatten(1).norm(dim=1)[:, None, None]).to(coordinates)
        g: Tensor = torch.linalg.matrix_exp(torch.einsum("nk,kij->nij", coordinates, basis))
        return g

"""Lagrangian networks: the Euler-Lagrange equations of a learned L, solved for accelerations."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import grad, jacrev, vmap

from symbench.groups import binary_unit, rounding_of
from symbench_dynamics.heads import Clock, Field, calibrate_potential


def accelerations(
    lagrangian: Callable[[Tensor, Tensor], Tensor], q: Tensor, v: Tensor, ridge: float = 0.0
) -> Tensor:
    """Return q̈ [n, f] = M⁺ (∂L/∂q - (∂²L/∂v∂q) v), M = ∂²L/∂v² (Cranmer et al. 2020).

    ``lagrangian`` maps q, v [f] of one system to a number. M⁺ = (MᵀM + ridge²)⁻¹ Mᵀ is smooth where
    M is singular, as a learned M may be during training. With ridge = 0 it is the inverse; where M
    is singular then, the result is not finite. (``solve`` would have a GPU wait for the host.)
    """

    def one(q: Tensor, v: Tensor) -> Tensor:
        # reverse mode twice: some activations have no forward derivative of their backward pass
        mixed, mass = jacrev(grad(lagrangian, argnums=1), argnums=(0, 1))(q, v)
        right = grad(lagrangian, argnums=0)(q, v) - mixed @ v
        if ridge == 0:
            return cast(Tensor, torch.linalg.solve_ex(mass, right).result)
        normal = mass.mT @ mass + ridge**2 * torch.eye(len(q), dtype=q.dtype, device=q.device)
        return cast(Tensor, torch.linalg.solve_ex(normal, mass.mT @ right).result)

    return vmap(one)(q, v)


class Lagrangian(Field):
    """The motion of L(q, v) = ½|v|² + net(q, v), where v = c u and the state is (q, u).

    The term ½|v|² makes the initial mass matrix regular. It does not restrict L, because net can
    cancel it. The factors c, one per coordinate, are fitted to the observed dq/dt and then learned.
    A state may therefore hold momenta: if the kinetic energy is a sum of squares, they are
    velocities in other units.
    """

    unit: Tensor

    def __init__(self, net: nn.Module, half: int, ridge: float, clock: Clock) -> None:
        super().__init__(clock)
        self.net, self._ridge = net, ridge
        self.register_buffer("unit", torch.ones(half))
        self.ratio = nn.Parameter(torch.ones(half))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Fit c by least squares, and calibrate net by (q, v) and the size of the forces."""
        states, rates = self.observed(x, y)
        (q, u), (velocity, change) = states.chunk(2, -1), rates.chunk(2, -1)
        unit, rate = binary_unit(u), binary_unit(velocity)
        square = (u / unit).square().sum(0)
        product = (velocity / rate * (u / unit)).sum(0)
        # a coordinate that does not move, or moves regardless of u, says nothing about c
        says = product.abs() > rounding_of(square, u.dtype)
        self.unit = torch.where(says, product / square, 1) * (rate / unit)
        points, slopes = torch.cat([q, self.unit * u], 1), torch.cat([self.unit * change, 0 * u], 1)
        calibrate_potential(self.net, points, slopes)

    def value(self, q: Tensor, v: Tensor) -> Tensor:
        """Return L of one system with q and v [f]."""
        learned = self.net(torch.cat([q, v])[None])
        return cast(Tensor, v.square().sum() / 2 + learned.sum())

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (c u, q̈ / c)."""
        q, u = state.chunk(2, -1)
        c = self.unit * self.ratio
        return torch.cat([c * u, accelerations(self.value, q, c * u, self._ridge) / c], -1)

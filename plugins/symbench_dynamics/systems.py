"""Energies and exact fields of the systems, on states [..., d], in the dtype of the state.

A field is the rate of change of the state. States hold all positions, then all momenta. Those of
the double pendulum hold angles, then angular velocities. Units are dimensionless.
"""

from __future__ import annotations

import torch
from torch import Tensor

GRAVITY = 9.8
"""The gravity of the double pendulum; the spring pendulum has g = 1."""


def spring_energy(z: Tensor) -> Tensor:
    """Return q² + p² [...], for (q, p): the spring of Greydanus et al. 2019, of frequency 2."""
    return z.square().sum(-1)


def spring_field(z: Tensor) -> Tensor:
    """Return (2 p, -2 q)."""
    q, p = z.unbind(-1)
    return torch.stack([2 * p, -2 * q], -1)


def oscillator_energy(z: Tensor) -> Tensor:
    """Return (q² + p²) / 2 [...], for (q, p): the springs of Desai et al. 2021, of frequency 1."""
    return z.square().sum(-1) / 2


def damped_forced_field(z: Tensor, t: Tensor) -> Tensor:
    """Return (p, -q + N p + sin 3t) with N = -0.3."""
    q, p = z.unbind(-1)
    return torch.stack([p, -q - 0.3 * p + (3 * t).sin()], -1)


def pendulum_energy(z: Tensor) -> Tensor:
    """Return 3 (1 - cos q) + p² [...], for (q, p): the pendulum of Greydanus et al. 2019."""
    q, p = z.unbind(-1)
    return 3 * (1 - q.cos()) + p.square()


def pendulum_field(z: Tensor) -> Tensor:
    """Return (2 p, -3 sin q)."""
    q, p = z.unbind(-1)
    return torch.stack([2 * p, -3 * q.sin()], -1)


def double_pendulum_energy(z: Tensor) -> Tensor:
    """Return T + V [...] of two unit masses on unit rods, for (a₁, a₂, w₁, w₂).

    T = w₁² + w₂²/2 + w₁ w₂ cos(a₁ - a₂) and V = -g (2 cos a₁ + cos a₂), angles from the downward
    vertical; V is 3g = 29.4 at most.
    """
    a, b, v, w = z.unbind(-1)
    kinetic = v.square() + w.square() / 2 + v * w * (a - b).cos()
    return kinetic - GRAVITY * (2 * a.cos() + b.cos())


def double_pendulum_field(z: Tensor) -> Tensor:
    """Return (w₁, w₂, dw₁/dt, dw₂/dt), where the accelerations solve M(a) dw/dt = F(a, w).

    M = [[2, c], [c, 1]], F = (-s w₂² - 2g sin a₁, s w₁² - g sin a₂), c and s the cosine and sine
    of a₁ - a₂.
    """
    a, b, v, w = z.unbind(-1)
    cosine, sine = (a - b).cos(), (a - b).sin()
    first = -sine * w.square() - 2 * GRAVITY * a.sin()
    second = sine * v.square() - GRAVITY * b.sin()
    determinant = 2 - cosine.square()
    return torch.stack(
        [
            v,
            w,
            (first - cosine * second) / determinant,
            (2 * second - cosine * first) / determinant,
        ],
        -1,
    )


def gravity_energy(z: Tensor) -> Tensor:
    """Return Σᵢ |pᵢ|²/2 - Σᵢ<ⱼ 1/|qᵢ - qⱼ| [...], for (q₁, …, p₁, …) in the plane."""
    q, p = _planar(z)
    first, second = torch.triu_indices(q.shape[-2], q.shape[-2], 1, device=z.device)
    apart = q[..., first, :] - q[..., second, :]
    energy: Tensor = p.square().sum((-1, -2)) / 2 - apart.norm(dim=-1).reciprocal().sum(-1)
    return energy


def gravity_field(z: Tensor) -> Tensor:
    """Return (p₁, …, F₁, …) with Fᵢ = Σⱼ (qⱼ - qᵢ) / |qⱼ - qᵢ|³."""
    q, p = _planar(z)
    apart = q.unsqueeze(-3) - q.unsqueeze(-2)
    own = torch.eye(q.shape[-2], dtype=z.dtype, device=z.device)
    cube = (apart.square().sum(-1) + own) ** 1.5  # 1 instead of 0 on the diagonal
    force = (apart / cube.unsqueeze(-1)).sum(-2)
    return torch.cat([p.flatten(-2), force.flatten(-2)], -1)


def _planar(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions and momenta [..., bodies, 2] of states [..., 4 bodies]."""
    q, p = z.unflatten(-1, (2, -1, 2)).unbind(-3)
    return q, p


def spring_pendulum_energy(z: Tensor, second: float) -> Tensor:
    """Return the energy [...] of two unit masses on springs of length 1, for (x₁, x₂, p₁, p₂).

    H = |p₁|²/2 + |p₂|²/2 + (|x₁| - 1)²/2 + ``second`` (|x₁ - x₂| - 1)²/2 + z₁ + z₂, where
    ``second`` is the stiffness of the second spring. Gravity points down the third axis.
    """
    x, y = z[..., :3], z[..., 3:6]
    springs: Tensor = (x.norm(dim=-1) - 1).square()
    springs = springs + second * ((y - x).norm(dim=-1) - 1).square()
    return (z[..., 6:].square().sum(-1) + springs) / 2 + x[..., 2] + y[..., 2]


def spring_pendulum_field(z: Tensor, second: float) -> Tensor:
    """Return (p₁, p₂, dp₁/dt, dp₂/dt)."""
    x, y = z[..., :3], z[..., 3:6]
    apart = y - x
    upper = x * (1 / x.norm(dim=-1, keepdim=True) - 1)
    lower = second * apart * (1 / apart.norm(dim=-1, keepdim=True) - 1)
    down = torch.tensor([0.0, 0.0, -1.0], dtype=z.dtype, device=z.device)
    return torch.cat([z[..., 6:], upper - lower + down, lower + down], -1)


def planar_moment(q: Tensor, p: Tensor) -> Tensor:
    """Return Σᵢ (qᵢ × pᵢ)_z [...] of points with positions q and momenta p [..., bodies, 2 or 3].

    Angular momentum about the third axis, with the axes (first, second) in right-handed order.
    """
    return (q[..., 0] * p[..., 1] - q[..., 1] * p[..., 0]).sum(-1)


def planar_size(q: Tensor, p: Tensor) -> float:
    """Return the mean over examples of Σᵢ ||qᵢ|| ||pᵢ||, of the first two components.

    This is a scale for an angular momentum that may vanish on every trajectory.
    """
    return float((q[..., :2].norm(dim=-1) * p[..., :2].norm(dim=-1)).sum(-1).mean())

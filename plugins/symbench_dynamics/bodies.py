"""Two and three bodies that attract each other in a plane."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Published, Symmetry
from symbench.groups import O, V
from symbench_dynamics import systems
from symbench_dynamics.mechanics import DerivativeTask, brief, gaussian, grid, uniform

_HNN = "Greydanus et al. 2019 (arXiv:1906.01563), table 1"


class _Gravity(DerivativeTask):
    """``bodies`` unit masses in a plane, with H = Σᵢ |pᵢ|²/2 - Σᵢ<ⱼ 1/|qᵢ - qⱼ|.

    The state lists whole vectors, (q₁, …, p₁, …), so that O(2) acts on them as V. The original code
    lists all x before all y. In both, q precedes p.
    """

    bodies: ClassVar[int]
    reference = _HNN
    test_size, valid_size = 100, 200
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}

    @property
    def symmetry(self) -> Symmetry:
        """O(2), rotations and reflections of the plane: V for each position and momentum."""
        group = O(2)
        state = (2 * self.bodies * V)(group)
        return Symmetry(group, state, state)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return the momenta and the forces."""
        return systems.gravity_field(state)

    def energy(self, state: Tensor) -> Tensor:
        """Return the sum of kinetic and potential energy."""
        return systems.gravity_energy(state)

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:
        """Return energy [n, t], momentum [n, t, 2] and angular momentum [n, t]."""
        q, p = _split(trajectory)
        return {
            "energy": self.energy(trajectory),
            "momentum": p.sum(-2),
            "angular_momentum": systems.planar_moment(q, p),
        }

    def conserved_scale(self, trajectory: Tensor) -> dict[str, float]:
        """Return E Σᵢ|pᵢ| and E Σᵢ|qᵢ||pᵢ|, from true trajectories [n, t, d]."""
        q, p = _split(trajectory[:, :1])
        return {
            "momentum": float(p.norm(dim=-1).sum(-1).mean()),
            "angular_momentum": systems.planar_size(q, p),
        }

    def paper_error(self, prediction: Tensor, y: Tensor) -> float:
        """Return the mean squared error in original units, over examples and coordinates."""
        return float((prediction - y).double().square().mean())


@final
class TwoBody(_Gravity):
    """Two unit masses in a plane, H = (|p₁|² + |p₂|²)/2 - 1/|q₁ - q₂| (Greydanus et al. 2019).

    The bodies are at (x, y) and (-x, -y), with x and y from U[0.5, 1.5]. Their velocity is that of
    a circular orbit times 1 + 0.05 N(0, 1). The orbits are near-circular in the centre-of-mass
    frame, with periods from 7 to 38. A trajectory has 50 points over 20 units of time. The
    published training set has 800 trajectories. The total momentum is zero, and its drift is
    measured in units of E Σᵢ|pᵢ|.
    """

    name = "two-body"
    summary = "two unit masses in a plane"
    bodies = 2
    threshold = 0.01
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (50, 150),
        "quick": (),
        "standard": (1000,),
        "full": (100, 1000, 10_000, 40_000),
    }
    input_shape, output_shape = (8,), (8,)
    points, horizon, step = 50, 20.0, 0.04
    rollout = grid(200.0, 0.4)
    energy_times = grid(25.0, 0.2)
    tiers = brief(grid(12.0, 0.4), grid(4.0, 0.2))
    published = (
        Published("node-mlp", "Baseline NN", _HNN, {40_000: 2.96e-5}),
        Published("hnn-mlp", "HNN", _HNN, {40_000: 2.82e-6}),
        Published("node-mlp", "Baseline NN", _HNN, {40_000: 6.33e-2}, "energy_mse"),
        Published("hnn-mlp", "HNN", _HNN, {40_000: 3.88e-5}, "energy_mse"),
    )

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states [n, 8] in the centre-of-mass frame."""
        q = uniform(2 * n, 0.5, 1.5, generator).view(n, 2)
        circular = torch.stack([-q[:, 1], q[:, 0]], 1) / (2 * q.norm(dim=1, keepdim=True) ** 1.5)
        p = circular * (1 + 0.05 * gaussian(n, 1, generator))
        return torch.cat([q, -q, p, -p], 1)


@final
class ThreeBody(_Gravity):
    """Three unit masses in a plane, which start near a circular orbit (Greydanus et al. 2019).

    The bodies start on the corners of an equilateral triangle, in a random direction at a radius
    from U[0.9, 1.2]. Each component of their velocities is that of the circular orbit times a
    number from U[0.8, 1.2]. A trajectory has 20 points over 5 units of time; the published training
    set has 4,000 trajectories. The orbit is unstable. Some bodies meet closely within the 5 units,
    and such encounters dominate the squared errors.
    """

    name = "three-body"
    summary = "three unit masses in a plane"
    bodies = 3
    threshold = 0.1
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (50, 150),
        "quick": (),
        "standard": (1000,),
        "full": (1000, 10_000, 80_000),
    }
    input_shape, output_shape = (12,), (12,)
    test_size = 2000  # a hundred states would hardly show the encounters
    points, horizon, step = 20, 5.0, 0.005
    rollout = grid(5.0, 0.1)
    energy_times = grid(5.0, 0.1)
    tiers = brief(grid(2.0, 0.1), grid(2.0, 0.1))
    published = (
        Published("node-mlp", "Baseline NN", _HNN, {80_000: 3.80e-1}),
        Published("hnn-mlp", "HNN", _HNN, {80_000: 4.88e-1}),
        Published("node-mlp", "Baseline NN", _HNN, {80_000: 1.09e2}, "energy_mse"),
        Published("hnn-mlp", "HNN", _HNN, {80_000: 4.19e-2}, "energy_mse"),
    )

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states [n, 12]."""
        towards = uniform(2 * n, -1.0, 1.0, generator).view(n, 1, 2)
        radius = uniform(n, 0.9, 1.2, generator).view(n, 1, 1)
        first = radius * towards / towards.norm(dim=-1, keepdim=True)
        third = 2 * math.pi / 3
        q = torch.cat([_turned(first, k * third) for k in range(self.bodies)], 1)
        speed = 3**-0.25 * radius**-1.5  # of the circular orbit, divided by the radius
        p = speed * _turned(q, math.pi / 2)
        p = p * uniform(2 * self.bodies * n, 0.8, 1.2, generator).view_as(p)
        return torch.cat([q.flatten(1), p.flatten(1)], 1)


def _turned(x: Tensor, angle: float) -> Tensor:
    """Return vectors x [..., 2], rotated counter-clockwise."""
    c, s = math.cos(angle), math.sin(angle)
    return torch.stack([c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1]], -1)


def _split(trajectory: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions and momenta [..., bodies, 2]."""
    q, p = trajectory.unflatten(-1, (2, -1, 2)).unbind(-3)
    return q, p

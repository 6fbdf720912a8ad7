"""Two bodies that attract each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Published, Symmetry
from symbench.groups import O, V
from symbench_dynamics import systems
from symbench_dynamics.mechanics import DerivativeTask, brief, gaussian, grid, uniform

_HNN = "Greydanus et al. 2019 (arXiv:1906.01563), table 1"


@final
class TwoBody(DerivativeTask):
    """Two unit masses in a plane, H = (|p₁|² + |p₂|²)/2 - 1/|q₁ - q₂| (Greydanus et al. 2019).

    The state lists whole vectors, (q₁, q₂, p₁, p₂), so that O(2) acts on it as 4 V. The original
    code lists all x before all y. In both, q precedes p.

    The bodies are at (x, y) and (-x, -y), with x and y from U[0.5, 1.5]. Their velocity is that of
    a circular orbit times 1 + 0.05 N(0, 1). The orbits are near-circular in the centre-of-mass
    frame, with periods from 7 to 38. A trajectory has 50 points over 20 units of time. The
    published training set has 800 trajectories. The total momentum is zero, and its drift is
    measured in units of E Σᵢ|pᵢ|.
    """

    name = "two-body"
    summary = "two unit masses in a plane"
    reference = _HNN
    threshold = 0.01
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (50, 150),
        "quick": (),
        "standard": (1000,),
        "full": (100, 1000, 10_000, 40_000),
    }
    input_shape, output_shape = (8,), (8,)
    test_size, valid_size = 100, 200
    points, horizon, step = 50, 20.0, 0.04
    rollout = grid(200.0, 0.4)
    energy_times = grid(25.0, 0.2)
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    tiers = brief(grid(12.0, 0.4), grid(4.0, 0.2))
    published = (
        Published("node-mlp", "Baseline NN", _HNN, {40_000: 2.96e-5}),
        Published("hnn-mlp", "HNN", _HNN, {40_000: 2.82e-6}),
        Published("node-mlp", "Baseline NN", _HNN, {40_000: 6.33e-2}, "energy_mse"),
        Published("hnn-mlp", "HNN", _HNN, {40_000: 3.88e-5}, "energy_mse"),
    )

    @property
    def symmetry(self) -> Symmetry:
        """O(2), rotations and reflections of the plane: 4 V -> 4 V."""
        group = O(2)
        return Symmetry(group, (4 * V)(group), (4 * V)(group))

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states [n, 8] in the centre-of-mass frame."""
        q = uniform(2 * n, 0.5, 1.5, generator).view(n, 2)
        circular = torch.stack([-q[:, 1], q[:, 0]], 1) / (2 * q.norm(dim=1, keepdim=True) ** 1.5)
        p = circular * (1 + 0.05 * gaussian(n, 1, generator))
        return torch.cat([q, -q, p, -p], 1)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (p₁, p₂, F, -F)."""
        return systems.two_body_field(state)

    def energy(self, state: Tensor) -> Tensor:
        """Return the kinetic energy minus 1/|q₁ - q₂|."""
        return systems.two_body_energy(state)

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:
        """Return energy [n, t], momentum [n, t, 2] and angular momentum [n, t]."""
        q, p = _split(trajectory)
        return {
            "energy": self.energy(trajectory),
            "momentum": p.sum(-2),
            "angular_momentum": systems.planar_moment(q, p),
        }

    def conserved_scale(self, trajectory: Tensor) -> dict[str, float]:
        """Return E Σᵢ|pᵢ| and E Σᵢ|qᵢ||pᵢ|, from true trajectories [n, t, 8]."""
        q, p = _split(trajectory[:, :1])
        return {
            "momentum": float(p.norm(dim=-1).sum(-1).mean()),
            "angular_momentum": systems.planar_size(q, p),
        }

    def paper_error(self, prediction: Tensor, y: Tensor) -> float:
        """Return the mean squared error in original units, over examples and coordinates."""
        return float((prediction - y).double().square().mean())


def _split(trajectory: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions and momenta [..., 2 bodies, 2]."""
    q, p = trajectory.unflatten(-1, (2, 2, 2)).unbind(-3)
    return q, p

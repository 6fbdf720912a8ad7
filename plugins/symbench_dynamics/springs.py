"""Masses on springs in one dimension: without friction, and damped under a periodic force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Published, Split, Symmetry
from symbench.groups import SO, V
from symbench_dynamics import systems
from symbench_dynamics.mechanics import DerivativeTask, Mechanical, brief, grid, uniform

_HNN = "Greydanus et al. 2019 (arXiv:1906.01563), table 1"


def on_ring(n: int, inner: float, outer: float, generator: torch.Generator) -> Tensor:
    """Draw points [n, 2] of uniform radius, in the direction of a point uniform on a square."""
    towards = 2 * torch.rand(n, 2, generator=generator, dtype=torch.float64) - 1
    radius = uniform(n, inner, outer, generator)
    points: Tensor = towards / towards.norm(dim=1, keepdim=True) * radius[:, None]
    return points


@final
class MassSpring(DerivativeTask):
    """The spring H = q² + p² of Greydanus et al. 2019: states with noise 0.1, exact derivatives.

    SO(2) rotates the phase plane. A trajectory has 30 points over 3 units of time (a period is π)
    and starts at a radius from U[0.1, 1]. The published training set has 25 trajectories.

    The published losses show a noise floor, not a ranking. A linear law fitted to noisy states has
    a mean squared error of 4 s² v / (v + s²) = 0.0380, where s = 0.1, and v = 0.185 is the variance
    of a coordinate. Every published model has about this loss (0.036 to 0.037). Test states are
    therefore exact here. The best linear law is too slow by the factor v / (v + s²) = 0.949, which
    is an error of 0.0026; the threshold of 0.01 allows for it. The energy is scored over 20 units
    of time, as published.
    """

    name = "mass-spring"
    summary = "mass on a spring, from noisy states"
    reference = _HNN
    threshold = 0.01
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (60, 150),
        "quick": (750,),
        "standard": (750,),
        "full": (60, 210, 750),
    }
    input_shape, output_shape = (2,), (2,)
    further_symmetries = (
        "scaling of state and derivative alike",
        "every invertible linear map M of the state, with J M J⁻¹ on the derivative 2Jx",
    )
    test_size, valid_size = 200, 200
    points, horizon, noise = 30, 3.0, 0.1
    rollout = grid(30.0, 0.1)
    energy_times = grid(20.0, 0.1)
    updates: ClassVar[Mapping[str, int]] = {"quick": 500, "standard": 1000}
    tiers = brief(grid(6.0, 0.1), grid(4.0, 0.1))
    published = (
        Published("node-mlp", "Baseline NN", _HNN, {750: 1.71e-1}, "energy_mse"),
        Published("hnn-mlp", "HNN", _HNN, {750: 3.84e-4}, "energy_mse"),
    )

    @property
    def symmetry(self) -> Symmetry:
        """SO(2): V -> V, on the plane of (q, p)."""
        group = SO(2)
        return Symmetry(group, V(group), V(group))

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 2] of radius U[0.1, 1]."""
        return on_ring(n, 0.1, 1.0, generator)

    def energy_starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 2] whose coordinates have random signs and magnitudes from U[0.2, 1]."""
        size = uniform(2 * n, 0.2, 1.0, generator).view(n, 2)
        return torch.where(torch.rand(n, 2, generator=generator) < 0.5, size, -size)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (2 p, -2 q)."""
        return systems.spring_field(state)

    def energy(self, state: Tensor) -> Tensor:
        """Return q² + p²."""
        return systems.spring_energy(state)


@final
class DampedForced(Mechanical):
    """A spring with damping and a force: dq/dt = p, dp/dt = -q - 0.3 p + sin 3t.

    The task combines the damping and the force of two systems of Desai et al. 2021, section III.
    Every trajectory starts at t = 0 with (q, p) uniform in [-1, 1]². Its states over 3 units of
    time are the target, so a model learns the force at the times at which its integrator evaluates
    it. It learns nothing about later times, so rollouts have the same horizon. Nothing is
    conserved, and no linear group acts: the task is a control for both kinds of score. ``energy``
    is the stationary (q² + p²)/2, as in the published figures.
    """

    name = "damped-forced"
    summary = "damped spring under a periodic force"
    reference = "Desai et al. 2021 (arXiv:2107.08024), section III"
    threshold = 0.01
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (10, 25),
        "quick": (),
        "standard": (100,),
        "full": (10, 25, 100, 400),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 200}  # each update integrates a batch
    times = grid(3.0, 0.2)
    rollout = grid(3.0, 0.1)
    input_shape, output_shape = (2,), (len(times), 2)
    test_size, valid_size = 200, 200
    tiers = brief(rollout)
    damping: ClassVar[float] = -0.3

    @property
    def symmetry(self) -> None:
        """None: the force singles out a direction at every time."""
        return

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 2] uniform in [-1, 1]²."""
        return uniform(2 * n, -1.0, 1.0, generator).view(n, 2)

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return (p, -q - 0.3 p + sin 3t)."""
        return systems.damped_forced_field(state, t)

    def energy(self, state: Tensor) -> Tensor:
        """Return (q² + p²) / 2."""
        return systems.oscillator_energy(state)

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:  # noqa: ARG002 - nothing is
        """Return nothing, because no quantity is conserved."""
        return {}

    def target(self, x: Tensor) -> Tensor:
        """Return the states [n, t, 2] at the task's times, from x [n, 2] at t = 0."""
        return self.solve(x, torch.tensor(self.times, dtype=x.dtype, device=x.device))

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n trajectories."""
        x = self.starts(n, self.generator(seed, split)).float().double()
        return Data(x, self.target(x)).to(dtype)

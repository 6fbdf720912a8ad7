"""Pendula: a plane pendulum, a double pendulum, and two masses that hang on springs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Published, Split, Symmetry
from symbench.groups import C, Group, O, Trivial, V
from symbench_dynamics import systems
from symbench_dynamics.mechanics import DerivativeTask, Mechanical, brief, gaussian, grid, uniform
from symbench_dynamics.springs import on_ring

_LNN = "Cranmer et al. 2020 (arXiv:2003.04630), printed by its notebook of experiments"
_SCALARS = "Villar et al. 2021 (arXiv:2106.06610), table 1"


@final
class Pendulum(DerivativeTask):
    """The pendulum H = 3 (1 - cos q) + p² of Greydanus et al. 2019, from noisy states.

    The only linear symmetry is the parity (q, p) -> (-q, -p). A trajectory has 45 points over 3
    units of time and starts at a radius from U[1.3, 2.3]. All trajectories swing, some almost to
    the top. As for ``mass-spring``, noise of 0.1 sets a floor for the published losses, and test
    states are exact here. The published "energy" results of this system are errors of q² + p²,
    which is not conserved; they have no counterpart here.
    """

    name = "pendulum"
    summary = "plane pendulum, from noisy states"
    reference = "Greydanus et al. 2019 (arXiv:1906.01563), section 3"
    threshold = 0.02
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (90, 225),
        "quick": (),
        "standard": (1125,),
        "full": (90, 315, 1125),
    }
    input_shape, output_shape = (2,), (2,)
    test_size, valid_size = 200, 200
    points, horizon, noise = 45, 3.0, 0.1
    rollout = grid(30.0, 0.1)
    energy_times = grid(20.0, 0.1)
    periods = (2 * math.pi, 0.0)
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    tiers = brief(grid(6.0, 0.1), grid(4.0, 0.1))

    @property
    def symmetry(self) -> Symmetry:
        """C(2), the half turn of the plane of (q, p): V -> V."""
        group = C(2)
        return Symmetry(group, V(group), V(group))

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 2] of radius U[1.3, 2.3]."""
        return on_ring(n, 1.3, 2.3, generator)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (2 p, -3 sin q)."""
        return systems.pendulum_field(state)

    def energy(self, state: Tensor) -> Tensor:
        """Return 3 (1 - cos q) + p²."""
        return systems.pendulum_energy(state)


@final
class DoublePendulum(DerivativeTask):
    """Accelerations of a double pendulum (Cranmer et al. 2020): unit masses and rods, g = 9.8.

    The state is (a₁, a₂, w₁, w₂): angles from the downward vertical, and angular velocities. These
    coordinates are not canonical, so no Hamiltonian field in them is the true one. Every example is
    a fresh state, with angles uniform in [-π, π) and velocities in [-10, 10]. The target is the
    whole rate of change. The only linear symmetry is the parity.

    The published error is E Σᵢ|error of component i|, after 251 epochs of 1,024,000 fresh states.
    The published energy error is the mean of |change of the energy| / 29.4 at t = 100, twenty times
    later than here.

    Steps are short because the motion is fast. With steps of 0.005 the Runge-Kutta method changes
    the energy of the exact motion by 1e-4 of that scale up to t = 5. With 0.01 the change is 0.003,
    near the published error, and with 0.02 it is 0.4 up to t = 100. Rollouts are short because the
    motion is chaotic.
    """

    name = "double-pendulum"
    summary = "accelerations of a double pendulum"
    reference = "Cranmer et al. 2020 (arXiv:2003.04630)"
    threshold = 0.05
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (100, 300),
        "quick": (),
        "standard": (1000,),
        "full": (1000, 10_000, 100_000),
    }
    input_shape, output_shape = (4,), (4,)
    test_size, valid_size = 200, 200
    points, horizon, step = 1, 0.0, 0.00125
    rollout = grid(3.0, 0.01)
    energy_times = grid(5.0, 0.005)
    periods = (2 * math.pi, 2 * math.pi, 0.0, 0.0)
    energy_scale = 3 * systems.GRAVITY
    updates: ClassVar[Mapping[str, int]] = {"standard": 1000}
    tiers = brief(grid(0.5, 0.01), grid(0.5, 0.01))
    published = (
        Published("lnn-mlp", "LNN", _LNN, {1_024_000: 0.0734}),
        Published("node-mlp", "Baseline NN", _LNN, {1_024_000: 0.0742}),
        Published("lnn-angles", "LNN, t = 100", _LNN, {1_024_000: 0.0043}, "energy_at_100"),
        Published("node-angles", "NN, t = 100", _LNN, {1_024_000: 0.0736}, "energy_at_100"),
    )

    @property
    def symmetry(self) -> Symmetry:
        """C(2), a half turn of the angles and of the velocities: 2 V -> 2 V."""
        group = C(2)
        return Symmetry(group, (2 * V)(group), (2 * V)(group))

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 4], angles uniform in [-π, π) and velocities in [-10, 10]."""
        angles = uniform(2 * n, -math.pi, math.pi, generator).view(n, 2)
        return torch.cat([angles, uniform(2 * n, -10.0, 10.0, generator).view(n, 2)], 1)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return velocities and accelerations [..., 4]."""
        return systems.double_pendulum_field(state)

    def energy(self, state: Tensor) -> Tensor:
        """Return the sum of kinetic and potential energy."""
        return systems.double_pendulum_energy(state)

    def paper_error(self, prediction: Tensor, y: Tensor) -> float:
        """Return the mean over examples of Σᵢ |error of component i|."""
        return float((prediction - y).double().abs().sum(-1).mean())


class SpringPendulum(Mechanical):
    """Two unit masses in space that hang on springs, one below the other (Finzi et al. 2021).

    H is ``systems.spring_pendulum_energy``, with the potential of the code that made the published
    tables: it has no ½ before the second spring, whose stiffness is then 2. Initial states are
    x₁ = (0, 0, -1.5) and x₂ = (0, 0, -3), both + 0.2 N(0, 1), and p = 0.4 N(0, 1). A trajectory
    covers 30 units of time in steps of 0.2 and is cut into 30 pieces of 5 points. One random piece
    is an example: its first state is the input, and all 5 states are the target.

    Predicting the first state at all times has a ``rollout_error`` of 0.23 from the pieces, and of
    0.28 from initial states as above. The exact motion, started with an error of 1e-4, has one of
    6e-5.
    """

    name = "spring-pendulum"
    summary = "double spring pendulum; the second spring lacks the factor 1/2"
    reference = "Finzi, Welling, Wilson 2021, section 7.2 (arXiv:2104.09459); " + _SCALARS
    threshold = 0.01
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {
        "smoke": (20, 50),
        "quick": (),
        "standard": (150,),
        "full": (50, 150, 500),
    }
    updates: ClassVar[Mapping[str, int]] = {"standard": 200}  # each update integrates a batch
    times = grid(0.8, 0.2)
    rollout = grid(29.8, 0.2)
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **brief(grid(4.8, 0.2)),
        "full": {"separate_validation": "as in Finzi et al. 2021, on 500 further examples"},
    }
    input_shape, output_shape = (12,), (5, 12)
    test_size, valid_size = 500, 500
    step = 0.02
    stiffness: ClassVar[float] = 2.0
    published: ClassVar[tuple[Published, ...]] = tuple(
        Published(model, label, _SCALARS, {500: value}, "rollout_error")
        for model, label, value in (
            ("node-scalars", "Scalars O(3)", 0.009),
            ("node-emlp", "EMLP O(2)", 0.020),
            ("node-emlp-so2", "EMLP SO(2)", 0.051),
            ("node-emlp-d2", "EMLP D(2)", 0.023),
            ("node-emlp-d6", "EMLP D(6)", 0.036),
            ("node-mlp", "MLP", 0.048),
            ("hnn-scalars", "Scalars O(3)", 0.005),
            ("hnn-emlp", "EMLP O(2)", 0.012),
            ("hnn-emlp-so2", "EMLP SO(2)", 0.016),
            ("hnn-emlp-d2", "EMLP D(2)", 0.111),
            ("hnn-emlp-d6", "EMLP D(6)", 0.013),
            ("hnn-mlp", "MLP", 0.028),
        )
    )

    @property
    def symmetry(self) -> Symmetry:
        """O(2) about the vertical, which is the third axis: 4 V -> 4 V, V = R³."""
        group = O(2) * Trivial(1)
        return Symmetry(group, (4 * V)(group), (4 * V)(group))

    @property
    def ambient(self) -> Group:
        """O(3), which is a symmetry if gravity is rotated too."""
        return O(3)

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states (x₁, x₂, p₁, p₂) [n, 12]."""
        drawn = gaussian(n, 12, generator)
        q, p = 0.2 * drawn[:, :6], 0.4 * drawn[:, 6:]
        return torch.cat([q + torch.tensor([0.0, 0.0, -1.5, 0.0, 0.0, -3.0]), p], 1)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (p₁, p₂, F₁, F₂)."""
        return systems.spring_pendulum_field(state, self.stiffness)

    def energy(self, state: Tensor) -> Tensor:
        """Return H."""
        return systems.spring_pendulum_energy(state, self.stiffness)

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:
        """Return the energy and the angular momentum about the vertical [n, t]."""
        q, p = trajectory.unflatten(-1, (2, 2, 3)).unbind(-3)
        moment = systems.planar_moment(q, p)
        return {"energy": self.energy(trajectory), "angular_momentum": moment}

    def conserved_scale(self, trajectory: Tensor) -> dict[str, float]:
        """Return E Σᵢ|qᵢ||pᵢ| of the horizontal parts, from true trajectories [n, t, 12]."""
        q, p = trajectory[:, :1].unflatten(-1, (2, 2, 3)).unbind(-3)
        return {"angular_momentum": systems.planar_size(q, p)}

    def target(self, x: Tensor) -> Tensor:
        """Return the states [n, 5, 12] at the task's times, from x [n, 12] at t = 0."""
        return self.solve(x, torch.tensor(self.times, dtype=x.dtype, device=x.device))

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw a piece of each of n trajectories; cached, because it takes up to a second."""
        x = _first_states(type(self), n, seed, split)
        return Data(x, self.target(x)).to(dtype)


@final
class TalkPendulum(SpringPendulum):
    """``spring-pendulum`` with the potential as printed: ½ before both springs.

    The exact motion of one system has a ``rollout_error`` of 0.14 on the other, so no published
    result applies to this one.
    """

    name = "spring-pendulum-half"
    summary = "double spring pendulum; both springs have the factor 1/2"
    published = ()
    stiffness = 1.0


@lru_cache(maxsize=64)
def _first_states(task: type[SpringPendulum], n: int, seed: int, split: Split) -> Tensor:
    """Return the first state [n, 12] of one random piece, out of 30, of each trajectory."""
    drawn = task()
    generator = drawn.generator(seed, split)
    pieces = torch.arange(30, dtype=torch.float64)
    path = drawn.solve(drawn.starts(n, generator), pieces)
    chosen = torch.randint(len(pieces), (n,), generator=generator)
    return path[torch.arange(n), chosen].float().double()

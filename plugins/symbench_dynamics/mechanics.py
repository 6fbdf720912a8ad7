"""What the mechanical tasks share: exact fields, accurate trajectories, and how data are drawn."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from symbench import Data, Split, Task
from symbench_dynamics.integrators import rk4


def uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Draw uniform numbers [n] in float64."""
    return low + (high - low) * torch.rand(n, generator=generator, dtype=torch.float64)


def gaussian(n: int, size: int, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers [n, size] in float64."""
    return torch.randn(n, size, generator=generator, dtype=torch.float64)


def grid(horizon: float, step: float) -> tuple[float, ...]:
    """Return the times 0, step, 2 step, …, horizon."""
    return tuple(i * step for i in range(round(horizon / step) + 1))


def brief(
    rollout: tuple[float, ...], energy: tuple[float, ...] = ()
) -> Mapping[str, Mapping[str, Any]]:
    """Return a task's ``tiers``: the quick one judges 100 states over shorter rollouts.

    Rollouts in float64 cost more than the training of that tier, and ten looks at 500 states more
    than its updates: 100 others select the parameters.
    """
    quick = {
        "test_size": 100, "valid_size": 100, "rollout": rollout, "energy_times": energy,
    }  # fmt: skip
    return {"smoke": quick, "quick": quick}


class Mechanical(Task):
    """A system with an exact field, an energy, and initial states drawn from a stated law.

    ``step`` is the longest step of the Runge-Kutta method of order 4 that makes the data, in
    float64: chosen so that halving it changes trajectories over the ``rollout`` by less than a
    thousandth of the best published model's error. ``energy_times`` is the grid, and
    ``energy_starts`` the initial states, on which the energy is judged.
    """

    version = "1"
    kind = "trajectory"
    loss = "mse"
    step: ClassVar[float] = 0.01
    energy_times: ClassVar[tuple[float, ...]] = ()
    energy_scale: ClassVar[float | None] = None

    @abstractmethod
    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw initial states [n, d] in float64."""

    @abstractmethod
    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return the exact rate of change [..., d] of states [..., d] at time t."""

    @abstractmethod
    def energy(self, state: Tensor) -> Tensor:
        """Return the energy [...] of states [..., d]."""

    def energy_starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw the initial states [n, d] from which the energy is judged; those of the data."""
        return self.starts(n, generator)

    def conserved(self, trajectory: Tensor) -> dict[str, Tensor]:
        """Return the energy [n, t] along trajectories [n, t, d]."""
        return {"energy": self.energy(trajectory)}

    def solve(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the exact trajectories [n, t, d] at ``times`` [t] from ``state`` at times[0]."""
        widest = float(times.diff().abs().max()) if len(times) > 1 else 0.0
        substeps = max(1, math.ceil(widest / self.step - 1e-6))
        return rk4(self.field, state, times, substeps)

    def truth(self, state: Tensor, times: tuple[float, ...]) -> Tensor:
        """Return ``solve`` in float64 on the CPU; the trajectories used last are kept."""
        raw = state.double().cpu().contiguous()
        return _kept(type(self), raw.numpy().tobytes(), times)


class DerivativeTask(Mechanical):
    """States on trajectories, and their exact rates of change.

    Training examples come ``points`` to a trajectory, on the grid of that many times over
    ``horizon``; their states carry Gaussian ``noise`` where the paper adds it. Test examples come
    one to a trajectory, at one random time of the grid, and are exact: with noisy states the
    error of every model is that of the noise, and the ranking is lost.
    """

    points: ClassVar[int]
    horizon: ClassVar[float]
    noise: ClassVar[float] = 0.0

    def target(self, x: Tensor) -> Tensor:
        """Return the exact rate of change [n, d] at states x [n, d]."""
        return self.field(x, torch.zeros((), dtype=x.dtype, device=x.device))

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n states with their rates of change; both dtypes get the same states."""
        states = self._states(n, self.generator(seed, split), spread=split == "test")
        exact = self.target(states)
        if split == "test":
            states = states.float().double()
            return Data(states, self.target(states)).to(dtype)
        noise = self.noise * gaussian(n, states.shape[1], self.generator(seed, split, "noise"))
        return Data((states + noise).float(), exact).to(dtype)

    def _states(self, n: int, generator: torch.Generator, spread: bool) -> Tensor:
        """Return n states [n, d]: each of its own trajectory, or ``points`` to a trajectory."""
        count = n if spread else math.ceil(n / self.points)
        times = torch.linspace(0, self.horizon, self.points, dtype=torch.float64)
        path = self.solve(self.starts(count, generator), times)
        if not spread:
            return path.flatten(0, 1)[:n]
        chosen = torch.randint(self.points, (n,), generator=generator)
        return path[torch.arange(n), chosen]


@lru_cache(maxsize=8)
def _kept(task: type[Mechanical], raw: bytes, times: tuple[float, ...]) -> Tensor:
    state = torch.frombuffer(bytearray(raw), dtype=torch.float64).view(-1, task.input_shape[0])
    return task().solve(state, torch.tensor(times, dtype=torch.float64))

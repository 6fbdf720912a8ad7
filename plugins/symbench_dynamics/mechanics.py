"""Base classes of the mechanical tasks: exact fields, accurate trajectories, and data."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor

from symbench import Data, Split, Symmetry, Task
from symbench.groups import GL, V
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
    """Return a task's ``tiers``: smoke and quick evaluate 100 states over shorter rollouts.

    Rollouts in float64 would otherwise cost more than the training of these tiers. Ten evaluations
    of 500 validation states would cost more than the updates, so 100 states select the parameters.
    """
    quick = {
        "test_size": 100, "valid_size": 100, "rollout": rollout, "energy_times": energy,
    }  # fmt: skip
    return {"smoke": quick, "quick": quick}


class Mechanical(Task):
    """A system with an exact field, an energy, and a distribution of initial states.

    ``step`` is the longest step of the Runge-Kutta method of order 4 that generates the data in
    float64. It is so short that halving it changes trajectories over the ``rollout`` by less than a
    thousandth of the best published model's error. The energy is scored at the times
    ``energy_times``, from the initial states ``energy_starts``.
    """

    version = "1"
    kind = "trajectory"
    loss = "mse"
    step: ClassVar[float] = 0.01
    energy_times: ClassVar[tuple[float, ...]] = ()
    energy_scale: ClassVar[float | None] = None

    def layout(self) -> Symmetry | None:
        """Return how GL(V) acts on states that are copies of V; None for other states.

        It is all that a model of prior ``discovers`` sees of a continuous symmetry.
        """
        law = self.symmetry
        if law is None or any(self.periods) or len(law.group.algebra) == 0:
            return None
        if {*law.input.summands, *law.output.summands} != {V(law.group)}:
            return None
        group = GL(law.group.dim)
        return Symmetry(group, law.input.rebind(group), law.output.rebind(group))

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
        """Draw the initial states [n, d] of the energy score, by default those of the data."""
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
        """Return ``solve`` in float64 on the CPU; the latest trajectories are cached."""
        raw = state.double().cpu().contiguous()
        return _cached_truth(type(self), raw.numpy().tobytes(), times)


class DerivativeTask(Mechanical):
    """States on trajectories, and their exact rates of change.

    A training trajectory gives ``points`` examples, at equally spaced times over ``horizon``. Their
    states carry Gaussian ``noise`` if the paper adds it. A test trajectory gives one example, at a
    random time of the same grid. Test states are exact, because noise would dominate the error of
    every model and hide their ranking.
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
        """Return states [n, d], one per trajectory if ``spread``, else ``points``."""
        count = n if spread else math.ceil(n / self.points)
        times = torch.linspace(0, self.horizon, self.points, dtype=torch.float64)
        path = self.solve(self.starts(count, generator), times)
        if not spread:
            return path.flatten(0, 1)[:n]
        chosen = torch.randint(self.points, (n,), generator=generator)
        return path[torch.arange(n), chosen]


@lru_cache(maxsize=8)
def _cached_truth(task: type[Mechanical], raw: bytes, times: tuple[float, ...]) -> Tensor:
    state = torch.frombuffer(bytearray(raw), dtype=torch.float64).view(-1, task.input_shape[0])
    return task().solve(state, torch.tensor(times, dtype=torch.float64))

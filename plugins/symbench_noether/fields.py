"""Tasks to learn a drift from noisy increments, of processes whose drift is known exactly."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from symbench import Data, Split, Symmetry, Task
from symbench.groups import GL, V

REFERENCE = (
    "Freidlin, Wentzell 2012, Random Perturbations of Dynamical Systems, chapters 3 and 4; "
    "systems of arXiv:2504.09761"
)
SIZES: Mapping[str, tuple[int, ...]] = {
    "smoke": (1000, 3000),
    "quick": (),
    "standard": (10_000,),
    "full": (1000, 3000, 10_000, 40_000),
}


def normal(*shape: int, generator: torch.Generator) -> Tensor:
    """Draw standard normal numbers in float64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(n: int, d: int, bounds: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Draw points [n, d] uniform in a cube, in float64."""
    low, high = bounds
    return low + (high - low) * torch.rand(n, d, generator=generator, dtype=torch.float64)


class DriftTask(Task):
    """Regression of the drift f of dx = f(x) dt + √(2D) dW on x, from increments of short bursts.

    A burst starts from ``starts`` and takes Euler-Maruyama steps of length ``step``. Each burst
    gives one state x, after a number of steps uniform in 0, …, ``burst``. Training and validation
    targets are the next increment divided by ``step``. Then E[y | x] = f(x) exactly, with noise of
    variance 2D/``step`` per coordinate, which is much larger than the variance of the field. Test
    targets are f(x), so ``error`` is that of the field and can reach 0.
    """

    version = "1"
    reference = REFERENCE
    threshold = 0.05
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = SIZES
    updates: ClassVar[Mapping[str, int]] = {"quick": 400, "standard": 800}
    diffusion: ClassVar[float]
    step: ClassVar[float] = 0.02
    burst: ClassVar[int] = 50

    @abstractmethod
    def drift(self, x: Tensor) -> Tensor:
        """Return f [..., d] at states x [..., d], in the dtype of x."""

    @abstractmethod
    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw first states of bursts, [n, d] in float64."""

    @abstractmethod
    def endpoints(self) -> tuple[Tensor, Tensor, float]:
        """Return first and last points [m, d] of the paths that score a drift, and their time T."""

    def generators(self) -> Tensor:
        """Return the affine symmetries (W | b) [k, d, d + 1] of |v - f|²: x -> x + ε(W x + b)."""
        d = self.input_shape[0]
        return torch.zeros(0, d, d + 1, dtype=torch.float64)

    def target(self, x: Tensor) -> Tensor:
        """Return the drift."""
        return self.drift(x)

    def layout(self) -> Symmetry:
        """A state is one vector, and so is the drift."""
        group = GL(self.input_shape[0])
        return Symmetry(group, V(group), V(group))

    def states(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, d] of n independent bursts, in float64."""
        x = self.starts(n, generator)
        steps = torch.randint(self.burst + 1, (n, 1), generator=generator)
        spread = (2 * self.diffusion * self.step) ** 0.5
        for i in range(self.burst):
            moved = x + self.step * self.drift(x) + spread * normal(*x.shape, generator=generator)
            x = torch.where(steps > i, moved, x)
        return x

    def sample(self, n: int, seed: int, split: Split, dtype: torch.dtype = torch.float32) -> Data:
        """Draw n states with increments per unit time, or with the drift for the test split."""
        x = self.states(n, self.generator(seed, split)).float().double()
        y = self.drift(x)
        if split != "test":
            noise = normal(*y.shape, generator=self.generator(seed, split, "noise"))
            y = y + (2 * self.diffusion / self.step) ** 0.5 * noise
        return Data(x.to(dtype), y.to(dtype))


def travel_times(
    drift: Callable[[Tensor], Tensor], speed: Tensor, ends: tuple[float, float], panels: int = 400
) -> Tensor:
    """Return t*(E) = ∫ dx / √(f(x)² + 4DE) between the ends of a line, for every 4DE [e].

    This is the time that a least-action path of energy E without a turning point takes, by the
    Gauss-Legendre rule with eight nodes per panel.

    Args:
        drift: f, [m, 1] -> [m, 1], in float64.
        speed: 4DE, [e].
        ends: the first and last point.
        panels: the number of panels.

    Returns:
        t* [e]; NaN if a turning point lies between the ends.
    """
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(8))
    low, high = ends
    half = (high - low) / (2 * panels)
    middle = low + half * (2 * torch.arange(panels, dtype=torch.float64) + 1)
    x = (middle[:, None] + half * nodes).flatten()
    square = drift(x[:, None])[:, 0].square() + speed.double()[:, None]
    time = (weights.repeat(panels) / square.sqrt()).sum(1) * abs(half)
    return torch.where((square > 0).all(1), time, torch.nan)

"""A network of two mutually inhibiting populations: three stable states, no continuous symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.groups import S, V
from symbench_noether.fields import DriftTask, uniform


@dataclass(frozen=True)
class Network:
    """f(x, y) = (F(x, y), F(y, x))/τ with F = μ + A g(x) - I g(y) - x, 2g(x) = tanh((x-c)/n) + 1.

    With the default parameters there are exactly five fixed points: two choices, the undecided
    state, and a saddle between it and each choice.
    """

    drive: float = 0.0
    excitation: float = 2.0
    inhibition: float = 1.0
    threshold: float = 1.2
    width: float = 0.3
    time: float = 1.0

    def __call__(self, x: Tensor) -> Tensor:
        """Return the drift [..., 2] at x [..., 2]."""
        active = (((x - self.threshold) / self.width).tanh() + 1) / 2
        net = self.drive + self.excitation * active - self.inhibition * active.flip(-1)
        return (net - x) / self.time

    def jacobian(self, x: Tensor) -> Tensor:
        """Return ∂f/∂x [..., 2, 2] at x [..., 2]."""
        slope = (1 - ((x - self.threshold) / self.width).tanh().square()) / (2 * self.width)
        one = torch.eye(2, dtype=x.dtype, device=x.device)
        weights = self.excitation * one - self.inhibition * (1 - one)
        return (weights * slope[..., None, :] - one) / self.time

    def fixed_points(self, low: float, high: float, grid: int = 40) -> Tensor:
        """Return the zeros [k, 2] of f in [low, high]² that Newton's method finds from a grid.

        They are in the order of their coordinates. The search can miss a zero with a small basin.
        """
        line = torch.linspace(low, high, grid, dtype=torch.float64)
        x = torch.cartesian_prod(line, line)
        for _ in range(60):
            step = torch.linalg.lstsq(self.jacobian(x), -self(x)[..., None]).solution[..., 0]
            x = x + step * (0.5 / step.norm(dim=1, keepdim=True).clamp(min=0.5))
        found = x[self(x).norm(dim=1) < 1e-12]
        found = found[((found >= low) & (found <= high)).all(1)]
        places = found.mul(1e8).round().unique(dim=0, return_inverse=True)[1]
        return torch.stack([found[places == i][0] for i in range(int(places.max()) + 1)])


NETWORK = Network()


@final
class AttractorNetwork(DriftTask):
    """The drift of two mutually inhibiting populations with noise D = 0.16, not a gradient field.

    This is the negative control of discovery: no continuous affine map leaves the Lagrangian
    invariant, and no momentum along a least-action path is conserved. Swapping the populations is a
    symmetry. Bursts start uniformly in [-2, 3]² and last at most one relaxation time, because
    least-action paths run through regions that the stationary distribution rarely visits.
    """

    name = "attractor-network"
    summary = "control: drift with three stable states and no continuous symmetry"
    reference = (
        "arXiv:2504.09761, with parameters chosen for three stable states; "
        "A. T. Piet, J. C. Erlich, C. D. Kopec, C. D. Brody 2017, Neural Computation 29(11)"
    )
    input_shape = output_shape = (2,)
    diffusion = 0.16
    choice = (1.989711302293, -0.994854988419)

    @property
    def symmetry(self) -> Symmetry:
        """S(2), which swaps the populations: V -> V."""
        group = S(2)
        return Symmetry(group, V(group), V(group))

    def drift(self, x: Tensor) -> Tensor:
        """Return f [..., 2]."""
        return NETWORK(x)

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw from [-2, 3]²."""
        return uniform(n, 2, (-2.0, 3.0), generator)

    def endpoints(self) -> tuple[Tensor, Tensor, float]:
        """From choice to choice and from the undecided state to a choice, in five units of time."""
        choice = torch.tensor(self.choice, dtype=torch.float64)
        start = torch.stack([choice, torch.full_like(choice, 0.000336102133)])
        end = torch.stack([choice.flip(0), choice])
        return start, end, 5.0

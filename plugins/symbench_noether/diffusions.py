"""Diffusions whose most likely paths are known in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from symbench import Data, Symmetry
from symbench.groups import SO, O, V
from symbench_noether.fields import SIZES, DriftTask, normal, uniform


@dataclass(frozen=True)
class Extremal:
    """Least-action paths in closed form: ``points`` and ``momenta`` [n, t, d], the rest [n]."""

    points: Tensor
    momenta: Tensor
    action: Tensor
    energy: Tensor


def hitting_probability(velocity: float, diffusion: float, start: float, bound: float) -> float:
    """Return P(x reaches +bound before -bound) from ``start``, for a constant drift on a line.

    (1 - exp(-v(x₀ + a)/D)) / (1 - exp(-2va/D)), with the limit (x₀ + a)/2a for v = 0.
    """
    if velocity == 0:
        return (start + bound) / (2 * bound)
    rate = torch.tensor([start + bound, 2 * bound], dtype=torch.float64) * velocity / diffusion
    part, whole = (-torch.expm1(-rate)).tolist()
    return float(part / whole)


def drift_diffusion(
    velocity: Tensor, diffusion: float, start: Tensor, end: Tensor, times: Tensor
) -> Extremal:
    """Return the least-action paths of a constant drift: straight lines at a constant speed.

    p = (u - v)/(2D) with u = (x_T - x₀)/T, E = (|u|² - |v|²)/(4D), S = T|u - v|²/(4D).

    Args:
        velocity: v, [d].
        diffusion: D.
        start: x₀, [n, d].
        end: x_T, [n, d].
        times: [t], from 0 to T.
    """
    total = times[-1]
    speed = (end - start) / total
    momentum = (speed - velocity) / (2 * diffusion)
    points = start[:, None] + times[:, None] * speed[:, None]
    action = diffusion * total * momentum.square().sum(-1)
    energy = (speed.square().sum(-1) - velocity.square().sum()) / (4 * diffusion)
    return Extremal(points, momentum[:, None].expand_as(points), action, energy)


@final
class DriftDiffusion(DriftTask):
    """The constant drift (0.1, 0.3) with D = ½, from increments over unit time.

    Momentum is conserved along least-action paths, because the field is invariant under
    translations. These are affine symmetries, which no group of matrices on x can represent. The
    headline error is E|f - v|²/|v|², because the target has no variance. The noise of one target is
    20 |v|², so the mean of n increments has an error of 20/n.
    """

    name = "drift-diffusion"
    summary = "constant drift in the plane"
    loss, threshold = "own", 0.02
    input_shape = output_shape = (2,)
    diffusion, step, burst = 0.5, 1.0, 1
    velocity: ClassVar[tuple[float, float]] = (0.1, 0.3)

    @property
    def symmetry(self) -> Symmetry | None:
        """None: translations are not linear."""
        return None

    def drift(self, x: Tensor) -> Tensor:
        """Return (0.1, 0.3) everywhere."""
        velocity = torch.tensor(self.velocity, dtype=x.dtype, device=x.device)
        return velocity + 0 * x  # a function of x for automatic differentiation, too

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw from [-1, 1]²."""
        return uniform(n, 2, (-1.0, 1.0), generator)

    def endpoints(self) -> tuple[Tensor, Tensor, float]:
        """Three paths across the square in unit time."""
        start = [[0.5, 0.0], [-1.0, -1.0], [0.0, 1.0]]
        end = [[-1.0, 0.0], [1.0, 0.5], [0.5, -1.0]]
        return torch.tensor(start).double(), torch.tensor(end).double(), 1.0

    def generators(self) -> Tensor:
        """The two translations."""
        both = torch.zeros(2, 2, 3, dtype=torch.float64)
        both[:, :, 2] = torch.eye(2)
        return both

    def objective(self, prediction: Tensor, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """Return the squared distance from the increments [n], in units of their noise."""
        noise = 2 * self.diffusion / self.step * self.input_shape[0]
        return (prediction - y).square().sum(1) / noise

    def headline_error(self, prediction: Tensor, test: Data) -> float:
        """Return E|f - v|²/|v|²."""
        truth = test.y.double()
        return float((prediction - truth).square().sum() / truth.square().sum())


class OrnsteinUhlenbeck(DriftTask):
    """The linear drift f = -kx + ωJx in the plane, k = 1 and ω = 0, with D = ½.

    Bursts start from N(0, 4) per coordinate, much wider than the stationary distribution, and last
    up to four relaxation times, because least-action paths run through regions that the stationary
    distribution rarely visits. States are drawn from the exact transition; its rotation has no
    effect, because the start is isotropic. By SO(2), angular momentum is conserved along
    least-action paths.
    """

    name = "ornstein-uhlenbeck"
    summary = "linear drift towards the origin of the plane"
    threshold = 0.1
    input_shape = output_shape = (2,)
    further_symmetries: ClassVar[tuple[str, ...]] = (
        "every invertible linear map of the plane, on state and drift alike",
    )
    diffusion = 0.5
    rate: ClassVar[float] = 1.0
    rotation: ClassVar[float] = 0.0

    @property
    def symmetry(self) -> Symmetry:
        """SO(2): V -> V."""
        group = SO(2)
        return Symmetry(group, V(group), V(group))

    def matrix(self) -> Tensor:
        """Return A = -k + ωJ, [2, 2]."""
        k, w = self.rate, self.rotation
        return torch.tensor([[-k, -w], [w, -k]], dtype=torch.float64)

    def drift(self, x: Tensor) -> Tensor:
        """Return A x."""
        return x @ self.matrix().to(x).mT

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw from N(0, 4)."""
        return 2 * normal(n, 2, generator=generator)

    def states(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw states [n, 2] at times uniform in [0, 4/k] after the start."""
        left = torch.exp(-8 * torch.rand(n, 1, generator=generator, dtype=torch.float64))
        stationary = (self.diffusion / self.rate * (1 - left)).sqrt()
        spread = stationary * normal(n, 2, generator=generator)
        return left.sqrt() * self.starts(n, generator) + spread

    def endpoints(self) -> tuple[Tensor, Tensor, float]:
        """Three paths of two relaxation times, at different angles to each other."""
        start = [[-2.0, 2.0], [2.0, 0.0], [0.5, -1.0]]
        end = [[2.0, 2.0], [0.0, -1.0], [-2.0, 1.0]]
        return torch.tensor(start).double(), torch.tensor(end).double(), 2.0

    def generators(self) -> Tensor:
        """The rotation about the origin."""
        return torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=torch.float64)

    def extremal(self, start: Tensor, end: Tensor, times: Tensor) -> Extremal:
        """Return the least-action paths between points [n, 2], at times [t] from 0 to T."""
        return linear_extremal(self.matrix(), self.diffusion, (start, end), times)


@final
class RotatingOU(OrnsteinUhlenbeck):
    """``ornstein-uhlenbeck`` with ω = 2: not a gradient field, but SO(2)-equivariant."""

    name = "ornstein-uhlenbeck-rotating"
    summary = "linear drift towards the origin, with rotation"
    further_symmetries = (
        "scaling of state and drift alike",
        "every invertible linear map M of the state, with A M A⁻¹ on the drift Ax",
    )
    rotation, threshold = 2.0, 0.02


def linear_extremal(
    matrix: Tensor, diffusion: float, ends: tuple[Tensor, Tensor], times: Tensor
) -> Extremal:
    """Return the least-action paths of the drift A x with A = -k + ωJ, k not 0.

    With g(t) = D(e^{2kt} - 1)/k: x(t) = e^{At}(x₀ + g(t) p₀), p(t) = e^{-Aᵀt} p₀,
    p₀ = (e^{-AT} x_T - x₀)/g(T), S = |x_T - e^{AT}x₀|²/(2v), v = D(1 - e^{-2kT})/k.

    Args:
        matrix: A, [2, 2].
        diffusion: D.
        ends: x₀ and x_T, [n, 2] each.
        times: [t], from 0 to T.
    """
    start, end = ends
    k = float(-matrix[0, 0])
    growth = diffusion * torch.expm1(2 * k * times) / k
    flow = torch.linalg.matrix_exp(times[:, None, None] * matrix)
    back = torch.linalg.matrix_exp(-times[:, None, None] * matrix)
    first = (end @ back[-1].mT - start) / growth[-1]
    inner = start[:, None] + growth[:, None] * first[:, None]
    spread = -diffusion * torch.expm1(-2 * k * times[-1]) / k
    action = (end - start @ flow[-1].mT).square().sum(-1) / (2 * spread)
    energy = diffusion * first.square().sum(-1) + (start @ matrix.mT * first).sum(-1)
    momenta = torch.einsum("tji,nj->nti", back, first)
    return Extremal(torch.einsum("tij,ntj->nti", flow, inner), momenta, action, energy)


@final
class DoubleWell(DriftTask):
    """The drift x - x³ on the line, with D = 0.1: two wells, and the barrier ΔU/D = 2.5.

    Bursts start uniformly in [-2, 2]. Only energy is conserved along least-action paths; the
    reflection is a discrete symmetry.
    """

    name = "double-well"
    summary = "drift between two wells on a line"
    sizes: ClassVar[Mapping[str, tuple[int, ...]]] = {**SIZES, "quick": (10_000,)}
    input_shape = output_shape = (1,)
    diffusion = 0.1

    @property
    def symmetry(self) -> Symmetry:
        """O(1), the reflection: V -> V."""
        group = O(1)
        return Symmetry(group, V(group), V(group))

    def drift(self, x: Tensor) -> Tensor:
        """Return x - x³."""
        return x - x**3

    def starts(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw from [-2, 2]."""
        return uniform(n, 1, (-2.0, 2.0), generator)

    def endpoints(self) -> tuple[Tensor, Tensor, float]:
        """From either well to the other in five units of time."""
        wells = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
        return wells, -wells, 5.0

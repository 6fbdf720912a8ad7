"""Kernel regression with its leave-one-out predictions in closed form, at any point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

from symbench.groups import root_mean_square

_CHOOSING = 500  # most examples on which the kernel is chosen
_RIDGES = (1e-6, 1e-2)


@dataclass(frozen=True)
class Matern:
    """The Matérn kernel of smoothness ν = 1/2 or 5/2, and optionally all quadratic polynomials.

    ν = 1/2 is exp(-r / length): its samples are continuous and nowhere differentiable, and it
    follows a jump. ν = 5/2 is twice differentiable. ``quadratic`` adds (1 + a·b)².
    """

    rough: bool
    length: float
    quadratic: bool = False

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the kernel [n, m] between points a [n, size] and b [m, size]."""
        dot = a @ b.mT
        squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * dot
        r = squares.clamp_min(1e-12).sqrt() / self.length
        if self.rough:
            near = (-r).exp()
        else:
            s = math.sqrt(5) * r
            near = (1 + s + s.square() / 3) * (-s).exp()
        return near + (1 + dot).square() if self.quadratic else near


_KERNELS = (
    *(Matern(False, length) for length in (1.0, 3.0, 10.0)),
    *(Matern(True, length, quadratic) for length in (3.0, 10.0) for quadratic in (False, True)),
)


class KernelNet(nn.Module):
    """f(x) = mean + Σ_j k(x, x_j) α_j for flat inputs x [n, inputs] in units of ``unit``.

    It is zero everywhere until it is fitted. All coordinates have one unit, because a unit for each
    would not be preserved by rotations. It computes in float64 whatever the type of x, because the
    entries of α are much larger than f.
    """

    centres: Tensor
    weights: Tensor
    mean: Tensor
    unit: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.kernel = _KERNELS[0]
        self.register_buffer("centres", torch.zeros(0, inputs, dtype=torch.float64))
        self.register_buffer("weights", torch.zeros(0, outputs, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(outputs, dtype=torch.float64))
        self.register_buffer("unit", torch.ones((), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs]."""
        values = self.kernel(x.to(self.unit) / self.unit, self.centres) @ self.weights
        typed: Tensor = (self.mean + values).to(x)
        return typed


class LeaveOneOut:
    """Kernel regression on examples x [n, inputs], y [n, outputs], and each without one of them.

    The weights without example i are α - K⁻¹[:, i] α_i / K⁻¹[i, i], K with the ridge.
    """

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y
        x64, y64 = x.double(), y.double()
        self.unit = float(root_mean_square(x64))
        self.mean = y64.mean(0)
        centres, centred = x64 / self.unit, y64 - self.mean
        some = slice(0, _CHOOSING)
        choices = list(product(_KERNELS, _RIDGES))
        errors = [
            _residuals(kernel(centres[some], centres[some]), centred[some], ridge)
            for kernel, ridge in choices
        ]
        self.kernel, ridge = choices[min(range(len(choices)), key=errors.__getitem__)]
        self.inverse = _inverse(self.kernel(centres, centres), ridge)
        self.weights = self.inverse @ centred

    def net(self) -> KernelNet:
        """Return the predictor that was fitted to all examples."""
        net = KernelNet(self.x.shape[1], self.y.shape[1])
        net.kernel = self.kernel
        net.unit = torch.tensor(self.unit).to(net.unit)
        net.centres, net.weights = self.x.double() / self.unit, self.weights
        net.mean = self.mean
        return net

    def without(self, at: Tensor) -> LeftOut:
        """Return the predictors without example ``at[i]`` each, for indices ``at`` [m]."""
        columns = self.inverse[at]
        scale = self.weights[at] / columns.gather(1, at[:, None])
        weights = self.weights - columns[..., None] * scale[:, None]
        centres = (self.x.double() / self.unit).to(self.x)
        return LeftOut(self.kernel, self.unit, centres, weights.to(self.x), self.mean.to(self.x))


@dataclass(frozen=True)
class LeftOut:
    """Predictors with the same centres [n, inputs] and own weights [m, n, outputs]."""

    kernel: Matern
    unit: float
    centres: Tensor
    weights: Tensor
    mean: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return predictions [m, e, outputs] at x [m, e, inputs]; row i by predictor i."""
        values = self.kernel((x / self.unit).flatten(0, 1), self.centres)
        predictions: Tensor = self.mean + values.unflatten(0, x.shape[:2]) @ self.weights
        return predictions


def _inverse(K: Tensor, ridge: float) -> Tensor:
    identity = torch.eye(len(K), dtype=K.dtype, device=K.device)
    return torch.cholesky_inverse(torch.linalg.cholesky(K + ridge * identity))


def _residuals(K: Tensor, y: Tensor, ridge: float) -> float:
    """Return the mean squared leave-one-out residual."""
    inverse = _inverse(K, ridge)
    return float(((inverse @ y) / inverse.diagonal()[:, None]).square().mean())

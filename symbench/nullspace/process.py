"""Kernel regression with a squared-exponential kernel, and labels drawn from its prior."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from symbench.contract import Data
from symbench.metrics.network import spaced

LENGTHS = (1.5, 2.5, 4.0, 6.0, 10.0, 16.0, 25.0)
NOISES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_CHOOSING = 1000  # most examples of a fit that chooses length and noise
_CENTRES = 2000  # most centres of a kernel
_JITTER = 1e-9
_WAVES = 1024  # random Fourier features of a draw from the prior


class KernelRegression(nn.Module):
    """f(x) = m + Σ_i k(Tx, z_i) α_i with k(a, b) = exp(-‖a - b‖² / 2).

    T contains the length scale. f is the posterior mean of a Gaussian process. It computes in
    float64 whatever the type of x, because α has entries that are much larger than f.

    Args:
        T: [i, input_size].
        z: centres [c, i].
        weights: α [c, output_size].
        mean: m, of the output's shape.
    """

    T: Tensor
    z: Tensor
    weights: Tensor
    mean: Tensor

    def __init__(self, T: Tensor, z: Tensor, weights: Tensor, mean: Tensor) -> None:
        super().__init__()
        for name, tensor in (("T", T), ("z", z), ("weights", weights), ("mean", mean)):
            self.register_buffer(name, tensor)

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x) [n, *output_shape]."""
        a = x.flatten(1).to(self.T.dtype) @ self.T.mT
        y = (kernel(a, self.z) @ self.weights).unflatten(1, self.mean.shape) + self.mean
        typed: Tensor = y.to(x.dtype)
        return typed

    def derivative(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(x) [n, output_size] and Df(x) = Σ_i k α_i (z_i - Tx)ᵀ T [n, output_size, size].

        Args:
            x: [n, *input_shape], float64.
        """
        a = x.flatten(1) @ self.T.mT
        k = kernel(a, self.z)
        value = k @ self.weights
        pulled = torch.stack([k @ (self.weights * z[:, None]) for z in self.z.mT], 2)
        jacobian = (pulled - value[:, :, None] * a[:, None]) @ self.T
        return value + self.mean.flatten(), jacobian


def kernel(a: Tensor, b: Tensor, length: float = 1.0) -> Tensor:
    """Return exp(-‖a - b‖² / (2 length²)) [n, c] of a [n, i] and b [c, i]."""
    squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.mT
    return (-squares.clamp_min(0) / (2 * length**2)).exp()


@dataclass(frozen=True)
class Choice:
    """The length scale and the noise that predict held-out examples best.

    Attributes:
        length: divides the input scale.
        noise: a variance, in units of that of the prior.
        error: the mean squared error on the held-out examples, in units of their variance about
            the mean of the others.
    """

    length: float
    noise: float
    error: float

    @property
    def longer(self) -> float:
        """The next longer length scale; held-out data hardly distinguish the two."""
        return min((each for each in LENGTHS if each > self.length), default=1.6 * self.length)

    @classmethod
    def of(cls, T: Tensor, rest: Data, valid: Data) -> Choice:
        """Return the best pair of the grid, from fits to at most 1,000 examples of ``rest``."""
        a, held = (part.flatten(1) @ T.mT for part in (spaced(rest.x, _CHOOSING), valid.x))
        y = spaced(rest.y, _CHOOSING).flatten(1)
        mean = y.mean(0)
        wanted = valid.y.flatten(1) - mean
        errors = {}
        for length in LENGTHS:
            K, across = kernel(a / length, a / length), kernel(held / length, a / length)
            for noise in NOISES:
                predicted = across @ torch.cholesky_solve(y - mean, _factor(K, noise))
                errors[length, noise] = float((predicted - wanted).square().mean())
        length, noise = min(errors, key=lambda pair: errors[pair])
        variance = float(wanted.square().mean())
        return cls(length, noise, errors[length, noise] / variance if variance > 0 else 1.0)


@dataclass(frozen=True)
class Regression:
    """Kernel regression on given inputs, for any labels.

    Above 2,000 examples the centres are 2,000 evenly spaced ones of them (subset of regressors).

    Attributes:
        T: the input scale divided by the length scale, [i, input_size].
        noise: a variance, in units of that of the prior.
        x: inputs [n, *input_shape], float64.
    """

    T: Tensor
    noise: float
    x: Tensor

    @cached_property
    def _a(self) -> Tensor:
        return self.x.flatten(1) @ self.T.mT

    @cached_property
    def _z(self) -> Tensor:
        return spaced(self._a, _CENTRES)

    @cached_property
    def _factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return Φ [c, n], chol(ΦΦᵀ + noise) and chol(k(z, z)), with k(z, a) = chol(k(z, z)) Φ."""
        root = _factor(kernel(self._z, self._z), _JITTER)
        features = torch.linalg.solve_triangular(root, kernel(self._z, self._a), upper=False)
        return features, _factor(features @ features.mT, self.noise), root

    @cached_property
    def _exact(self) -> Tensor:
        return _factor(kernel(self._a, self._a), self.noise)

    def of(self, y: Tensor) -> KernelRegression:
        """Return the fit to labels y [n, *output_shape]."""
        flat = y.flatten(1)
        mean = flat.mean(0)
        weights = self._weights(flat - mean)
        return KernelRegression(self.T, self._z, weights, mean.view(y.shape[1:]))

    def _weights(self, y: Tensor) -> Tensor:
        if len(self._z) == len(self._a):
            return torch.cholesky_solve(y, self._exact)
        features, inner, root = self._factors
        coefficients = torch.cholesky_solve(features @ y, inner)
        weights: Tensor = torch.linalg.solve_triangular(root.mT, coefficients, upper=True)
        return weights

    def prior(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the values [n, count] of functions from the prior at the inputs.

        They are sums Σ_j c_j cos(ω_j·Tx + b_j) of random Fourier features.
        """
        frequencies, phases, weights = (
            torch.randn(_WAVES, self.T.shape[0], generator=generator, dtype=torch.float64),
            torch.rand(_WAVES, generator=generator, dtype=torch.float64) * 2 * math.pi,
            torch.randn(_WAVES, count, generator=generator, dtype=torch.float64),
        )
        waves = (self._a @ frequencies.mT + phases).cos()
        values: Tensor = waves @ weights * math.sqrt(2 / _WAVES)
        return values


def _factor(K: Tensor, noise: float) -> Tensor:
    factor: Tensor = torch.linalg.cholesky(K + noise * torch.eye(len(K), dtype=K.dtype))
    return factor

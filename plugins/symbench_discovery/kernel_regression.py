"""Kernel ridge regression in closed form, with its derivative and its choice of kernel."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from symbench import Data
from symbench.nullspace.process import kernel as squared_exponential

_LARGEST = 1500  # examples; the eigenvectors of its kernel matrices take some seconds
_DEGREES = (1, 2, 3, 4, 5)
_LENGTHS = (1.5, 2.5, 4.0, 6.0, 10.0, 16.0)  # in units of a whitened coordinate
_RIDGES = (1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_ROUNDED = 1e-13  # errors of the prediction of float32 targets that are rounding
_FLAT = 1e-10  # variances below this part of the largest are rounding


class Kernel(NamedTuple):
    """(1 + zᵀz' / r)^degree of vectors in R^r, or exp(-‖z - z'‖² / 2 length²) if degree is 0."""

    degree: int
    length: float

    def __call__(self, z: Tensor, centres: Tensor) -> Tensor:
        """Return [n, k] for z [n, r] and centres [k, r]."""
        if self.degree:
            polynomial: Tensor = (1 + z @ centres.mT / z.shape[1]).pow(self.degree)
            return polynomial
        return squared_exponential(z, centres, self.length)

    def derivative(self, z: Tensor, centres: Tensor, weights: Tensor) -> Tensor:
        """Return the derivative [n, outputs, r] of k(z, centres) @ weights."""
        crossed = (weights[:, :, None] * centres[:, None]).flatten(1)
        if self.degree:
            lower = Kernel(self.degree - 1, 0.0)(z, centres) if self.degree > 1 else 1.0
            slope = self.degree / z.shape[1] * lower * torch.ones_like(z @ centres.mT)
            polynomial: Tensor = (slope @ crossed).unflatten(1, (weights.shape[1], -1))
            return polynomial
        k = self(z, centres)
        towards = (k @ crossed).unflatten(1, (weights.shape[1], -1))
        gaussian: Tensor = (towards - (k @ weights)[:, :, None] * z[:, None]) / self.length**2
        return gaussian


class KernelRegression(nn.Module):
    """f(x) = centre + scale · k(z, Z) α with z the whitened input, computed in float64.

    ``error`` is its leave-one-out error, in units of the variance of the targets.
    """

    centre: Tensor
    scale: Tensor
    weights: Tensor
    shift: Tensor
    whiten: Tensor
    centres: Tensor

    def __init__(self, data: Data) -> None:
        super().__init__()
        some = Data(data.x[:_LARGEST], data.y[:_LARGEST]).to("cpu", torch.float64)
        self._output_shape = some.y.shape[1:]
        x, y = some.x.flatten(1), some.y.flatten(1)
        shift, whiten = _whitening(x)
        z = (x - shift) @ whiten
        centre = y.mean(0)
        scale = (y - centre).square().mean().sqrt()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        self.kernel, weights, self.error = _fitted(z, (y - centre) / scale)
        parts = {
            "shift": shift, "whiten": whiten, "centres": z, "centre": centre, "scale": scale,
            "weights": weights,
        }  # fmt: skip
        for name, part in parts.items():
            self.register_buffer(name, part)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *output_shape] for x [n, *input_shape], in the dtype of x."""
        standard = self.kernel(self._z(x), self.centres) @ self.weights
        y = (self.centre + self.scale * standard).to(x.dtype)
        shaped: Tensor = y.unflatten(1, self._output_shape)
        return shaped

    def derivative(self, x: Tensor) -> Tensor:
        """Return the derivative [n, output_size, r] by the whitened input, at x [n, ...]."""
        return self.scale * self.kernel.derivative(self._z(x), self.centres, self.weights)

    def _z(self, x: Tensor) -> Tensor:
        z: Tensor = (x.flatten(1).double() - self.shift) @ self.whiten
        return z


def _whitening(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean [d], and the map [d, r] to coordinates of variance 1 on the data's span."""
    shift = x.mean(0)
    values, vectors = torch.linalg.eigh((x - shift).mT @ (x - shift) / len(x))
    varying = values > _FLAT * values[-1].clamp_min(torch.finfo(x.dtype).tiny)
    return shift, vectors[:, varying] / values[varying].sqrt()


def _fitted(z: Tensor, y: Tensor) -> tuple[Kernel, Tensor, float]:
    """Return the kernel, its weights [n, outputs], and its leave-one-out error.

    The kernel is the one of the least error. Of equal ones the first counts: the polynomials of low
    degree.
    """
    kernels = [Kernel(p, 0.0) for p in _DEGREES] + [Kernel(0, length) for length in _LENGTHS]
    fits = ((kernel, *_ridge_regression(kernel(z, z), y)) for kernel in kernels)
    return min(fits, key=lambda fit: fit[2])


def _ridge_regression(K: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """Return the weights [n, outputs] of the ridge of the least leave-one-out error, and the error.

    With K = U Λ Uᵀ the weights are α = U (Λ + ridge)⁻¹ Uᵀ y, and the error of the prediction of
    example i from the others is α_i / (U (Λ + ridge)⁻¹ Uᵀ)_ii. It is in units of the variance.
    """
    variance = y.square().mean().clamp_min(torch.finfo(y.dtype).tiny)
    values, vectors = torch.linalg.eigh(K)
    turned = vectors.mT @ y

    def solved(ridge: float) -> tuple[Tensor, float]:
        inverse = 1 / (values.clamp_min(0) + ridge * values.mean())
        weights = vectors @ (inverse[:, None] * turned)
        left_out = weights / (vectors.square() @ inverse)[:, None]
        return weights, max(_ROUNDED, float(left_out.square().mean() / variance))

    return min(map(solved, _RIDGES), key=lambda solution: solution[1])

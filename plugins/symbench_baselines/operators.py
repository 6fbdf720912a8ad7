"""Linear operators on pixels, fitted in closed form, and modules that predict with them."""

from __future__ import annotations

import warnings

import torch
from scipy.linalg import logm
from torch import Tensor, nn

from symbench import InputError

_RANK_TOLERANCE = 1e-6  # relative; pixels are float32: smaller singular values are rounding error
_SINGULAR = 1e-7  # relative; the logarithm of a smaller singular value reflects rounding error
_NODES = 65  # equidistant angles at which the search for the nearest image starts


def least_norm(x: Tensor, y: Tensor) -> Tensor:
    """Return the A [p, d] of least norm among those that minimise Σ ‖A x - y‖².

    ``x`` [n, d] and ``y`` [n, p] are float64.
    """
    transposed: Tensor = torch.linalg.pinv(x, rtol=_RANK_TOLERANCE) @ y
    return transposed.mT.contiguous()  # safetensors stores no views


def real_log(R: Tensor) -> Tensor:
    """Return the real part of the principal logarithm of R [d, d], float64.

    The logarithm is complex where R has an eigenvalue on the negative real axis. The real part
    leaves out the half turn of such a mode.

    Raises:
        InputError: R is singular up to the rounding of float32 pixels.
    """
    values = torch.linalg.svdvals(R)
    if not bool(values[-1] > _SINGULAR * values[0].clamp_min(1)):
        raise InputError(
            "the fitted operator is singular, so it has no logarithm: use more training examples"
        )
    with warnings.catch_warnings():  # negative modes have relative errors above 2e-13
        warnings.simplefilter("ignore", RuntimeWarning)
        logarithm = logm(R.numpy())
    return torch.from_numpy(logarithm.real.copy())


class Polynomial:
    """R_θ = 1 + Σ_{k=1..p} θ^k A_k, fitted by least squares to x₂ = R_θ x₁ with known θ.

    The moments of the data are summed once, up to the largest degree. The fit of each degree is
    then a separate linear system, solved with least norm.

    Args:
        first: x₁ [n, d], float64.
        second: x₂ [n, d].
        angles: θ [n].
        degree: the largest degree p.
    """

    def __init__(self, first: Tensor, second: Tensor, angles: Tensor, degree: int) -> None:
        self._scale = angles.abs().max().clamp_min(torch.finfo(angles.dtype).tiny)
        design = self._powers(angles, degree)[:, :, None] * first[:, None]
        design = design.flatten(1)
        self._gram, self._right = design.mT @ design, design.mT @ (second - first)
        self._pixels = first.shape[1]

    def _powers(self, angles: Tensor, degree: int) -> Tensor:
        return (angles / self._scale)[:, None] ** torch.arange(1, degree + 1)

    def coefficients(self, degree: int) -> Tensor:
        """Return A_k [p, d, d] for θ in units of the largest angle."""
        size = degree * self._pixels
        inverse = torch.linalg.pinv(
            self._gram[:size, :size], rtol=_RANK_TOLERANCE**2, hermitian=True
        )
        transposed: Tensor = inverse @ self._right[:size]
        return transposed.reshape(degree, -1, self._pixels).mT

    def change(self, coefficients: Tensor, angles: Tensor, x: Tensor) -> Tensor:
        """Return R_θ x - x [n, d] for angles [n] and x [n, d]."""
        moved = torch.einsum("kij,nj->nki", coefficients, x)
        return (self._powers(angles, len(coefficients))[:, :, None] * moved).sum(1)

    def matrix(self, coefficients: Tensor, angle: Tensor) -> Tensor:
        """Return R_θ [d, d] at one angle."""
        powers = self._powers(angle[None], len(coefficients))[0]
        eye = torch.eye(self._pixels, dtype=coefficients.dtype)
        return eye + torch.einsum("k,kij->ij", powers, coefficients)


class PixelMap(nn.Module):
    """f(x) = R x on images of d pixels; ``generator`` [1, d, d] is the generator reported for R."""

    matrix: Tensor
    generator: Tensor

    def __init__(self, matrix: Tensor, generator: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.register_buffer("generator", generator[None])

    def forward(self, x: Tensor) -> Tensor:
        """Return images of the shape of x [n, 1, height, width]."""
        return (x.flatten(1) @ self.matrix.mT).view_as(x)


class LinearAngle(nn.Module):
    """The θ that minimises ‖x₂ - x₁ - θ L x₁‖²: <L x₁, x₂ - x₁> / ‖L x₁‖²."""

    generator: Tensor

    def __init__(self, generator: Tensor) -> None:
        super().__init__()
        self.register_buffer("generator", generator[None])

    def forward(self, x: Tensor) -> Tensor:
        """Return θ [n, 1] for pairs x [n, 2, height, width]; 0 where L x₁ vanishes."""
        first, second = x.flatten(2).unbind(1)
        return _step(first @ self.generator[0].mT, second - first)


class ExponentialAngle(nn.Module):
    """The θ between ``low`` and ``high`` that minimises ‖x₂ - exp(θL) x₁‖².

    It is the best of 65 equidistant angles plus one first-order least-squares step.
    """

    generator: Tensor
    first: Tensor
    step: Tensor
    angles: Tensor

    def __init__(self, generator: Tensor, low: float, high: float) -> None:
        super().__init__()
        angles = torch.linspace(low, high, _NODES, dtype=generator.dtype)
        self.register_buffer("generator", generator[None])
        self.register_buffer("first", torch.linalg.matrix_exp(low * generator))
        self.register_buffer("step", torch.linalg.matrix_exp((angles[1] - low) * generator))
        self.register_buffer("angles", angles)

    def forward(self, x: Tensor) -> Tensor:
        """Return θ [n, 1] for pairs x [n, 2, height, width]."""
        first, second = x.flatten(2).unbind(1)
        moved = nearest = first @ self.first.mT
        least = (second - moved).square().sum(1, keepdim=True)
        angle = self.angles[0].expand_as(least)
        for node in self.angles[1:]:
            moved = moved @ self.step.mT
            distance = (second - moved).square().sum(1, keepdim=True)
            better = distance < least
            least = torch.where(better, distance, least)
            nearest = torch.where(better, moved, nearest)
            angle = torch.where(better, node, angle)
        return angle + _step(nearest @ self.generator[0].mT, second - nearest)


def _step(slope: Tensor, change: Tensor) -> Tensor:
    square = slope.square().sum(1, keepdim=True)
    return (slope * change).sum(1, keepdim=True) / square.clamp_min(torch.finfo(square.dtype).tiny)

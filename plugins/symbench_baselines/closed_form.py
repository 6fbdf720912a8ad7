"""Generators in closed form, found by linear algebra without training."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem
from symbench_baselines.operators import (
    ExponentialAngle,
    LinearAngle,
    PixelMap,
    Polynomial,
    least_norm,
    real_log,
)

_LARGEST_DEGREE = 6
_HALVINGS = 4


def _maps_images(problem: Problem) -> bool:
    return problem.input_shape == problem.output_shape and problem.input_shape[0] == 1


def _compares_images(problem: Problem) -> bool:
    return problem.input_shape[0] == 2 and problem.output_shape == (1,)


class _ClosedForm(Model):
    """One linear operator on the pixels, fitted to input and output images or to labelled pairs."""

    version = "1"
    prior: ClassVar[Prior] = "discovers"

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but maps of grey images and angles between two grey images."""
        image = problem.kind == "image" and len(problem.input_shape) == 3 and problem.loss == "mse"
        if image and (_maps_images(problem) or _compares_images(problem)):
            return None
        return (
            f"{self.name} maps images [1, height, width] to images of the same shape, "
            "or predicts the angle between two images [2, height, width]"
        )

    def build(self, problem: Problem) -> nn.Module:
        """Return the identity map, or the angle 0, as a placeholder that ``fit`` replaces."""
        if not _maps_images(problem):
            pixels = problem.input_size // 2
            return LinearAngle(torch.zeros(pixels, pixels))
        pixels = problem.input_size
        return PixelMap(torch.eye(pixels), torch.zeros(pixels, pixels))

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the module with the operator that fits the training data best.

        Raises:
            InputError: the operator has no logarithm.
        """
        exact = data.to("cpu", torch.float64)
        if _maps_images(problem):
            module = self._fit_map(exact.x.flatten(1), exact.y.flatten(1))
        else:
            module = self._fit_angle(exact, context)
        return module.to(context.device, data.x.dtype)

    @abstractmethod
    def _fit_map(self, x: Tensor, y: Tensor) -> nn.Module: ...

    @abstractmethod
    def _fit_angle(self, data: Data, context: Context) -> nn.Module: ...

    def generators(self, module: nn.Module) -> Tensor:
        """Return the one generator [1, d, d]."""
        return module.get_buffer("generator")


def _pairs(data: Data) -> tuple[Tensor, Tensor, Tensor]:
    """Return first and second images [n, d], and the angles [n]."""
    first, second = data.x.flatten(2).unbind(1)
    return first, second, data.y.flatten()


@final
class LeastSquares(_ClosedForm):
    """The linear map that fits the training data best, by least squares in float64.

    Images to images: R = 1 + L, where L has the least norm among the minimisers of
    Σ ‖y - x - L x‖². With as many independent images as pixels this is plain linear regression.
    Pairs: L has the least norm among the minimisers of Σ ‖x₂ - x₁ - θ L x₁‖², and the angle of a
    pair is the θ that minimises that pair's term.

    The paper's released notebook runs the first regression in float32, on images shifted by half
    their range, and calls it noisier than L-conv. Without the shift it is not noisier.
    """

    name = "least-squares"
    parametrisation = "linear"
    summary = "linear regression of one image on another"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, Fig. 8"

    def _fit_map(self, x: Tensor, y: Tensor) -> nn.Module:
        L = least_norm(x, y - x)
        return PixelMap(L + torch.eye(len(L), dtype=L.dtype), L)

    def _fit_angle(self, data: Data, context: Context) -> nn.Module:  # noqa: ARG002 - no choice
        first, second, angles = _pairs(data)
        return LinearAngle(least_norm(angles[:, None] * first, second - first))


@final
class MatrixLog(_ClosedForm):
    """The logarithm of the linear map that fits the training data best.

    Images to images: R is fitted as in ``least-squares`` and makes the predictions. L is the real
    part of log R, in units of the unknown angle.

    Pairs: R_θ = 1 + Σ_k θ^k A_k is fitted by least squares, and L = Re log(R_θ) / θ. Here θ is the
    root mean square of the training angles, or a half, quarter or eighth of it. If the training
    angles have both signs, L is the mean over θ and -θ, which cancels the damping caused by
    interpolation. The predicted angle of a pair is the θ whose exp(θL) x₁ is nearest to x₂.

    The validation split chooses the degree p ≤ 6 by the error of R_θ x₁, and then θ by the error
    of the predicted angle. A small θ amplifies the noise. At a large θ the fast modes have turned
    by more than half a turn, which the logarithm cannot distinguish from a smaller turn.
    """

    name = "matrix-log"
    parametrisation = "exponential"
    summary = "logarithm of the fitted linear map"

    def _fit_map(self, x: Tensor, y: Tensor) -> nn.Module:
        L = least_norm(x, y - x)
        R = L + torch.eye(len(L), dtype=L.dtype)
        return PixelMap(R, real_log(R))

    def _fit_angle(self, data: Data, context: Context) -> nn.Module:
        data, valid = (part.to("cpu", torch.float64) for part in (context.rest, context.valid))
        first, second, angles = _pairs(data)
        degree = max(1, min(_LARGEST_DEGREE, len(data) // first.shape[1]))
        polynomial = Polynomial(first, second, angles, degree)
        A = _best_degree(polynomial, degree, valid)
        start = angles.square().mean().sqrt()
        if not bool(start > 0):
            raise InputError(
                f"{self.name}: every training angle is 0, so the generator is undetermined; "
                "use pairs with other angles"
            )
        low, high = float(angles.min()), float(angles.max())
        candidates = [
            ExponentialAngle(_slope(polynomial, A, start / 2**k, (low, high)), low, high)
            for k in range(_HALVINGS)
        ]
        return min(candidates, key=lambda module: _error(module(valid.x), valid.y))


def _slope(polynomial: Polynomial, A: Tensor, angle: Tensor, seen: tuple[float, float]) -> Tensor:
    """Return the mean of Re log(R_θ) / θ over θ = ± ``angle``, for the signs in range ``seen``."""
    signs = [sign for sign, limit in ((1, seen[1]), (-1, -seen[0])) if limit > 0]
    logs = [real_log(polynomial.matrix(A, sign * angle)) / (sign * angle) for sign in signs]
    return torch.stack(logs).mean(0)


def _best_degree(polynomial: Polynomial, largest: int, valid: Data) -> Tensor:
    first, second, angles = _pairs(valid)
    fits = [polynomial.coefficients(degree) for degree in range(1, largest + 1)]
    return min(fits, key=lambda A: _error(polynomial.change(A, angles, first), second - first))


def _error(prediction: Tensor, y: Tensor) -> float:
    return float((prediction - y).square().mean())

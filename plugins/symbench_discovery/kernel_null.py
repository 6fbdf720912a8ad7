"""Generators in the null space of the derivative of a Gaussian process."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from torch import Tensor, nn

from symbench.nullspace.process import Choice, Regression
from symbench_discovery.counted import CountedMethod


@final
class KernelNull(CountedMethod):
    """Kernel regression, and the generators of gl(V) that its derivative keeps.

    A Gaussian process with a squared-exponential kernel on whitened inputs is fitted to all
    examples. Its length scale and noise are those of a grid that predict the last fifth best. The
    derivative of its mean has a closed form, hence also the matrix C of the candidate algebra, and
    the generators are its least singular directions. Nothing is trained. How many there are is
    decided by a comparison with functions that have no symmetry (``counted``): they are drawn from
    the prior of the next longer length scale, with the affine share of the fit, and estimated by
    the same regression.
    """

    name, version = "kernel-null", "1"
    summary = "null space of the derivative of a Gaussian process, without training"
    reference = "Moskalev et al. 2022 (LieGG), for a network"

    def estimator(self, scale: Tensor, choice: Choice, x: Tensor) -> Callable[[Tensor], nn.Module]:
        """Return the regression with the chosen length scale and noise."""
        return Regression(scale / choice.length, choice.noise, x).of

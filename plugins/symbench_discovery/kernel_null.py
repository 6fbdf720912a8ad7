"""Generators in the null space of the derivative of a Gaussian process."""

from __future__ import annotations

from typing import final

import torch
from torch import nn

from symbench import Context, Data, Problem
from symbench.nullspace.acting import acting, input_scale
from symbench.nullspace.comparison import announced, without_symmetry
from symbench.nullspace.process import Choice, Regression
from symbench_discovery.counted import CountedConfig
from symbench_discovery.vectors import Announcement, VectorMethod, law_of


@final
class KernelNull(VectorMethod):
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
    Config = CountedConfig
    config: CountedConfig

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the regression on all data, with the generators that it keeps."""
        data, rest, valid = (
            part.to("cpu", torch.float64) for part in (data, context.rest, context.valid)
        )
        scale = input_scale(law_of(problem), data.x)
        choice = Choice.of(scale, rest, valid)
        regression = Regression(scale / choice.length, choice.noise, data.x)
        prior = Regression(scale / choice.longer, choice.noise, data.x)
        f, within = regression.of(data.y), acting(law_of(problem), data)
        fit = Data(data.x, f(data.x).flatten(1))
        L = announced(
            within,
            lambda y: regression.of(y).derivative(within.x),
            data.y.flatten(1),
            without_symmetry(prior, fit, self.config.draws, context.generator),
            self.config.tolerance,
        )
        known = choice.error <= self.config.worst
        return Announcement(f, L if known else L[:0]).to(context.device)

"""Baselines: perceptrons without built-in symmetry, the best constant and the best affine map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import nn

from symbench import Context, Data, Model, Prior, Problem, Recipe
from symbench.groups import Rescaled, Standardised, value_range
from symbench_baselines.layers import (
    AffineMap,
    ConstantMap,
    least_squares,
    log_frequencies,
    logistic_regression,
    perceptron,
)


def _needs_arrays(problem: Problem) -> str | None:
    if problem.kind in ("vectors", "image"):
        return None
    return f"reads vectors and images, not {problem.kind} data"


@dataclass(frozen=True)
class MLPConfig:
    """``depth`` hidden layers of ``width`` SiLU units."""

    width: int = 128
    depth: int = 3
    learning_rate: float = 3e-3
    batch_size: int = 128


class MLP(Model):
    """Multilayer perceptron on z-scored inputs and targets, the baseline of Finzi et al. (2021).

    At the full tier it has three hidden layers of 384 units, trained by Adam from 3e-3 as
    published. The learning rate falls along a cosine; in the paper it is constant.
    """

    name, version = "mlp", "1"
    prior: ClassVar[Prior] = "none"
    summary = "multilayer perceptron, standardised inputs and targets"
    reference = "Finzi, Welling, Wilson 2021 (EMLP)"
    Config = MLPConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"full": {"width": 384, "batch_size": 500}}
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither a vector nor an image."""
        return _needs_arrays(problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, *input_shape] -> [n, *output_shape]."""
        config = self.config
        net = perceptron(problem.input_size, config.width, config.depth, problem.output_size)
        if problem.kind == "image" and problem.loss == "cross-entropy":
            # Pixels share one scale. Z-scoring each separately would amplify a border pixel that
            # is blank in nearly all training images but not in a test image.
            shaped = nn.Sequential(net, nn.Unflatten(1, problem.output_shape))
            return Rescaled(shaped, inputs=value_range)
        return Standardised(net, problem.input_size, problem.output_size, problem.output_shape)


class ToldMLP(MLP):
    """A perceptron that is told the symmetry and uses it only in training."""

    def accepts(self, problem: Problem) -> str | None:
        """Decline a problem without a symmetry."""
        if problem.symmetry is None:
            return f"{self.name} trains towards a symmetry, but the task has no symmetry"
        return _needs_arrays(problem)


class AugmentedMLP(ToldMLP):
    """``mlp`` trained on (g x, g y), with a new random g for every example of every batch."""

    name, version = "mlp-augmented", "1"
    prior: ClassVar[Prior] = "told"
    summary = "mlp trained on random points of each orbit"
    reference = "Finzi, Welling, Wilson 2021 (EMLP), MLP+Aug"

    def recipe(self, problem: Problem) -> Recipe:
        """Return the recipe of ``mlp`` with augmentation."""
        return replace(super().recipe(problem), augment=True)


@dataclass(frozen=True)
class PenalisedMLPConfig(MLPConfig):
    """``penalty`` is the weight of the mean square of f(gx) - g f(x) in the loss."""

    penalty: float = 1.0


class PenalisedMLP(ToldMLP):
    """``mlp`` whose loss includes its equivariance error on the training inputs.

    This is a soft constraint: the symmetry is not built in and holds only approximately.
    """

    name, version = "mlp-penalty", "1"
    prior: ClassVar[Prior] = "told"
    summary = "mlp with a penalty on its equivariance error"
    Config = PenalisedMLPConfig

    def recipe(self, problem: Problem) -> Recipe:
        """Return the recipe of ``mlp`` with the penalty."""
        return replace(super().recipe(problem), penalty=self.config.penalty)


class Constant(Model):
    """The best constant: the mean of the training targets, or the log class frequencies.

    Its error is the unit of all other errors. Its symmetry scores are meaningless.
    """

    name, version, prior = "constant", "1", "none"
    summary = "the training mean, or the class frequencies"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither a vector nor an image."""
        return _needs_arrays(problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the constant zero, which ``fit`` replaces."""
        return ConstantMap(torch.zeros(problem.output_shape))

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the map to the mean of the training targets, or to their class frequencies."""
        if problem.loss == "cross-entropy":
            value = log_frequencies(data.y, problem.output_size)
        else:
            value = data.y.double().mean(0)
        return ConstantMap(value.to(data.x).view(problem.output_shape)).to(context.device)


class Linear(Model):
    """The best affine map: least squares of least norm, or regularised logistic regression.

    The regression reads pixels in units of their range, to which its regulariser refers.
    """

    name, version, prior = "linear", "1", "none"
    summary = "least squares, or multinomial logistic regression"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither a vector nor an image."""
        return _needs_arrays(problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the zero map, which ``fit`` replaces."""
        weight = torch.zeros(problem.output_size, problem.input_size)
        return AffineMap(weight, torch.zeros(problem.output_size), problem.output_shape)

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the affine map that fits the training data best."""
        x = data.x.flatten(1).double().cpu()
        if problem.loss == "cross-entropy":
            unit = value_range(x)
            weight, bias = logistic_regression(x / unit, data.y.cpu(), problem.output_size)
            weight = weight / unit
        else:
            weight, bias = least_squares(x, data.y.flatten(1).double().cpu())
        weight, bias = weight.to(data.x.dtype), bias.to(data.x.dtype)
        return AffineMap(weight, bias, problem.output_shape).to(context.device)

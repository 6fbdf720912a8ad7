"""The paper's network for the angle between two images."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor, nn

from symbench import Model, Problem, Recipe
from symbench.groups import Rescaled, root_mean_square, value_range
from symbench_lconv.layers import DenseGenerators, ResidualLConv

_EPOCHS = 10  # after each of which the released code multiplies the learning rate by 0.7
_CHANNELS, _HIDDEN = 10, 5
_PUBLISHED = math.pi / 8 / math.sqrt(3)  # root mean square of the published angles, 0 to π/8


def no_pair(name: str, problem: Problem) -> str | None:
    """Return why the problem is not the angle between two images [2, height, width], or None."""
    images = problem.kind == "image" and len(problem.input_shape) == 3
    if not images or problem.input_shape[0] != 2 or problem.output_shape != (1,):
        return f"{name} predicts the angle or shift between two images [2, height, width]"
    return None if problem.loss == "mse" else f"{name} predicts a number, not a class"


def published_unit(y: Tensor) -> Tensor:
    """Return the unit of angles y in which they have the published root mean square."""
    return root_mean_square(y) / _PUBLISHED


class RecursiveNet(nn.Module):
    """Ten copies of x₁ pass R times through one L-conv layer; products with x₂ give the angle."""

    def __init__(self, pixels: int, recursions: int) -> None:
        super().__init__()
        self.core = ResidualLConv(DenseGenerators.random(pixels, 1), _CHANNELS, recursions)
        self.head = nn.Sequential(
            nn.Tanh(), nn.Linear(_CHANNELS, _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the angles [n, 1] of pairs x [n, 2, height, width]."""
        first, second = x[:, 0].flatten(1), x[:, 1].flatten(1)
        moved: Tensor = self.core(first[:, None].expand(-1, _CHANNELS, -1))
        angle: Tensor = self.head(torch.einsum("ncd,nd->nc", moved, second))
        return angle


@dataclass(frozen=True)
class RecursiveConfig:
    """The one layer is applied ``recursions`` times; ``parametrisation`` names the default 3."""

    recursions: int = 3
    learning_rate: float = 1e-3
    batch_size: int = 16


@final
class RecursiveLConv(Model):
    """The angle between two images from an L-conv layer applied three times, as published.

    The generator affects the loss only through ten products, so it is poorly determined. The
    paper's cosine of 0.70 with the true generator is that of a good seed.

    The published network reads raw numbers. Here it reads pixels in units of their range and
    angles in units in which their root mean square is that of the published angles, so that both
    are close to the raw numbers on ``rotation-angle``.
    """

    name, version, prior = "lconv-recursive", "2", "discovers"
    parametrisation = "recursive-3"
    summary = "angle between two images from one L-conv layer applied three times"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, Fig. 7"
    Config = RecursiveConfig
    config: RecursiveConfig

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a pair of images with one number between them."""
        return no_pair(self.name, problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, 2, height, width] -> [n, 1]."""
        net = RecursiveNet(problem.input_size // 2, self.config.recursions)
        return Rescaled(net, inputs=value_range, outputs=published_unit)

    def recipe(self, problem: Problem) -> Recipe:
        """Return the released code's Adam."""
        return replace(super().recipe(problem), schedule="exponential", final=0.7**_EPOCHS)

    def generators(self, module: nn.Module) -> Tensor:
        """Return the one generator [1, d, d]."""
        L: Tensor = module.get_parameter("net.core.generators.L")
        return L.detach()

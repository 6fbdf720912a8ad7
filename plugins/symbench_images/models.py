"""A small convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import nn

from symbench import InputError, Model, Problem, Recipe


@dataclass(frozen=True)
class CNNConfig:
    """Two 3×3 convolutions of ``channels`` channels each."""

    channels: int = 16
    learning_rate: float = 3e-3
    batch_size: int = 64


@final
class CNN(Model):
    """Two 3×3 convolutions with SiLU, then a linear layer on all pixels and channels.

    No pooling, normalisation or dropout, like the network of Dehmamy et al. (2021, appendix D) to
    which L-conv is compared; it knows which pixels are neighbours, unless they are scrambled.
    """

    name, version, prior = "cnn", "1", "none"
    summary = "two 3×3 convolutions and a linear layer"
    reference = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, appendix D"
    Config = CNNConfig
    config: CNNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 8},
        "full": {"channels": 32, "batch_size": 128},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not an image."""
        if problem.kind != "image" or len(problem.input_shape) != 3:
            return f"cnn reads images [channels, height, width], not {problem.kind} data"
        return None

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, height, width] -> [n, *output_shape]."""
        if reason := self.accepts(problem):
            raise InputError(reason)
        colours, height, width = problem.input_shape
        hidden = self.config.channels
        return nn.Sequential(
            nn.Conv2d(colours, hidden, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(hidden * height * width, problem.output_size),
            nn.Unflatten(1, problem.output_shape),
        )

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return Adam with a cosine, the best of the validation split kept."""
        return Recipe(
            learning_rate=self.config.learning_rate,
            batch_size=self.config.batch_size,
            selection="best-valid",
        )

"""A group convolutional network over the rotations by multiples of 2π/N."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import nn

from symbench import Model, Prior, Problem
from symbench.groups import Rescaled, value_range
from symbench_discovery.groupconv import RotationInvariantNet
from symbench_discovery.shapes import is_classification


@dataclass(frozen=True)
class SteerableConfig:
    """``channels`` functions on the rotations by multiples of 2π / ``orientations``."""

    channels: int = 12
    orientations: int = 4
    learning_rate: float = 1e-2
    batch_size: int = 64


@final
class SteerableCNN(Model):
    """A C_N group convolutional network: it is told that images may be rotated in the plane.

    It uses the regular representation with N = 4, because quarter turns of 3 × 3 filters are
    exact, while eighth turns would need interpolation. An invariant classifier does not need the
    steerable bases of other kernels and representations, as in escnn. The rotations are those of
    the pixel grid as given, so the prior is wrong on scrambled pixels.
    """

    name, version = "steerable-cnn", "1"
    prior: ClassVar[Prior] = "told"
    summary = "group convolutions over C4, invariant to quarter turns of the image"
    reference = "Cohen and Welling 2016, Group equivariant convolutional networks"
    Config = SteerableConfig
    config: SteerableConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 4},
        "quick": {"channels": 8},  # about as many parameters as the compared CNNs
        "full": {"channels": 24, "batch_size": 128},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a square image to classify."""
        if is_classification(problem) and problem.input_shape[1] == problem.input_shape[2] >= 4:
            return None
        return "steerable-cnn classifies square images of at least 4 × 4 pixels"

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, side, side] -> [n, classes]."""
        config = self.config
        net = RotationInvariantNet(
            problem.input_shape[0], problem.output_size, config.channels, config.orientations
        )
        return Rescaled(net, inputs=value_range)

"""Relaxed group convolutions: filters that may differ between orientations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Model, Prior, Problem
from symbench.groups import Rescaled, value_range
from symbench_discovery.groupconv import GroupConvolution, Lifting, RotationInvariantNet
from symbench_discovery.shapes import is_classification
from symbench_discovery.steerable import SteerableConfig


class _Relaxed(nn.Module):
    """Filters Σ_l (1 + s δ_l(r)) r·ψ_l / √L at orientation r, instead of r·ψ.

    δ starts at zero, where the layer is equivariant, and s is the width of its prior.
    """

    def __init__(
        self, inputs: int, outputs: int, orientations: int, *, banks: int, free: float
    ) -> None:
        super().__init__(inputs, banks * outputs, orientations)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.delta = nn.Parameter(torch.zeros(banks, orientations))
        self._free = free

    def filters(self) -> Tensor:
        """Return the weighted sum of the banks of filters."""
        banks = super().filters()  # type: ignore[misc]
        weight = (1 + self._free * self.delta) / len(self.delta) ** 0.5
        total: Tensor = torch.einsum(
            "lr,lorip->orip", weight, banks.unflatten(0, (len(weight), -1))
        )
        return total


class RelaxedLifting(_Relaxed, Lifting):
    """``Lifting`` with relaxed weights."""


class RelaxedConvolution(_Relaxed, GroupConvolution):
    """``GroupConvolution`` with relaxed weights."""


@dataclass(frozen=True)
class RelaxedConfig(SteerableConfig):
    """``banks`` of filters per layer, and the width ``free`` of the prior on their differences."""

    banks: int = 2
    free: float = 1.0
    declined: bool = False


@final
class SteerableRelaxed(Model):
    """``steerable-cnn`` whose filters may differ between orientations (relaxed weights).

    Each filter is a combination of turned filters, with weights that may depend on the orientation.
    With equal weights the network is invariant. The published networks penalise differences; here
    the weights start equal and their differences are scaled by ``free``.
    """

    name, version = "steerable-relaxed", "1"
    prior: ClassVar[Prior] = "told"
    summary = "group convolutions over C4 whose filters may differ between orientations"
    reference = "Wang, Walters, Yu 2022, Approximately equivariant networks (arXiv:2201.11969)"
    Config = RelaxedConfig
    config: RelaxedConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 4},
        "quick": {"channels": 8, "declined": True},
        "standard": {"channels": 8},
        "full": {"channels": 24, "batch_size": 128},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a square image to classify."""
        if self.config.declined:
            return f"{self.name} is a twin of steerable-cnn: use the tier standard or full"
        if is_classification(problem) and problem.input_shape[1] == problem.input_shape[2] >= 4:
            return None
        return f"{self.name} classifies square images of at least 4 × 4 pixels"

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, side, side] -> [n, classes]."""
        config = self.config
        layers = (
            partial(RelaxedLifting, banks=config.banks, free=config.free),
            partial(RelaxedConvolution, banks=config.banks, free=config.free),
        )
        net = RotationInvariantNet(
            problem.input_shape[0],
            problem.output_size,
            config.channels,
            config.orientations,
            layers,
        )
        return Rescaled(net, inputs=value_range)

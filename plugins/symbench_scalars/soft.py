"""Scalars with a free perceptron beside them, which may leave the symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, final

from torch import Tensor, nn

from symbench import Problem
from symbench.groups import Representation
from symbench_scalars.bodies import zeroed
from symbench_scalars.layers import perceptron
from symbench_scalars.models import Scalars, ScalarsConfig
from symbench_scalars.networks import ScalarNetwork
from symbench_scalars.signature import Signature, reason


class Residual(nn.Module):
    """net(x) + s free(x), with a perceptron ``free`` on the coordinates that starts at zero."""

    def __init__(self, net: nn.Module, free: nn.Module, scale: float) -> None:
        super().__init__()
        self.net, self.free = net, free
        self._scale = scale

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate ``net``."""
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            calibrate(x, y)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs] of x [n, inputs]."""
        return cast(Tensor, self.net(x) + self._scale * self.free(x))


@dataclass(frozen=True)
class SoftScalarsConfig(ScalarsConfig):
    """``free_depth`` free layers of ``free_width`` units; ``free`` is the width of their prior."""

    free_width: int = 64
    free_depth: int = 2
    free: float = 0.3


@final
class SoftScalars(Scalars):
    """``scalars`` plus a small perceptron on the coordinates, which may leave the symmetry.

    The perceptron starts at zero and is scaled down, which is a narrow prior on it (a residual
    pathway prior of the whole network instead of each layer).
    """

    name, version, prior = "soft-scalars", "1", "told"
    summary = "scalars plus a small free perceptron, by a residual pathway prior"
    reference = (
        "Finzi, Benton, Wilson 2021, Residual pathway priors (arXiv:2112.01388); "
        "Villar et al. 2021 (Scalars are universal)"
    )
    Config = SoftScalarsConfig
    config: SoftScalarsConfig

    def accepts(self, problem: Problem) -> str | None:
        """Return why the problem cannot be read, or None."""
        if self.config.translation:
            return "a free perceptron reads positions: translation=True has no effect on it"
        return reason(problem)

    def _inputs(self, law: Signature) -> Representation:
        return law.inputs

    def _network(self, law: Signature) -> nn.Module:
        config = self.config
        widths = [config.free_width] * config.free_depth
        free = perceptron(law.inputs.size, widths, law.outputs.size, nn.SiLU)
        zeroed(cast(nn.Linear, cast(nn.Sequential, free)[-1]))
        return Residual(ScalarNetwork(law, config.width, config.depth), free, config.free)

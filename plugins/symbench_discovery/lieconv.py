"""LieConv on images, whose pixels are points of the plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Model, Prior, Problem
from symbench.groups import Rescaled, value_range
from symbench_discovery.liegroup import logarithms, window
from symbench_discovery.shapes import is_classification

_FREQUENCY = 3.0  # of the kernel's sine units; a SiLU perceptron is too flat on the unit ball
_MIDDLE = 16  # outputs of the kernel perceptron, before the linear mixing
_RADIUS = 2.3  # of a neighbourhood, in spacings of the finer grid: about 16 positions


class _Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


def _kernel() -> nn.Module:
    """Return a perceptron of logarithms [..., 3] -> [..., m] that varies from the start."""
    first, last = nn.Linear(3, 32), nn.Linear(32, _MIDDLE)
    nn.init.normal_(first.weight, std=_FREQUENCY)
    nn.init.uniform_(first.bias, -3.0, 3.0)
    nn.init.uniform_(last.weight, -0.3, 0.3)
    return nn.Sequential(first, _Sine(), last)


class LieConvolution(nn.Module):
    """h(u) = mean over v near u of k(log u⁻¹v) f(v), k a perceptron of the logarithm.

    [n, K · inputs, fine, fine] -> [n, K · outputs, coarse, coarse] for K turns. Images are the
    same at every turn, so they only need ``inputs`` channels (``lifted``). The kernel's matrices
    are factored as in the released code: the perceptron's m outputs multiply the features, then
    one linear map mixes the products. The first units are sines. Layer normalisation replaces the
    batch normalisation of the released code.

    log u⁻¹v depends only on the position of v relative to u and on both turns. The kernel is
    therefore evaluated once for each of these, and the layer is a strided convolution, divided by
    the number of neighbours inside the image.
    """

    logarithm: Tensor
    near: Tensor
    share: Tensor

    def __init__(
        self, grids: tuple[int, int], turns: int, inputs: int, outputs: int, *, lifted: bool
    ) -> None:
        super().__init__()
        about = window(*grids, _RADIUS)
        near = (about.steps.norm(dim=1) <= _RADIUS).double()
        ones = torch.ones(1, 1, grids[0], grids[0], dtype=torch.float64)
        self._side, self._stride, self._padding = about.side, about.stride, about.padding
        count = self._correlated(ones, near.view(1, 1, about.side, about.side))[0, 0]
        self.register_buffer("logarithm", logarithms(about.steps / _RADIUS, turns).float())
        self.register_buffer("near", near.float())
        self.register_buffer("share", (1 / (turns * count)).float())
        self.kernel = _kernel()
        self.mix = nn.Linear(_MIDDLE * inputs, outputs)
        self.norm = nn.LayerNorm(outputs)
        self._turns, self._outputs, self._lifted = turns, outputs, lifted

    def filters(self) -> Tensor:
        """Return [K · outputs, K · inputs, side, side]; for images, summed over the turns of v."""
        kernel = self.kernel(self.logarithm) * self.near[:, None, None]
        if self._lifted:
            kernel = kernel.sum(2, keepdim=True)
        mix = self.mix.weight.view(self._outputs, _MIDDLE, -1)
        each = torch.einsum("jqkm,omi->jokiq", kernel, mix)
        filters: Tensor = each.reshape(-1, each.shape[2] * each.shape[3], self._side, self._side)
        return filters

    def forward(self, f: Tensor) -> Tensor:
        """Return h on the coarse grid."""
        means = self._correlated(f, self.filters()) * self.share
        h = means.unflatten(1, (self._turns, self._outputs)).movedim(2, -1) + self.mix.bias
        normal: Tensor = self.norm(h)
        return normal.movedim(-1, 2).flatten(1, 2)

    def _correlated(self, f: Tensor, filters: Tensor) -> Tensor:
        y: Tensor = functional.conv2d(f, filters, stride=self._stride, padding=self._padding)
        return y


class LieConvNet(nn.Module):
    """Two LieConv layers on ever coarser grids, a mean over the group, and a perceptron."""

    def __init__(self, colours: int, side: int, classes: int, channels: int, turns: int) -> None:
        super().__init__()
        half, quarter = max(2, side // 2), max(2, side // 4)
        self.fine = LieConvolution((side, half), turns, colours, channels, lifted=True)
        self.coarse = LieConvolution((half, quarter), turns, channels, 2 * channels, lifted=False)
        self.head = nn.Sequential(
            nn.Linear(2 * channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, classes)
        )
        self._turns = turns

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, classes] of images [n, colours, side, side]."""
        f = functional.silu(self.fine(x))
        f = functional.silu(self.coarse(f))
        logits: Tensor = self.head(f.unflatten(1, (self._turns, -1)).mean((1, 3, 4)))
        return logits


@dataclass(frozen=True)
class LieConvConfig:
    """``group`` SE(2) lifts every pixel to ``turns`` group elements, T(2) to one."""

    group: Literal["SE(2)", "T(2)"] = "SE(2)"
    turns: int = 4
    channels: int = 16
    learning_rate: float = 1e-2
    batch_size: int = 64


@final
class LieConv(Model):
    """LieConv of SO(2) ⋉ T(2): it is told that images may be translated and rotated.

    The published layer draws the lifts of a pixel and its neighbours at random. Here they are the
    turns by 2πj/K and all positions in a disk. The network is therefore a deterministic function,
    and exactly invariant under quarter turns if K is a multiple of 4. The layers compute features
    at 1/4 and 1/16 of the positions. On scrambled pixels, which are placed in the plane as given,
    the prior is wrong; the published comparison was meant to show this.
    """

    name, version = "lieconv", "1"
    prior: ClassVar[Prior] = "told"
    summary = "LieConv over the roto-translations of the pixel plane"
    reference = "Finzi et al. 2020, Generalizing CNNs for Lie groups on arbitrary continuous data"
    Config = LieConvConfig
    config: LieConvConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 8},
        "full": {"channels": 32, "batch_size": 128},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a square image to classify."""
        square = is_classification(problem) and problem.input_shape[1] == problem.input_shape[2]
        if square and 4 <= problem.input_shape[1] <= 32:
            return None
        return "lieconv classifies square images of 4 × 4 to 32 × 32 pixels"

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, side, side] -> [n, classes]."""
        turns = self.config.turns if self.config.group == "SE(2)" else 1
        colours, side, _ = problem.input_shape
        net = LieConvNet(colours, side, problem.output_size, self.config.channels, turns)
        return Rescaled(net, inputs=value_range)

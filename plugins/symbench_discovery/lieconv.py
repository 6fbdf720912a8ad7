"""LieConv on the pixels as points of the plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError, Model, Problem, Recipe
from symbench.contract import Prior
from symbench_discovery.liegroup import Elements, grid, neighbours
from symbench_discovery.shapes import is_classification

_FREQUENCY = 3.0  # of the kernel's first units: a perceptron of SiLU is flat on the unit ball
_MIDDLE = 16  # products of kernel and features before they are mixed


class _Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sin()


def _kernel() -> nn.Module:
    """Return a perceptron of logarithms [..., 3] -> [..., m] that starts as a varied function."""
    first, last = nn.Linear(3, 32), nn.Linear(32, _MIDDLE)
    nn.init.normal_(first.weight, std=_FREQUENCY)
    nn.init.uniform_(first.bias, -3.0, 3.0)
    nn.init.uniform_(last.weight, -0.3, 0.3)
    return nn.Sequential(first, _Sine(), last)


class LieConvolution(nn.Module):
    """h(u) = mean over v near u of k(log u⁻¹v) f(v), k a perceptron of the logarithm.

    [n, sources, inputs] -> [n, centres, outputs]. The kernel's matrices are factored, as in the
    released code: m numbers of the logarithm times the features, then one linear map. Its first
    units are sines; layer normalisation stands where the released code has batch normalisation.
    """

    at: Tensor
    logarithm: Tensor
    share: Tensor

    def __init__(
        self, centres: Elements, sources: Elements, radius: float, inputs: int, outputs: int
    ) -> None:
        super().__init__()
        near = neighbours(centres, sources, radius)
        self.register_buffer("at", near.at)
        self.register_buffer("logarithm", near.logarithm.float())
        share = near.real.double() / near.real.sum(1, keepdim=True)
        self.register_buffer("share", share.float())
        self.kernel = _kernel()
        self.mix = nn.Linear(_MIDDLE * inputs, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, f: Tensor) -> Tensor:
        """Return h at the centres."""
        kernel = self.kernel(self.logarithm) * self.share[:, :, None]
        products = torch.einsum("nubi,ubk->nuki", f[:, self.at], kernel)
        h: Tensor = self.norm(self.mix(products.flatten(2)))
        return h


class LieConvNet(nn.Module):
    """Two LieConv layers, each on fewer places, and their mean over the group."""

    def __init__(self, colours: int, side: int, classes: int, channels: int, turns: int) -> None:
        super().__init__()
        places = [side, max(2, side // 2), max(2, side // 4)]
        levels = [grid(side, points, turns) for points in places]
        widths = [colours, channels, 2 * channels]
        self.layers = nn.ModuleList(
            LieConvolution(new, old, 2.3 * side / fine, inputs, outputs)
            for new, old, fine, inputs, outputs in zip(
                levels[1:], levels[:-1], places[:-1], widths[:-1], widths[1:], strict=True
            )
        )
        self.head = nn.Sequential(
            nn.Linear(2 * channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, classes)
        )
        self._turns = turns

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, classes] of images [n, colours, side, side]."""
        f = x.flatten(2).mT.repeat_interleave(self._turns, dim=1)
        for layer in self.layers:
            f = functional.silu(layer(f))
        logits: Tensor = self.head(f.mean(1))
        return logits


@dataclass(frozen=True)
class LieConvConfig:
    """``group`` SE(2) lifts every pixel to ``turns`` elements; T(2) leaves it one."""

    group: Literal["SE(2)", "T(2)"] = "SE(2)"
    turns: int = 4
    channels: int = 16
    learning_rate: float = 1e-2
    batch_size: int = 64


@final
class LieConv(Model):
    """LieConv of SO(2) ⋉ T(2): told that pixels are points of a plane that may move and turn.

    The published layer draws the lifts of a pixel and the neighbours at random; here they are the
    turns by 2πj/K and all places in a disk, so that the network is the same function at every
    call, and exactly invariant under quarter turns if K is a multiple of 4. The layers stand on
    1/4 and 1/16 of the places. Scrambled pixels are put in the plane as they come: there the
    prior is wrong, which is what the published comparison meant to show.
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

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a square image to classify."""
        square = is_classification(problem) and problem.input_shape[1] == problem.input_shape[2]
        if square and 4 <= problem.input_shape[1] <= 32:
            return None
        return "lieconv classifies square images of 4 × 4 to 32 × 32 pixels"

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, side, side] -> [n, classes]."""
        if reason := self.accepts(problem):
            raise InputError(reason)
        turns = self.config.turns if self.config.group == "SE(2)" else 1
        colours, side, _ = problem.input_shape
        return LieConvNet(colours, side, problem.output_size, self.config.channels, turns)

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return Adam with a cosine, the best of the validation split kept."""
        return Recipe(
            learning_rate=self.config.learning_rate,
            batch_size=self.config.batch_size,
            selection="best-valid",
        )

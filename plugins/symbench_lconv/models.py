"""L-conv networks that classify images or map them to images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import Tensor, nn

from symbench import Model, Prior, Problem, Recipe
from symbench.groups import Rescaled, value_range
from symbench_lconv.grid import grid_edges, propagation
from symbench_lconv.layers import (
    DenseGenerators,
    Generators,
    LConvLayer,
    LowRankGenerators,
    OnImages,
    ResidualLConv,
)

_PAPER = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv"
_EPOCHS = 20  # after each of which the released code multiplies the learning rate by 0.7


@dataclass(frozen=True)
class LConvConfig:
    """Layers of ``hidden`` channels and ``generators`` operators of rank ``rank`` (0: dense).

    None means 8 generators of rank 8 in classification, and one dense generator in a map from
    images to images. ``factorised`` sets W_k = W_0 ε_k. ``learning_rate`` and ``batch_size`` are
    those of classification.
    """

    generators: int | None = None
    rank: int | None = None
    hidden: int = 32
    factorised: bool = False
    learning_rate: float = 3e-3
    batch_size: int = 64


def _maps_images(problem: Problem) -> bool:
    return problem.loss == "mse" and problem.input_shape == problem.output_shape


class _Images(Model):
    """A network of L-conv layers on images.

    Classification reads pixels in units of their range, which is 1 for published images. Maps from
    images to images are linear, and so the same in all units.
    """

    version = "1"
    reference = f"{_PAPER}, eq. 22 and appendix D"
    Config = LConvConfig
    config: LConvConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"hidden": 8},
        "full": {"batch_size": 128},
    }
    depth: ClassVar[int] = 1
    learned: ClassVar[bool] = True
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but classification of images and maps from images to images."""
        if problem.kind != "image" or len(problem.input_shape) != 3:
            return f"{self.name} reads images [channels, height, width], not {problem.kind} data"
        if problem.loss != "cross-entropy" and not _maps_images(problem):
            return f"{self.name} classifies images or maps them to images of the same shape"
        return None

    def operators(self, problem: Problem) -> Generators:
        """Return the generators of one layer."""
        maps, config = _maps_images(problem), self.config
        pixels = problem.input_size // problem.input_shape[0]
        count = config.generators or (1 if maps else 8)
        rank = config.rank if config.rank is not None else (0 if maps else 8)
        if rank:
            return LowRankGenerators(pixels, count, rank, learned=self.learned)
        return DenseGenerators.random(pixels, count, learned=self.learned)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, height, width] -> [n, *output_shape]."""
        channels, height, width = problem.input_shape
        layers: list[nn.Module] = []
        if _maps_images(problem):
            layers = [ResidualLConv(self.operators(problem), channels) for _ in range(self.depth)]
            return OnImages(nn.Sequential(*layers), problem.output_shape)
        for _ in range(self.depth):
            factorised, hidden = self.config.factorised, self.config.hidden
            layer = LConvLayer(self.operators(problem), channels, hidden, factorised=factorised)
            layers += [layer, nn.ReLU()]
            channels = hidden
        head = nn.Linear(channels * height * width, problem.output_size)
        net = OnImages(nn.Sequential(*layers, nn.Flatten(), head), problem.output_shape)
        return Rescaled(net, inputs=value_range)

    def recipe(self, problem: Problem) -> Recipe:
        """Return the released code's Adam for maps, or Adam with a cosine for classification."""
        if _maps_images(problem):
            return Recipe(
                learning_rate=1e-2, batch_size=32, schedule="exponential", final=0.7**_EPOCHS
            )
        return super().recipe(problem)


class _Discovering(_Images):
    """A network that learns and reports its generators."""

    prior: ClassVar[Prior] = "discovers"
    parametrisation = "linear"

    def generators(self, module: nn.Module) -> Tensor:
        """Return the generators [k, d, d] of the first layer, which acts on the input pixels."""
        first = next(m for m in module.modules() if isinstance(m, Generators))
        return first.matrices().detach()


@final
class LConv(_Discovering):
    """One L-conv layer with learned generators.

    In classification, ReLU and a linear layer on all pixels and channels follow. Maps from images
    to images are y = x + w L x with one dense L, as in the paper's experiment on a fixed angle.
    """

    name = "lconv"
    summary = "one L-conv layer whose generators are learned"


@final
class LConv2(_Discovering):
    """``lconv`` with two layers, each with its own generators."""

    name = "lconv-2layer"
    summary = "two L-conv layers, generators learned"
    depth = 2

    def accepts(self, problem: Problem) -> str | None:
        """Decline all but classification of images."""
        reason = super().accepts(problem)
        if reason is None and problem.loss != "cross-entropy":
            return f"{self.name} only classifies images; use {LConv.name} for maps to images"
        return reason


@final
class RandomLConv(_Images):
    """``lconv`` with fixed random generators, to show what learning the generators adds."""

    name = "lconv-random"
    prior = "none"
    summary = "lconv with frozen random generators"
    learned = False


@final
class GCN(_Images):
    """A graph convolution as a special case of L-conv, with the propagation on the pixel grid.

    Nothing is discovered: the neighbours are given, as in a convolution. They are wrong if the
    pixels are scrambled.
    """

    name = "lconv-gcn"
    prior = "none"
    summary = "L-conv whose generator is the propagation on the pixel grid"
    reference = f"{_PAPER}, section 3; Kipf and Welling 2017"

    def operators(self, problem: Problem) -> Generators:
        """Return D^(-1/2) (A + 1) D^(-1/2) of the 4-neighbour grid, frozen."""
        height, width = problem.input_shape[1:]
        L = propagation(grid_edges(height, width), height * width)
        return DenseGenerators(L.float()[None], learned=False)

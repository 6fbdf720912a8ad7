"""Networks for images without a symmetry prior: convolutional and fully connected."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import nn

from symbench import Model, Problem
from symbench.groups import Rescaled, value_range

_PAPER = "Dehmamy et al. 2021, Automatic Symmetry Discovery with L-conv, appendix D"


def _not_an_image(name: str, problem: Problem) -> str | None:
    if problem.kind == "image" and len(problem.input_shape) == 3:
        return None
    return f"{name} reads images [channels, height, width], not {problem.kind} data"


@dataclass(frozen=True)
class CNNConfig:
    """``depth`` 3×3 convolutions of ``channels`` channels each."""

    channels: int = 16
    depth: int = 2
    learning_rate: float = 3e-3
    batch_size: int = 64


class _Convolutional(Model):
    """3×3 convolutions with SiLU, then a linear layer on all pixels and channels.

    Pixels are read in units of their range, which is 1 for published images, and regression
    targets in units of their root mean square.
    """

    version = "2"
    reference = _PAPER
    Config = CNNConfig
    config: CNNConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"channels": 8},
        "full": {"channels": 32, "batch_size": 128},
    }
    pools: ClassVar[bool] = False
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not an image."""
        return _not_an_image(self.name, problem)

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, height, width] -> [n, *output_shape]."""
        channels, height, width = problem.input_shape
        layers: list[nn.Module] = []
        for _ in range(self.config.depth):
            layers += [nn.Conv2d(channels, self.config.channels, 3, padding=1), nn.SiLU()]
            channels = self.config.channels
            if self.pools:
                pool = min(2, height), min(2, width)  # a 1-D signal has one row
                layers.append(nn.MaxPool2d(pool, stride=1))
                height, width = height + 1 - pool[0], width + 1 - pool[1]
        net = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(channels * height * width, problem.output_size),
            nn.Unflatten(1, problem.output_shape),
        )
        return Rescaled(net, inputs=value_range)


@final
class CNN(_Convolutional):
    """Two 3×3 convolutions with SiLU, then a linear layer on all pixels and channels.

    No pooling, normalisation or dropout, like the network that Dehmamy et al. (2021, appendix D)
    compare with L-conv. It knows which pixels are neighbours, unless the pixels are scrambled.
    """

    name, prior = "cnn", "none"
    summary = "two 3×3 convolutions and a linear layer"


@final
class CNNMaxPool(_Convolutional):
    """``cnn`` with 2×2 max pooling after each convolution, stride 1 as in the paper.

    Each pooling shrinks the image by one row and one column.
    """

    name, prior = "cnn-maxpool", "none"
    summary = "cnn with 2×2 max pooling, stride 1"
    pools = True


@dataclass(frozen=True)
class FCConfig:
    """Sizes of the L-conv layer that the network is compared with.

    The layer has K = ``generators`` generators of rank h = ``rank``, and F = ``hidden`` channels.
    The defaults are those of the released code: K = 8 (its kernel size of 9 counts the identity),
    h = 8 and F = 32.
    """

    generators: int = 8
    rank: int = 8
    hidden: int = 32
    learning_rate: float = 1e-3
    batch_size: int = 64


@dataclass(frozen=True)
class FCLConvConfig(FCConfig):
    """The same sizes, for ``depth`` layers."""

    depth: int = 1


def lconv_parameters(problem: Problem, config: FCConfig) -> int:
    """Return the number of parameters of one low-rank L-conv layer and its linear head.

    2 K d h + (K + 1)(c F + F) + (d F + 1) p for c channels of d pixels and p outputs.
    """
    channels, height, width = problem.input_shape
    pixels, hidden = height * width, config.hidden
    operators = 2 * config.generators * pixels * config.rank
    mixing = (config.generators + 1) * (channels * hidden + hidden)
    return operators + mixing + (pixels * hidden + 1) * problem.output_size


class _FullyConnected(Model):
    """Hidden layers of ReLU units on all pixels and channels, then the classes.

    Pixels are read in units of their range, which is 1 for published images.
    """

    version = "1"
    reference = _PAPER
    Config = FCConfig
    config: FCConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smoke": {"hidden": 8},
        "full": {"batch_size": 128},
    }
    selection = "best-valid"

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a classification of images."""
        if reason := _not_an_image(self.name, problem):
            return reason
        if problem.loss != "cross-entropy":
            return f"{self.name} only classifies images, like the L-conv network that sets its size"
        return None

    @abstractmethod
    def widths(self, problem: Problem) -> list[int]:
        """Return the number of units of each hidden layer."""

    def build(self, problem: Problem) -> nn.Module:
        """Return the network [n, channels, height, width] -> [n, *output_shape]."""
        size, layers = problem.input_size, list[nn.Module]([nn.Flatten()])
        for width in self.widths(problem):
            layers += [nn.Linear(size, width), nn.ReLU()]
            size = width
        head = nn.Linear(size, problem.output_size)
        net = nn.Sequential(*layers, head, nn.Unflatten(1, problem.output_shape))
        return Rescaled(net, inputs=value_range)


@final
class FCLConv(_FullyConnected):
    """Dense layers of the shape of L-conv's factors: K h units, then d F units, then the classes.

    Weights that L-conv ties are free here. The U_k and V_k of L-conv act on each channel alike;
    these weights mix all pixels and channels. For images of c channels, the layers before the head
    have about (c + F)/2 times the parameters of L-conv.
    """

    name, prior = "fc-lconv", "none"
    summary = "dense layers as wide as L-conv's low-rank factors"
    Config = FCLConvConfig
    config: FCLConvConfig

    def widths(self, problem: Problem) -> list[int]:
        """Return K h and d F, ``depth`` times."""
        config, (_, height, width) = self.config, problem.input_shape
        block = [config.generators * config.rank, height * width * config.hidden]
        return block * config.depth


@final
class FCShallow(_FullyConnected):
    """One hidden layer, with as many parameters as L-conv and its head.

    The number of units is the number of L-conv's parameters divided by inputs + classes, rounded.
    This leaves out the biases: on CIFAR-100 there are 1,075 units and 3.411 M parameters, against
    3.409 M in L-conv.
    """

    name, prior = "fc-shallow", "none"
    summary = "one hidden layer with as many parameters as L-conv"

    def widths(self, problem: Problem) -> list[int]:
        """Return the number of units of the one hidden layer."""
        ends = problem.input_size + problem.output_size
        return [max(1, round(lconv_parameters(problem, self.config) / ends))]

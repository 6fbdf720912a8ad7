"""Augerino: learned ranges of affine augmentations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, Model, Prior, Problem, Recipe
from symbench_discovery.affine import NAMES, pixel_operators, sampling, warped
from symbench_discovery.shapes import is_classification, is_pair
from symbench_discovery.training import TaskLoss, batch, descend

_AT_ONCE = 128  # images per chunk, so that the hidden layers fit the processor cache
_OPEN = 0.3  # fraction of the largest width below which a width is not reported as a symmetry


class AugmentedNet(nn.Module):
    """The mean of a network over random affine motions of its input, with learned widths s.

    The coefficient u_i is uniform in ±s_i / 2. In training, each example is moved once. In
    evaluation the outputs for ``copies`` fixed motions are averaged, as log-probabilities in
    classification and unchanged in regression. These motions are drawn when the module is built.
    """

    draws: Tensor

    def __init__(self, backbone: nn.Module, *, width: float, copies: int, classes: bool) -> None:
        super().__init__()
        self.backbone = backbone
        start = torch.tensor(width, dtype=torch.float64).expm1().log()
        self.raw = nn.Parameter(start.float().repeat(len(NAMES)))
        self.register_buffer("draws", torch.rand(copies, len(NAMES)) - 0.5)
        self.start = width
        self._classes = classes
        self.grid: tuple[int, ...] = ()

    def widths(self) -> Tensor:
        """Return s = softplus(raw) [6], in the order of the affine generators' names."""
        return functional.softplus(self.raw)

    def moved_once(self, x: Tensor, uniform: Tensor) -> Tensor:
        """Return the network's output for each example moved by s · ``uniform`` [n, 6]."""
        y: Tensor = self.backbone(warped(x, self.widths() * uniform))
        return y

    def forward(self, x: Tensor) -> Tensor:
        """Return the average over the fixed motions, [n, *output_shape]."""
        operators = sampling(self.widths() * self.draws, *x.shape[2:])
        return torch.cat([self._average(operators, some) for some in torch.split(x, _AT_ONCE)])

    def _average(self, operators: Tensor, x: Tensor) -> Tensor:
        copies = []
        for operator in operators:
            y = self.backbone((x.flatten(2) @ operator.mT).view(x.shape))
            copies.append(y.log_softmax(1) if self._classes else y)
        return torch.stack(copies).mean(0)


@dataclass(frozen=True)
class AugerinoConfig:
    """``regulariser`` weighs the reward for the norm of the widths, which all start at ``width``.

    In regression the loss is measured in units of the variance of the targets. The reward stops
    once a width reaches ``safe``. ``backbone`` names a registered model.
    """

    backbone: str = ""
    regulariser: float = 0.1
    width: float = 0.4
    safe: float = 10.0
    copies: int = 4
    width_rate: float = 2e-2
    learning_rate: float = 3e-3
    batch_size: int = 64


@final
class Augerino(Model):
    """Widths of six affine augmentations, learned with the network from only the training loss.

    Loss = task loss - λ ‖s‖, without the reward once a width reaches ``safe``. The released
    experiments start with a wide rotation and all other widths near zero. Here all six start
    equally small, so that the initial values favour none of them. Both images of a pair move
    together. The motions act on the pixel grid as given, so Augerino cannot discover a symmetry of
    scrambled pixels. It reports the generators whose widths are at least 0.3 times the largest
    and have grown since the start; there may be none.
    """

    name, version = "augerino", "1"
    prior: ClassVar[Prior] = "discovers"
    summary = "learned widths of six affine augmentations of the image"
    reference = "Benton et al. 2020, Learning invariances in neural networks"
    Config = AugerinoConfig
    config: AugerinoConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"copies": 2}}

    @property
    def backbones(self) -> tuple[str, ...]:
        """Names of the backbones: that of the configuration, or those for images and pairs."""
        return (self.config.backbone,) if self.config.backbone else ("cnn", "mlp")

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither images to classify nor the angle between two images."""
        if not (is_classification(problem) or is_pair(problem)):
            return "augerino only learns invariances of image classification and of image pairs"
        flat = min(problem.input_shape[1:]) < 3
        return "augerino moves images of at least 3 × 3 pixels, not signals" if flat else None

    def build(self, problem: Problem) -> AugmentedNet:
        """Return the untrained network [n, *input_shape] -> [n, *output_shape]."""
        classes = is_classification(problem)
        backbone = problem.backbone(self.config.backbone or ("cnn" if classes else "mlp"))
        return AugmentedNet(
            backbone, width=self.config.width, copies=self.config.copies, classes=classes
        )

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the network, with widths and weights trained together."""
        config = self.config
        net = self.build(problem).to(context.device)
        if callable(calibrate := getattr(net.backbone, "calibrate", None)):
            calibrate(data.x, data.y)
        error = TaskLoss.of(problem, data.y)

        def loss(step: int) -> Tensor:  # noqa: ARG001
            some = batch(data, config.batch_size, context)
            uniform = torch.rand(len(some), len(NAMES), generator=context.generator) - 0.5
            fit = error(net.moved_once(some.x, uniform.to(some.x)), some.y)
            widths = net.widths()
            rewarded = (widths.detach().max() < config.safe).to(widths)
            total: Tensor = fit - config.regulariser * rewarded * widths.norm()
            return total

        groups = [(net.backbone.parameters(), config.learning_rate), ([net.raw], config.width_rate)]
        descend(groups, loss, context.updates)
        net.grid = problem.input_shape[1:]
        return net

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return width times operator [k, d, d] of each reported generator; k may be 0."""
        if not isinstance(module, AugmentedNet) or len(module.grid) != 2:
            return None
        widths = module.widths().detach().double().cpu()
        chosen = (widths >= _OPEN * widths.max()) & (widths > module.start)
        operators = pixel_operators(module.grid[0], module.grid[1])
        scaled: Tensor = widths[chosen][:, None, None] * operators[chosen]
        return scaled

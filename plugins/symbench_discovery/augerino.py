"""Augerino: how far images may be moved before the task notices."""

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
from symbench_discovery.training import batch, descend, output_variance, task_loss

_AT_ONCE = 128  # images whose hidden layers still fit the cache
_OPEN = 0.3  # of the largest width: narrower ones are not announced as symmetries


class AugmentedNet(nn.Module):
    """The mean of a network over random affine motions of its input, of learned widths s.

    u_i is uniform in ±s_i / 2. While training, each example is moved once; in evaluation ``copies``
    motions, drawn when the module was built, are averaged: log-probabilities of classes, and
    numbers as they are.
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
        """Return the network's output with each example moved by s · ``uniform`` [n, 6]."""
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
    """The loss rewards the widths' norm ``regulariser`` times; all start at ``width``.

    Regression counts its loss in units of the targets' variance. A width of ``safe`` or more ends
    the reward. ``backbone`` is a registered model.
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
    """Widths of six affine augmentations, learned with the network from the training loss alone.

    Loss = task loss - λ ‖s‖, no reward once a width reaches ``safe``. The released experiments
    start with the rotation wide open and the rest shut; here all six start alike and small, so
    that what is found was not put in. Both images of a pair move together. Motions are those of
    the pixel grid as it stands: of scrambled pixels Augerino can find no symmetry. Announced are
    widths of at least 0.3 times the largest that have grown since the start; there may be none.
    """

    name, version = "augerino", "1"
    prior: ClassVar[Prior] = "discovers"
    summary = "learned widths of six affine augmentations of the image"
    reference = "Benton et al. 2020, Learning invariances in neural networks"
    Config = AugerinoConfig
    config: AugerinoConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"copies": 2}}

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither images to classify nor the angle between two images."""
        if not (is_classification(problem) or is_pair(problem)):
            return "augerino learns invariances of images to classify, or of pairs of images"
        flat = min(problem.input_shape[1:]) < 3
        return "augerino moves images in the plane; these are lines" if flat else None

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
        """Return the network, its widths learned together with its weights."""
        config = self.config
        net = self.build(problem).to(context.device)
        if callable(calibrate := getattr(net.backbone, "calibrate", None)):
            calibrate(data.x, data.y)
        unit = output_variance(problem, data.y)

        def loss(step: int) -> Tensor:  # noqa: ARG001
            some = batch(data, config.batch_size, context)
            uniform = torch.rand(len(some), len(NAMES), generator=context.generator) - 0.5
            fit = task_loss(problem, net.moved_once(some.x, uniform.to(some.x)), some.y)
            widths = net.widths()
            rewarded = (widths.detach().max() < config.safe).to(widths)
            total: Tensor = fit / unit - config.regulariser * rewarded * widths.norm()
            return total

        groups = [(net.backbone.parameters(), config.learning_rate), ([net.raw], config.width_rate)]
        descend(groups, loss, context.updates)
        net.grid = problem.input_shape[1:]
        return net

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return width times operator [k, d, d] of each announced generator; k may be 0."""
        if not isinstance(module, AugmentedNet) or len(module.grid) != 2:
            return None
        widths = module.widths().detach().double().cpu()
        announced = (widths >= _OPEN * widths.max()) & (widths > module.start)
        operators = pixel_operators(module.grid[0], module.grid[1])
        found: Tensor = widths[announced][:, None, None] * operators[announced]
        return found

"""A generator fitted by regression: exp(θL) x₁ ≈ x₂ at known θ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Model, Prior, Problem, Recipe
from symbench.groups import (
    binary_unit,
    exp_action,
    positive_scale,
    rounding_of,
    steps_needed,
    value_range,
)
from symbench_discovery.action import nearest
from symbench_discovery.shapes import is_map, is_pair, pixels
from symbench_discovery.training import Loss, batch, descend

_LARGEST = 100  # pixels: exp(θL) of larger images needs too many matrix products
_LOOK = 25  # updates between two evaluations of the norm of L
_FIRST = 0.2  # fraction of the pairs, those of the smallest angles, that training starts with
_MARGIN = 1.2  # limit of a predicted angle, relative to the largest training angle


class FlowNet(nn.Module):
    """One generator L = M / unit [d, d], which starts at zero so that no direction is favoured.

    ``unit`` is the root mean square training angle, so that the entries of M are of order 1.
    ``pixel`` is the range of the training pixels, the unit of images.
    """

    unit: Tensor
    pixel: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.M = nn.Parameter(torch.zeros(size, size))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("pixel", torch.ones(()))
        self.steps = 1

    def generator(self) -> Tensor:
        """Return L [d, d]."""
        return self.M / self.unit


class MapFlow(FlowNet):
    """f(x) = exp(A) x for images x [n, 1, height, width]."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, 1, height, width]."""
        image = x.flatten(1)
        one = torch.ones_like(image[:, 0])
        return exp_action(self.generator(), one, image, self.steps).view_as(x)


class PairFlow(FlowNet):
    """f(x₁, x₂) = offset + gain · argmin_θ ‖exp(θL) x₁ - x₂‖², by Gauss-Newton.

    Interpolated images move less than exp(θL) predicts. The offset and the gain correct this: they
    are the least-squares line of the training angles on the minimising angles.
    """

    reach: Tensor
    line: Tensor

    def __init__(self, size: int, iterations: int) -> None:
        super().__init__(size)
        self.register_buffer("reach", torch.tensor([-1.0, 1.0]))
        self.register_buffer("line", torch.tensor([0.0, 1.0]))
        self._iterations = iterations

    def minimiser(self, x: Tensor) -> Tensor:
        """Return the minimising θ [n] for pairs x [n, 2, height, width]."""
        first, second = (x / self.pixel).flatten(2).unbind(1)
        return nearest(self.generator(), (first, second), self.steps, self.reach, self._iterations)

    def forward(self, x: Tensor) -> Tensor:
        """Return the angles [n, 1]."""
        return (self.line[0] + self.line[1] * self.minimiser(x))[:, None]

    @torch.no_grad()
    def align(self, data: Data) -> None:
        """Fit offset and gain to training pairs and their angles y [n, 1]."""
        theta = self.minimiser(data.x).double()
        angle = data.y[:, 0].double()
        centred = theta - theta.mean()
        square = centred.square().sum()
        gain = (centred * angle).sum() / square
        floor = rounding_of(theta.abs().max(), data.x.dtype)
        if not bool(gain.isfinite()) or not bool(square > floor**2 * len(theta)):
            gain = torch.zeros_like(gain)
        offset = angle.mean() - gain * theta.mean()
        self.line = torch.stack([offset, gain]).to(self.line)


@dataclass(frozen=True)
class LieFitConfig:
    """``iterations`` is the number of Gauss-Newton steps for each predicted angle."""

    iterations: int = 6
    learning_rate: float = 2e-2
    batch_size: int = 256


@final
class LieFit(Model):
    """Plain regression of one generator, the baseline that discovery should beat.

    Adam minimises ‖exp(θL) x₁ - x₂‖² + ‖exp(-θL) x₂ - x₁‖² over L. For pairs of images θ is the
    label; for maps of images θ = 1. All d² entries of L are free and start at zero. Training
    starts with the pairs of small angles, and the others join during the first 40 % of the
    updates, because with large angles the loss has wrong local minima.
    """

    name, version = "lie-fit", "2"
    prior: ClassVar[Prior] = "discovers"
    parametrisation = "exponential-return"
    summary = "one generator by regression, exp(θL) x₁ = x₂ at known angles"
    reference = "Rao and Ruderman 1999, Learning Lie groups for invariant visual perception"
    Config = LieFitConfig
    config: LieFitConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"full": {"learning_rate": 1e-2}}

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is neither a pair of images nor a map of images."""
        if not (is_pair(problem) or is_map(problem)):
            return "lie-fit needs pairs of images [2, height, width], or maps of grey images"
        d = pixels(problem)
        return f"lie-fit fits dense generators of up to {_LARGEST} pixels" if d > _LARGEST else None

    def build(self, problem: Problem) -> FlowNet:
        """Return the identity as a placeholder that ``fit`` replaces."""
        if is_pair(problem):
            return PairFlow(pixels(problem), self.config.iterations)
        return MapFlow(pixels(problem))

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - the same for every problem
        """Return the default: ``fit`` trains by itself."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the network with the generator fitted to the training data."""
        net = self.build(problem).to(context.device)
        angles = data.y[:, 0] if is_pair(problem) else torch.ones(len(data)).to(data.x)
        unit = binary_unit(angles)
        largest = float(angles.abs().max())
        found = (angles / unit).square().mean().sqrt() * unit
        net.unit = positive_scale(found, angles.abs().max(), angles.dtype)
        net.pixel = value_range(data.x)
        loss = self._loss(net, data, context, _MARGIN * largest)
        descend([([net.M], self.config.learning_rate)], loss, context.updates)
        net.steps = steps_needed(net.generator(), _MARGIN * largest)
        if isinstance(net, PairFlow):
            net.reach = _MARGIN * torch.stack(
                [angles.min().clamp_max(0), angles.max().clamp_min(0)]
            )
            net.align(data)
        return net

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the one generator [1, d, d]."""
        return module.generator().detach()[None] if isinstance(module, FlowNet) else None

    def _loss(self, net: FlowNet, data: Data, context: Context, largest: float) -> Loss:
        size = data.y.flatten(1).abs().amax(1)
        order = size.argsort() if isinstance(net, PairFlow) else torch.arange(len(data))
        inputs, targets = data.x[order] / net.pixel, data.y[order]
        if isinstance(net, MapFlow):
            targets = targets / net.pixel

        def loss(step: int) -> Tensor:
            share = min(1.0, _FIRST + 2 * step / context.updates)
            some = max(1, int(share * len(data)))
            drawn = batch(Data(inputs[:some], targets[:some]), self.config.batch_size, context)
            theta, x, y = _triple(net, drawn)
            L = net.generator()
            if step % _LOOK == 0:
                net.steps = steps_needed(L, largest)
            ahead = (exp_action(L, theta, x, net.steps) - y).square().mean()
            return ahead + (exp_action(L, -theta, y, net.steps) - x).square().mean()

        return loss


def _triple(net: FlowNet, drawn: Data) -> tuple[Tensor, Tensor, Tensor]:
    """Return θ [n] and the flat images x₁, x₂ [n, d]."""
    if isinstance(net, PairFlow):
        first, second = drawn.x.flatten(2).unbind(1)
        return drawn.y[:, 0], first, second
    x = drawn.x.flatten(1)
    return torch.ones_like(x[:, 0]), x, drawn.y.flatten(1)

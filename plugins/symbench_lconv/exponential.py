"""Discovery of a generator by reconstruction: exp(θL) x₁ ≈ x₂ at known angles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, Model, Prior, Problem
from symbench.groups import exp_action, steps_needed
from symbench_lconv.action import orbit
from symbench_lconv.network import ExponentialNet
from symbench_lconv.pairs import no_pair

Loss = Callable[[int], Tensor]

_LOOK = 50  # updates between two evaluations of the norm of the generator
_MARGIN = 1.2  # factor by which the norm may grow between two evaluations
_FIRST = 0.1  # fraction of the pairs, those of the smallest angles, that training starts with
_FLOOR = 1e-3  # fraction of the root mean square angle, below which rounding would dominate


@dataclass(frozen=True)
class ExponentialConfig:
    """A fraction ``share`` of the updates trains the generator, the rest the head.

    The generator gets at most ``most`` updates and the head at most ``most_head``. Any further
    updates of the budget are not used. ``power`` is the exponent p of the reconstruction weights
    |θ|^-p. ``metrics`` and ``width`` are sizes of the head that corrects the angle.
    """

    power: float = 2.0
    share: float = 0.4
    most: int = 4000
    most_head: int = 8000
    metrics: int = 4
    width: int = 64
    generator_rate: float = 2e-2
    head_rate: float = 3e-3
    batch_size: int = 128


class _Exponential(Model):
    """Fits L on labelled pairs, then predicts the angle of new pairs from exp(θL).

    The generator minimises the mean of ‖exp(θL) x₁ - x₂‖² / |θ|^p plus the mean of
    ‖exp(-θL) x₂ - x₁‖² / |θ|^p. If L is antisymmetric both terms are equal, and only the first is
    used. Weights with p = 2 are those of maximum likelihood for a reconstruction error proportional
    to the angle, like that of bilinear interpolation. Pairs of small angles come first, because
    their gradients point in the right direction.

    L is then fixed while the head that corrects the angle is trained on the error of the angle. The
    head is used if it lowers this error on the validation split.
    """

    version = "2"
    prior: ClassVar[Prior] = "discovers"
    reference = "Rao and Ruderman 1999; Dehmamy et al. 2021 (the task)"
    Config = ExponentialConfig
    config: ExponentialConfig
    skew: ClassVar[bool] = False
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"metrics": 1, "width": 16}}

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a pair of images with one number between them."""
        return no_pair(self.name, problem)

    def build(self, problem: Problem) -> ExponentialNet:
        """Return the untrained network [n, 2, height, width] -> [n, 1]."""
        return ExponentialNet(
            problem.input_size // 2,
            skew=self.skew,
            metrics=self.config.metrics,
            width=self.config.width,
        )

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the network trained on the pairs: first its generator, then its head."""
        data = context.rest
        net = self.build(problem)
        net.to(context.device).calibrate(data.x, data.y)
        config = self.config
        first = max(1, int(config.share * context.updates))
        rest = min(config.most_head, context.updates - first)
        first = min(config.most, first)
        with torch.enable_grad():
            reconstruction = self._reconstruction(net, data, context, first)
            _descend([net.M], reconstruction, first, config.generator_rate)
            learned = [net.P, *net.head.parameters()]
            _descend(learned, self._angle_error(net, data, context), rest, config.head_rate)
        return _better_of_both(net, context.valid)

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the one generator [1, d, d]."""
        return module.generator().detach()[None] if isinstance(module, ExponentialNet) else None

    def _reconstruction(
        self, net: ExponentialNet, data: Data, context: Context, updates: int
    ) -> Loss:
        """Return the loss of the generator as a function of the update."""
        sizes, order = data.y[:, 0].abs().sort()
        limit, steps = len(data), 1

        def loss(update: int) -> Tensor:
            nonlocal limit, steps
            L = net.generator()
            if update % _LOOK == 0:
                norm = _MARGIN * float(torch.linalg.matrix_norm(L.detach().double(), 2))
                limit = self._followed(sizes, norm, update / updates)
                steps = steps_needed(L, _MARGIN * float(sizes[limit - 1]))
            x, y, angle = self._batch(net, data, context, order[:limit])
            square = (exp_action(L, angle, x, steps) - y).square().mean(1)
            if not self.skew:
                square = square + (exp_action(L, -angle, y, steps) - x).square().mean(1)
            relative = (angle / net.unit).square() + _FLOOR**2
            weight = relative.pow(-self.config.power / 2)
            return (square * weight).mean()

        return loss

    def _followed(self, sizes: Tensor, norm: float, progress: float) -> int:
        """Return the number of pairs, ordered by angle, to train on; it grows with ``progress``.

        Pairs whose fastest mode has turned more than once are excluded, because their gradients
        are not informative.
        """
        turned_once = int((sizes * norm <= 2 * math.pi).sum())
        due = math.ceil(len(sizes) * min(1.0, _FIRST + 2 * progress))
        return min(len(sizes), max(self.config.batch_size, min(turned_once, due)))

    def _angle_error(self, net: ExponentialNet, data: Data, context: Context) -> Loss:
        L = net.generator().detach()
        everyone = torch.arange(len(data), device=data.x.device)

        def loss(update: int) -> Tensor:  # noqa: ARG001
            x, y, angle = self._batch(net, data, context, everyone)
            images = orbit(L, net.nodes, x)
            error = (net.estimate(images, y)[:, 0] - angle) / net.spread
            return error.square().mean()

        return loss

    def _batch(
        self, net: ExponentialNet, data: Data, context: Context, among: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw x₁, x₂ [b, d] in units of ``net.pixel``, and θ [b], from the pairs ``among``."""
        size = min(self.config.batch_size, len(among))
        drawn = torch.randint(len(among), (size,), generator=context.generator)
        at = among[drawn.to(among.device)]
        pairs = data.x[at].flatten(2) / net.pixel
        return pairs[:, 0], pairs[:, 1], data.y[at, 0]


def _descend(parameters: list[nn.Parameter], loss: Loss, updates: int, rate: float) -> None:
    """Take ``updates`` steps of Adam; the learning rate falls along a cosine."""
    optimiser = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, updates))
    for update in range(updates):
        optimiser.zero_grad()
        torch.autograd.backward(loss(update))
        optimiser.step()
        schedule.step()


@torch.no_grad()
def _better_of_both(net: ExponentialNet, valid: Data) -> ExponentialNet:
    errors = []
    for corrected in (False, True):
        net.corrected = corrected
        errors.append(float((net(valid.x) - valid.y).square().mean()))
    net.corrected = errors[1] < errors[0]
    return net


@final
class Exponential(_Exponential):
    """The angle between two images from exp(θL), with any L."""

    name = "lconv-exp"
    parametrisation = "exponential-return-weighted"
    summary = "angle between two images from exp(θL), L fitted to reconstruct the second"


@final
class SkewExponential(_Exponential):
    """``lconv-exp`` with an antisymmetric L = M - Mᵀ: exp(θL) preserves the norm of images."""

    name = "lconv-exp-skew"
    parametrisation = "exponential-skew-weighted"
    summary = "lconv-exp with an antisymmetric generator"
    skew = True

"""A perceptron whose equivariance penalty has a weight that follows the gradients."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, InputError, Prior, Problem, Recipe
from symbench.groups import Representation, binary_unit, positive_scale
from symbench_baselines.models import MLPConfig, ToldMLP

_POOL = 512  # elements
_LOOKS = 20  # at the validation data
_TINY = 1e-12


@dataclass(frozen=True)
class LearnedPenaltyConfig(MLPConfig):
    """The weight starts at ``penalty`` and follows the ratio of gradients with ``inertia``."""

    penalty: float = 1.0
    inertia: float = 0.9
    declined: bool = False


@final
class LearnedPenaltyMLP(ToldMLP):
    """``mlp-penalty`` with a weight that makes both terms of the loss pull equally.

    After each update the weight β of the equivariance error E moves towards ‖∇L‖ / ‖∇E‖, the ratio
    of the gradients of both terms (gradient normalisation). So no weight has to be chosen, and E
    keeps pulling where L is small.
    """

    name, version = "mlp-penalty-learned", "1"
    prior: ClassVar[Prior] = "told"
    summary = "mlp with a penalty on its equivariance error, weighted by the gradients"
    reference = "Elhag et al. 2024, REMUL (arXiv:2410.17878); Chen et al. 2018 (GradNorm)"
    Config = LearnedPenaltyConfig
    config: LearnedPenaltyConfig
    tiers: ClassVar = {
        "quick": {"declined": True},
        "standard": {},
        "full": {"width": 384, "batch_size": 500},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline a problem without a symmetry, and losses of a task's own."""
        if self.config.declined:
            return f"{self.name} is a twin of mlp-penalty: use the tier standard or full"
        if problem.loss not in ("mse", "cross-entropy"):
            return (
                f"{self.name} trains on squared errors and classes, not on the loss {problem.loss}"
            )
        return super().accepts(problem)

    def recipe(self, problem: Problem) -> Recipe:  # noqa: ARG002 - ``fit`` trains by itself
        """Return the default recipe."""
        return Recipe()

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:  # noqa: ARG002
        """Return the network of least validation loss.

        Raises:
            InputError: the problem tells no symmetry.
        """
        law, config, stream = problem.symmetry, self.config, context.generator
        if law is None:
            raise InputError(f"{self.name} needs to be told a symmetry")
        train = context.rest
        net = self.build(problem).to(context.device)
        net.calibrate(train.x, train.y)  # type: ignore[operator]
        error = _Loss.of(problem, train.y)
        pool = law.group.sample(_POOL, stream).to(train.x)
        parameters = list(net.parameters())
        optimiser = torch.optim.Adam(parameters, config.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, context.updates))
        weight = torch.tensor(config.penalty).to(train.x)
        size = min(config.batch_size, len(train))
        best = _Best(net, error, context.valid)
        for update in range(context.updates):
            at = torch.randint(len(train), (size,), generator=stream).to(train.x.device)
            g = pool[torch.randint(_POOL, (size,), generator=stream).to(pool.device)]
            x = train.x[at]
            y = net(x)
            moved = net(_moved(law.input, g, x))
            losses = error(y, train.y[at]), error.square(moved - _moved(law.output, g, y))
            slopes = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in losses]
            for p, first, second in zip(parameters, *slopes, strict=True):
                p.grad = first + weight * second
            optimiser.step()
            schedule.step()
            pull, push = (torch.cat([s.flatten() for s in slope]).norm() for slope in slopes)
            ratio = pull / push.clamp_min(_TINY)
            weight = config.inertia * weight + (1 - config.inertia) * ratio
            if update % max(1, context.updates // _LOOKS) == 0:
                best.look()
        best.look()
        best.restore()
        return net


@dataclass(frozen=True)
class _Loss:
    """The loss in units of the variance of the targets; squares are taken in ``unit``."""

    classes: bool
    unit: float
    variance: float

    @classmethod
    def of(cls, problem: Problem, y: Tensor) -> _Loss:
        if problem.loss == "cross-entropy":
            return cls(True, 1.0, 1.0)
        unit = binary_unit(y)
        z = (y / unit).double()
        scale = positive_scale((z - z.mean(0)).square().mean().sqrt(), z.abs().max(), y.dtype)
        return cls(False, float(unit), float(scale.square()))

    def __call__(self, prediction: Tensor, y: Tensor) -> Tensor:
        return (
            functional.cross_entropy(prediction, y) if self.classes else self.square(prediction - y)
        )

    def square(self, difference: Tensor) -> Tensor:
        return (difference / self.unit).square().mean() / self.variance


class _Best:
    """The parameters of least validation loss so far."""

    def __init__(self, net: nn.Module, error: _Loss, valid: Data) -> None:
        self._net, self._error, self._valid = net, error, valid
        self._least, self._state = float("inf"), deepcopy(net.state_dict())

    @torch.no_grad()
    def look(self) -> None:
        value = float(self._error(self._net(self._valid.x), self._valid.y))
        if value < self._least:
            self._least, self._state = value, deepcopy(self._net.state_dict())

    def restore(self) -> None:
        self._net.load_state_dict(self._state)


def _moved(rep: Representation, g: Tensor, values: Tensor) -> Tensor:
    """Return rho(g) v for values v [n, ...]."""
    if not rep.leaves:
        return values
    return rep.act(g, values.flatten(1)).view_as(values)

"""LieGAN: a group that preserves the distribution of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from symbench import Context, Data, InputError, Model, Prior, Problem
from symbench_discovery.adversary import Discriminator, Duel
from symbench_discovery.elements import Elements, LieSampler
from symbench_discovery.moves import Move, movement
from symbench_discovery.together import Stack, initialising
from symbench_discovery.training import TaskLoss

_AHEAD = 32  # batches that are drawn and transformed together
_LARGEST = 64  # dimensions of V or pixels, because the generators are dense


class LieGANNet(nn.Module):
    """The predictor, together with the generators that augmented its training data."""

    def __init__(self, sampler: LieSampler, backbone: nn.Module) -> None:
        super().__init__()
        self.sampler, self.backbone = sampler, backbone

    def forward(self, x: Tensor) -> Tensor:
        """Return the predictor's [n, *output_shape]."""
        y: Tensor = self.backbone(x)
        return y


@dataclass(frozen=True)
class LieGANConfig:
    """``channels`` is the number of generators; 0 means one on images and dim V on vectors.

    ``away`` and ``apart`` weigh the two regularisers, λ and η of the paper.
    """

    channels: int = 0
    away: float = 1.0
    apart: float = 0.1
    width: int = 128
    generator_rate: float = 1e-3
    discriminator_rate: float = 2e-4
    learning_rate: float = 3e-3
    adversarial_batch: int = 64
    batch_size: int = 128


@final
class LieGAN(Model):
    """Generators by generative adversarial training, then a perceptron on augmented data.

    Half of the updates train the adversaries and half the predictor. The discovered group
    transforms every second example of the predictor. LieGAN discovers a symmetry of the
    *distribution* of the data. If that distribution lacks the symmetry of the task, or has other
    symmetries as well (white noise has more than any task), LieGAN may discover another symmetry
    or none.
    """

    name, version = "liegan", "1"
    prior: ClassVar[Prior] = "discovers"
    summary = "generators by adversarial training, and a perceptron augmented with them"
    reference = "Yang, Walters, Dehmamy, Yu 2023, Generative adversarial symmetry discovery"
    Config = LieGANConfig
    config: LieGANConfig
    backbones = ("mlp",)
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        # the published rates are too small to learn anything in so few updates
        "smoke": {"generator_rate": 1e-2, "discriminator_rate": 2e-3},
        "quick": {"generator_rate": 1e-2, "discriminator_rate": 2e-3},
    }

    def accepts(self, problem: Problem) -> str | None:
        """Decline problems whose data no linear group of at most 64 dimensions can act on."""
        action = movement(problem)
        if action is None:
            return (
                "liegan needs vectors with a declared layout and a regression target, "
                "or images to map, to compare in pairs or to classify"
            )
        if action[0] > _LARGEST:
            return f"liegan learns dense generators of up to {_LARGEST} dimensions, not {action[0]}"
        return None

    def build(self, problem: Problem) -> LieGANNet:
        """Return the untrained network [n, *input_shape] -> [n, *output_shape].

        Raises:
            InputError: nothing in the problem can be moved.
        """
        if (action := movement(problem)) is None:
            raise InputError("liegan needs vectors with a declared layout, or images")
        size = action[0]
        channels = self.config.channels or (size if problem.kind == "vectors" else 1)
        return LieGANNet(LieSampler(channels, size), problem.backbone("mlp"))

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the predictor, trained on data augmented by the discovered generators."""
        (net,) = self.fit_together([problem], [data], [context])
        return net

    def fit_together(
        self, problems: Sequence[Problem], data: Sequence[Data], contexts: Sequence[Context]
    ) -> list[nn.Module]:
        """Return the predictors of several trials, whose steps are taken together."""
        config, device = self.config, contexts[0].device
        nets, judges = [], []
        for problem, own in zip(problems, data, strict=True):
            with initialising(problem):
                nets.append(self.build(problem).to(device))
                judges.append(Discriminator(problem, own, config.width).to(device))
        duel = Duel(
            config.generator_rate,
            config.discriminator_rate,
            config.away,
            config.apart,
            config.adversarial_batch,
        )
        _, move = movement(problems[0]) or (0, _unmoved)
        pairs = [(net.sampler, judge) for net, judge in zip(nets, judges, strict=True)]
        duel.fight(pairs, move, data, contexts)
        for net in nets:
            net.sampler.L.requires_grad_(False)
        self._predict(nets, (problems[0], move), data, contexts)
        return list[nn.Module](nets)

    def generators(self, module: nn.Module) -> Tensor | None:
        """Return the generators [channels, d, d]."""
        return module.sampler.L.detach() if isinstance(module, LieGANNet) else None

    def _predict(
        self,
        nets: Sequence[LieGANNet],
        task: tuple[Problem, Move],
        data: Sequence[Data],
        contexts: Sequence[Context],
    ) -> None:
        problem, move = task
        for net, own in zip(nets, data, strict=True):
            if callable(calibrate := getattr(net.backbone, "calibrate", None)):
                calibrate(own.x, own.y)
        errors, rate = [TaskLoss.of(problem, own.y) for own in data], self.config.learning_rate
        stack = Stack([net.backbone for net in nets])
        optimiser = torch.optim.Adam(stack.parameters.values(), rate, fused=True)
        updates = contexts[0].updates
        steps = updates - updates // 2
        with torch.enable_grad():
            for start in range(0, steps, _AHEAD):
                count = min(_AHEAD, steps - start)
                some = [
                    self._augmented(net.sampler, move, own, context, count)
                    for net, own, context in zip(nets, data, contexts, strict=True)
                ]
                inputs = torch.stack([each.x for each in some], 1)
                targets = torch.stack([each.y for each in some], 1)
                for step, (x, y) in enumerate(zip(inputs, targets, strict=True), start):
                    cosine = math.cos(math.pi * step / steps)
                    optimiser.param_groups[0]["lr"] = rate * (1 + cosine) / 2
                    optimiser.zero_grad()
                    each = zip(errors, stack(x), y, strict=True)
                    torch.stack([error(p, wanted) for error, p, wanted in each]).sum().backward()
                    optimiser.step()
        stack.finish()

    @torch.no_grad()
    def _augmented(
        self, sampler: LieSampler, move: Move, data: Data, context: Context, count: int
    ) -> Data:
        """Return ``count`` batches [count, batch, ...] with every second example transformed.

        All of them are transformed at once, because call overhead dominates for small batches.
        """
        size, stream = min(self.config.batch_size, len(data)), context.generator
        chosen, drawn = [], []
        for _ in range(count):
            chosen.append(torch.randint(len(data), (size,), generator=stream))
            drawn.append(sampler.draw((size + 1) // 2, stream))
        at = torch.stack(chosen).to(data.x.device)
        first, others = at[:, ::2], at[:, 1::2]
        elements = Elements(sampler.L, torch.cat([each.z for each in drawn]))
        moved = move(elements, Data(data.x[first.flatten()], data.y[first.flatten()]))
        return Data(
            torch.cat([moved.x.unflatten(0, first.shape), data.x[others]], 1),
            torch.cat([moved.y.unflatten(0, first.shape), data.y[others]], 1),
        )


def _unmoved(g: Elements, data: Data) -> Data:  # noqa: ARG001
    return data

"""LieGAN whose number of generators is chosen by the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from torch import nn

from symbench import Context, Data, InputError, Problem
from symbench_discovery.adversary import Discriminator, Duel
from symbench_discovery.elements import LieSampler
from symbench_discovery.liegg import kept_by
from symbench_discovery.moves import movement
from symbench_discovery.predictor import trained
from symbench_discovery.vectors import NOT_IN_QUICK, Announcement, PerceptronMethod, TrainedConfig


@dataclass(frozen=True)
class LieGANChosenConfig(TrainedConfig):
    """``tolerance`` is that of the defect of an announced generator; the others are LieGAN's."""

    tolerance: float = 0.1
    away: float = 1.0
    apart: float = 0.1
    width: int = 128
    generator_rate: float = 1e-3
    discriminator_rate: float = 2e-4
    adversarial_batch: int = 64


@final
class LieGANChosen(PerceptronMethod):
    """``liegan`` with ⌊d² / 2⌋ channels, of whose span only what a predictor keeps is announced.

    LieGAN is given its number of generators, and finds symmetries of the distribution of the data,
    which has more of them than the task. Here a perceptron is trained on the data as they are.
    Announced are the directions of the learned span whose relative defect of the perceptron has a
    bound below the tolerance.
    """

    name, version = "liegan-chosen", "1"
    summary = "liegan with as many generators as a perceptron keeps"
    reference = "Yang, Walters, Dehmamy, Yu 2023, Generative adversarial symmetry discovery"
    Config = LieGANChosenConfig
    config: LieGANChosenConfig
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        tier: {**NOT_IN_QUICK.get(tier, {}), "generator_rate": 1e-2, "discriminator_rate": 2e-3}
        for tier in ("smoke", *NOT_IN_QUICK)  # the published rates need more updates
    }

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the perceptron, with what it keeps of the generators of the adversary.

        Raises:
            InputError: nothing in the problem can be moved.
        """
        config = self.config
        if (action := movement(problem)) is None:
            raise InputError("liegan-chosen needs vectors with a declared layout")
        size, move = action
        sampler = LieSampler(max(1, size * size // 2), size).to(context.device)
        judge = Discriminator(problem, context.rest, config.width).to(context.device)
        duel = Duel(
            config.generator_rate,
            config.discriminator_rate,
            config.away,
            config.apart,
            config.adversarial_batch,
        )
        duel.fight([(sampler, judge)], move, [context.rest], [context])
        net = problem.backbone("mlp").to(context.device)
        trained(net, problem, context, context.updates)
        L = kept_by(net, problem, data, config.tolerance, sampler.L)
        return Announcement(net, L).to(context.device)

"""Generators and predictor learned together from augmented examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, Problem
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import second_moment
from symbench_discovery.predictor import calibrated
from symbench_discovery.training import TaskLoss, batch, descend
from symbench_discovery.vectors import (
    NOT_IN_QUICK,
    Announcement,
    PerceptronMethod,
    TrainedConfig,
    law_of,
)


@dataclass(frozen=True)
class LieAugmentConfig(TrainedConfig):
    """``channels`` generators are learned; 0 means half of the dimension of gl(V).

    ``away`` weighs the penalty of a generator whose norm is below 1, and ``apart`` that of the
    squared cosines between generators. Those of a norm of at least ``least`` are announced.
    """

    channels: int = 0
    away: float = 0.03
    apart: float = 1.0
    least: float = 0.5
    generator_rate: float = 1e-2
    learning_rate: float = 3e-3
    batch_size: int = 128


@final
class LieAugment(PerceptronMethod):
    """Generators A_i that may move the examples of a perceptron without raising its loss.

    The loss is the mean of that on the examples and on examples moved by exp(Σ c_i A_i), with c_i
    normal of variance 1 / k for k generators. A penalty keeps each A_i from becoming trivial (its
    norm below 1) or parallel to another. A generator that no function of small loss keeps is pushed
    towards zero; those whose norm stays above a threshold are announced. Norms and cosines are
    those of whitened coordinates.
    """

    name, version = "lie-augment", "1"
    summary = "generators and a perceptron learned together from augmented examples"
    reference = "SEMoLA, LieAugmenter (arXiv:2506.03914)"
    Config = LieAugmentConfig
    config: LieAugmentConfig
    tiers = NOT_IN_QUICK

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the perceptron, with the generators that have not become trivial."""
        config, law, stream = self.config, law_of(problem), context.generator
        whitening = Whitening.of(second_moment(data.x.cpu().double(), law.input))
        colour, whiten = whitening.colour.to(data.x), whitening.whiten.to(data.x)
        r = len(whiten)
        k = config.channels or max(1, r * r // 2)
        net = calibrated(problem.backbone("mlp").to(context.device), data)
        drawn = torch.randn(k, r, r, generator=stream).to(data.x)
        A = nn.Parameter(drawn / drawn.flatten(1).norm(dim=1)[:, None, None])
        error = TaskLoss.of(problem, data.y)

        def loss(step: int) -> Tensor:  # noqa: ARG001
            some = batch(data, config.batch_size, context)
            c = torch.randn(len(some), k, generator=stream).to(A) / k**0.5
            g = torch.linalg.matrix_exp(colour @ torch.einsum("nk,kij->nij", c, A) @ whiten)
            moved = error(net(law.input.act(g, some.x)), law.output.act(g, some.y))
            return (error(net(some.x), some.y) + moved) / 2 + self._penalty(A)

        groups = [(net.parameters(), config.learning_rate), ([A], config.generator_rate)]
        descend(groups, loss, context.updates)
        found = A.detach()
        L = colour @ found[found.flatten(1).norm(dim=1) >= config.least] @ whiten
        return Announcement(net.eval(), L).to(context.device)

    def _penalty(self, A: Tensor) -> Tensor:
        """Return the penalty of trivial and of parallel generators A [k, r, r]."""
        flat = A.flatten(1)
        trivial = (1 - flat.norm(dim=1)).clamp_min(0).mean()
        unit = functional.normalize(flat, dim=1)
        parallel = (unit @ unit.mT).triu(1).square().sum() / len(A)
        penalty: Tensor = self.config.away * trivial + self.config.apart * parallel
        return penalty

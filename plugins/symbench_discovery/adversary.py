"""The adversarial training of LieGAN: a discriminator against the Lie algebra generators."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, Problem
from symbench.groups import binary_unit, positive_scale, standard_deviation
from symbench_discovery.elements import LieSampler
from symbench_discovery.moves import Move
from symbench_discovery.training import batch


class Discriminator(nn.Module):
    """Logits [n] that an example (x, y) comes from the data, from standardised coordinates."""

    centre: Tensor
    spread: Tensor

    def __init__(self, problem: Problem, data: Data, width: int) -> None:
        super().__init__()
        self._classes = problem.output_size if problem.loss == "cross-entropy" else 0
        seen = self._coordinates(data)
        inputs = data.x[0].numel()
        self.register_buffer("centre", seen.mean(0))
        spread = [_softened(seen[:, :inputs]), _softened(seen[:, inputs:])]
        self.register_buffer("spread", torch.cat(spread))
        self.net = nn.Sequential(
            nn.Linear(seen.shape[1], width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, data: Data) -> Tensor:
        """Return the logits."""
        standard = (self._coordinates(data) - self.centre) / self.spread
        logits: Tensor = self.net(standard)[:, 0]
        return logits

    def _coordinates(self, data: Data) -> Tensor:
        y = functional.one_hot(data.y, self._classes).to(data.x) if self._classes else data.y
        return torch.cat([data.x.flatten(1), y.flatten(1)], 1)


def _softened(seen: Tensor) -> Tensor:
    """Return the standard deviations [k] of coordinates [n, k], plus 1 % of the largest.

    Inputs and targets are softened separately, because they can have different units.
    """
    spread = standard_deviation(seen)
    return spread + 1e-2 * positive_scale(spread.max(), seen.abs().max(), seen.dtype)


@dataclass(frozen=True)
class Duel:
    """Learning rates, regularisers and batch size of the adversarial training.

    ``away`` weighs the term that keeps elements away from the identity, ``apart`` the term that
    keeps the generators apart from each other.
    """

    generator_rate: float
    discriminator_rate: float
    away: float
    apart: float
    batch_size: int

    def fight(
        self, pair: tuple[LieSampler, Discriminator], move: Move, data: Data, context: Context
    ) -> None:
        """Train both for half of the context's updates, one step of each per update.

        The discriminator learns to separate transformed examples from real ones, by binary
        cross-entropy. The generators minimise the opposite loss, plus ``away`` |mean cos(gx, x)|
        and ``apart`` times the overlap of the channels.
        """
        sampler, judge = pair
        unit = binary_unit(data.x)  # cosine_similarity has an absolute floor
        L, weights = sampler.L, list(judge.parameters())
        first = torch.optim.Adam([L], self.generator_rate, betas=(0.5, 0.999), fused=True)
        second = torch.optim.Adam(weights, self.discriminator_rate, betas=(0.5, 0.999), fused=True)
        with torch.enable_grad():
            for _ in range(context.updates // 2):
                real = batch(data, self.batch_size, context)
                other = batch(data, self.batch_size, context)
                moved = move(sampler.draw(len(other), context.generator), other)
                both = Data(
                    torch.cat([real.x, moved.x.detach()]), torch.cat([real.y, moved.y.detach()])
                )
                second.zero_grad()
                truth, false = judge(both).chunk(2)
                (_bce(truth, 1.0) + _bce(false, 0.0)).backward()
                second.step()
                cosine = _cosine(moved.x / unit, other.x / unit)
                loss = _bce(judge(moved), 1.0) + self.away * cosine.mean().abs()
                # only the generators need a gradient: the discriminator is fixed in this step
                (L.grad,) = torch.autograd.grad(loss + self.apart * sampler.overlap(), [L])
                first.step()


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return functional.cosine_similarity(a.flatten(1), b.flatten(1))


def _bce(logits: Tensor, truth: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))

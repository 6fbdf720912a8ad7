"""The adversarial training of LieGAN: discriminators against Lie algebra generators.

The trials of a cell take their steps together: their parameters are stacked along a first axis T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, Problem
from symbench.groups import binary_unit, positive_scale, standard_deviation
from symbench_discovery.elements import Elements, LieSampler, overlap
from symbench_discovery.moves import Move
from symbench_discovery.training import batch


class Discriminator(nn.Module):
    """Logits [n] that an example (x, y) comes from the data, from standardised coordinates."""

    centre: Tensor
    spread: Tensor

    def __init__(self, problem: Problem, data: Data, width: int) -> None:
        super().__init__()
        self._classes = problem.output_size if problem.loss == "cross-entropy" else 0
        seen = self.coordinates(data)
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
        standard = (self.coordinates(data) - self.centre) / self.spread
        logits: Tensor = self.net(standard)[:, 0]
        return logits

    def coordinates(self, data: Data) -> Tensor:
        """Return the coordinates [n, k] of examples, those of a class one-hot."""
        y = functional.one_hot(data.y, self._classes).to(data.x) if self._classes else data.y
        return torch.cat([data.x.flatten(1), y.flatten(1)], 1)


class _Judges:
    """The discriminators of T trials with stacked parameters."""

    def __init__(self, judges: Sequence[Discriminator]) -> None:
        self._judges = judges
        of_each = zip(*(judge.net.parameters() for judge in judges), strict=True)
        self.parameters = [torch.stack(p).detach().requires_grad_() for p in of_each]
        self._centre = torch.stack([judge.centre for judge in judges])[:, None]
        self._spread = torch.stack([judge.spread for judge in judges])[:, None]

    def __call__(self, data: Data) -> Tensor:
        """Return the logits [T, n] of T n examples, n of each trial after another."""
        seen = self._judges[0].coordinates(data).unflatten(0, (len(self._judges), -1))
        h = (seen - self._centre) / self._spread
        layers = list(zip(self.parameters[::2], self.parameters[1::2], strict=True))
        for weight, bias in layers[:-1]:
            h = functional.leaky_relu(torch.baddbmm(bias[:, None], h, weight.mT), 0.2)
        weight, bias = layers[-1]
        return torch.baddbmm(bias[:, None], h, weight.mT)[..., 0]

    @torch.no_grad()
    def finish(self) -> None:
        """Write the parameters into the discriminators."""
        for trial, judge in enumerate(self._judges):
            for own, stacked in zip(judge.net.parameters(), self.parameters, strict=True):
                own.copy_(stacked[trial])


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
        self,
        pairs: Sequence[tuple[LieSampler, Discriminator]],
        move: Move,
        data: Sequence[Data],
        contexts: Sequence[Context],
    ) -> None:
        """Train the pair of each trial for half of the updates, one step of each per update.

        A discriminator learns to separate transformed examples from real ones, by binary
        cross-entropy. The generators minimise the opposite loss, plus ``away`` |mean cos(gx, x)|
        and ``apart`` times the overlap of the channels. The trials have equally many examples.
        """
        judges = _Judges([judge for _, judge in pairs])
        L = torch.stack([sampler.L for sampler, _ in pairs]).detach().requires_grad_()
        units = torch.stack([binary_unit(own.x) for own in data])  # cosine_similarity has a floor
        first = torch.optim.Adam([L], self.generator_rate, betas=(0.5, 0.999), fused=True)
        second = torch.optim.Adam(
            judges.parameters, self.discriminator_rate, betas=(0.5, 0.999), fused=True
        )
        with torch.enable_grad():
            for _ in range(contexts[0].updates // 2):
                real, other, z = self._drawn(pairs, data, contexts)
                moved = move(Elements(L, z), other)
                second.zero_grad()
                truth, false = judges(real), judges(Data(moved.x.detach(), moved.y.detach()))
                (_bce(truth, 1.0) + _bce(false, 0.0)).sum().backward()
                second.step()
                unit = units.repeat_interleave(z.shape[1])[:, None]
                cosine = functional.cosine_similarity(
                    moved.x.flatten(1) / unit, other.x.flatten(1) / unit
                )
                away = cosine.unflatten(0, z.shape[:2]).mean(1).abs()
                loss = _bce(judges(moved), 1.0) + self.away * away + self.apart * overlap(L)
                # only the generators need a gradient: the discriminators are fixed in this step
                (L.grad,) = torch.autograd.grad(loss.sum(), [L])
                first.step()
        judges.finish()
        with torch.no_grad():
            for (sampler, _), own in zip(pairs, L, strict=True):
                sampler.L.copy_(own)

    def _drawn(
        self,
        pairs: Sequence[tuple[LieSampler, Discriminator]],
        data: Sequence[Data],
        contexts: Sequence[Context],
    ) -> tuple[Data, Data, Tensor]:
        """Draw two batches of each trial, joined, and the coefficients z [T, n, channels]."""
        real, other, z = [], [], []
        for (sampler, _), own, context in zip(pairs, data, contexts, strict=True):
            real.append(batch(own, self.batch_size, context))
            other.append(batch(own, self.batch_size, context))
            z.append(sampler.draw(len(other[-1]), context.generator).z)
        return _joined(real), _joined(other), torch.stack(z)


def _joined(parts: Sequence[Data]) -> Data:
    return Data(torch.cat([part.x for part in parts]), torch.cat([part.y for part in parts]))


def _bce(logits: Tensor, truth: float) -> Tensor:
    """Return the mean loss of each trial [T] from logits [T, n]."""
    wanted = torch.full_like(logits, truth)
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1)

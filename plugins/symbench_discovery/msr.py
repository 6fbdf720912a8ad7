"""MSR: a pattern of weight sharing, meta-learned from many small tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench import Context, Data, Model, Prior, Problem
from symbench.groups import positive_scale, root_mean_square, standard_deviation
from symbench_discovery.shapes import is_pair, pixels
from symbench_discovery.training import Loss, batch, descend

_LARGEST = 64  # pixels, because the patterns are dense


class SharedWeights(nn.Module):
    """W(v) = Σ_k v_k U_k [d, d], with a pattern U for all tasks and a filter v for each task.

    (Zhou et al. 2021, section 4: vec W = U v.)
    """

    def __init__(self, size: int, latent: int) -> None:
        super().__init__()
        self.U = nn.Parameter(0.3 * torch.randn(latent, size, size) / math.sqrt(size))
        self.v = nn.Parameter(torch.ones(latent) / math.sqrt(latent))
        self.rate = nn.Parameter(torch.tensor(0.1))

    def parts(self, x: Tensor) -> Tensor:
        """Return U_k x [..., latent, d] for x [..., d]."""
        return torch.einsum("kij,...j->...ki", self.U, x)

    def adapted(self, x: Tensor, y: Tensor) -> Tensor:
        """Return v [..., latent] after one step of gradient descent on support pairs [..., s, d].

        The step is v - rate ∇ Σ ‖W(v) x - y‖² / (2 s), and gradients flow through it.
        """
        parts = self.parts(x)
        residual = torch.einsum("...ki,k->...i", parts, self.v) - y
        gradient = torch.einsum("...ski,...si->...k", parts, residual) / x.shape[-2]
        return self.v - self.rate * gradient

    def forward(self, v: Tensor, x: Tensor) -> Tensor:
        """Return W(v) x [..., s, d] for v [..., latent] and x [..., s, d]."""
        return torch.einsum("...ski,...k->...si", self.parts(x), v)


class PairMSR(nn.Module):
    """The angle of a pair, predicted from the filter after one gradient step on that pair.

    ``pixel`` is the root mean square of the training pixels, the unit of images.
    """

    centre: Tensor
    spread: Tensor
    pixel: Tensor

    def __init__(self, size: int, latent: int, width: int) -> None:
        super().__init__()
        self.shared = SharedWeights(size, latent)
        self.head = nn.Sequential(
            nn.Linear(latent + 1, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 1),
        )
        self.register_buffer("pixel", torch.ones(()))
        self.register_buffer("centre", torch.zeros(latent + 2))
        self.register_buffer("spread", torch.ones(latent + 2))

    @torch.no_grad()
    def standardise(self, data: Data) -> None:
        """Store mean and standard deviation of the training filters, and of the angles (last)."""
        seen = torch.cat([self._filters(data.x), data.y], 1)
        self.centre = seen.mean(0)
        spread = standard_deviation(seen)
        self.spread = positive_scale(spread, seen.abs().amax(0), seen.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the angles [n, 1] of pairs x [n, 2, height, width]."""
        seen = (self._filters(x) - self.centre[:-1]) / self.spread[:-1]
        angle: Tensor = self.centre[-1] + self.spread[-1] * self.head(seen)
        return angle

    def _filters(self, x: Tensor) -> Tensor:
        """Return the change of v divided by ‖x₁‖² / d, and ‖x₁‖² / d, per pair [n, latent + 1]."""
        first, second = (x / self.pixel).flatten(2).unbind(1)
        square = first.square().mean(1, keepdim=True)
        moved = self.shared.adapted(first[:, None], second[:, None]) - self.shared.v
        return torch.cat([moved / square.clamp_min(1e-12), square], 1)


@dataclass(frozen=True)
class MSRConfig:
    """Sizes and learning rates of MSR.

    Filters have ``latent`` entries. An update uses ``tasks`` tasks of ``examples`` pairs, of which
    the first ``support`` are the support pairs. A fraction ``share`` of the updates meta-learns
    the pattern; the rest train the head.
    """

    latent: int = 6
    tasks: int = 32
    examples: int = 20
    support: int = 1
    share: float = 0.5
    width: int = 64
    outer_rate: float = 1e-2
    head_rate: float = 5e-3
    batch_size: int = 128


@final
class MSR(Model):
    """Meta-learned symmetries by reparameterisation, on pairs of images x₁, x₂ = g(θ) x₁.

    Each task of the meta-learning is the linear map x₁ -> x₂ at one angle, given by ``examples``
    pairs with neighbouring labels. One inner gradient step on the support pairs yields its filter
    v. The outer loop learns the pattern U from the error on the other pairs. The maps of all tasks
    commute, so U learns to span the algebra that the group generates. Afterwards a perceptron is
    trained to predict the angle of a pair from the filter adapted to only this pair. There is no
    explicit Lie generator, so only the function is scored.
    """

    name, version = "msr", "2"
    prior: ClassVar[Prior] = "discovers"
    summary = "meta-learned weight sharing across the angles of image pairs"
    reference = "Zhou, Knowles, Finn 2021, Meta-learning symmetries by reparameterization"
    Config = MSRConfig
    config: MSRConfig

    def accepts(self, problem: Problem) -> str | None:
        """Decline what is not a pair of small images."""
        if not is_pair(problem):
            return "msr needs pairs of images whose target is their angle or shift"
        d = pixels(problem)
        return f"msr learns dense patterns of up to {_LARGEST} pixels" if d > _LARGEST else None

    def build(self, problem: Problem) -> PairMSR:
        """Return the untrained network [n, 2, height, width] -> [n, 1]."""
        return PairMSR(pixels(problem), self.config.latent, self.config.width)

    def fit(self, problem: Problem, data: Data, context: Context) -> nn.Module:
        """Return the network: the pattern is meta-learned first, then the head is trained."""
        config = self.config
        net = self.build(problem).to(context.device)
        net.pixel = root_mean_square(data.x)
        first = int(config.share * context.updates)
        descend(
            [(net.shared.parameters(), config.outer_rate)], self._meta(net, data, context), first
        )
        net.standardise(data)

        def error(step: int) -> Tensor:  # noqa: ARG001
            some = batch(data, config.batch_size, context)
            return functional.mse_loss(net(some.x), some.y) / net.spread[-1].square()

        descend([(net.head.parameters(), config.head_rate)], error, context.updates - first)
        return net

    def _meta(self, net: PairMSR, data: Data, context: Context) -> Loss:
        config = self.config
        order = data.y[:, 0].argsort()
        x = data.x[order].flatten(2) / net.pixel
        size = min(config.examples, len(x))
        support = min(config.support, size - 1) if size > 1 else 1

        def loss(step: int) -> Tensor:  # noqa: ARG001
            count = len(x) - size + 1
            start = torch.randint(count, (config.tasks,), generator=context.generator)
            inside = torch.rand(config.tasks, size, generator=context.generator).argsort(1)
            at = (start[:, None] + inside).to(x.device)
            first, second = x[at].unbind(2)
            v = net.shared.adapted(first[:, :support], second[:, :support])
            query = support if size > 1 else 0
            return functional.mse_loss(net.shared(v, first[:, query:]), second[:, query:])

        return loss

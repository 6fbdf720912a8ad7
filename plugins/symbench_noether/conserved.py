"""Two baselines that look for conserved quantities: a null space of features, and a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from symbench_noether.generators import count_small

Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Invariants:
    """How fast each combination of features changes along a field.

    ``values`` [r], ascending, are the root mean square rates of the combinations of features that
    are the rows of ``combinations`` [r, m]; features are divided by their standard deviation, and
    combinations are orthonormal in these units. r is the number of independent features.
    """

    values: Tensor
    combinations: Tensor

    @property
    def found(self) -> int:
        """The number of conserved combinations by a gap rule, for fields that were learned."""
        return count_small(self.values.square())

    def exact(self, tolerance: float = 1e-10) -> int:
        """Return the number of rates at most ``tolerance`` times the largest, for exact fields."""
        return int((self.values <= tolerance * self.values[-1]).sum())


def invariants(field: Callable[[Tensor], Tensor], features: Features, x: Tensor) -> Invariants:
    """Find the combinations Σ c_i b_i(x) of features that a field keeps constant.

    The right singular vectors of the rows (f(x)·∇b_i(x)) / std b_i with small singular values: a
    combination is conserved if and only if its row product vanishes everywhere. Convex, and as
    complete as the features are; features that vary not at all, or that repeat others, would count
    as conserved, and are refused.

    Args:
        field: f, [n, d] -> [n, d].
        features: b, [n, d] -> [n, m], differentiable in forward mode.
        x: states, [n, d] with n > m.

    Raises:
        ValueError: the features are dependent on these states, or too many for them.
    """
    x = x.double()
    with torch.no_grad():
        velocity = field(x)
    values, rates = torch.func.jvp(features, (x,), (velocity,))
    scale = values.std(0)
    centred = (values - values.mean(0)) / scale
    if len(x) <= values.shape[1] or not bool((scale > 0).all()) or _dependent(centred):
        raise ValueError("the features must be independent functions, fewer than the states")
    _, sizes, basis = torch.linalg.svd(rates / scale / len(x) ** 0.5, full_matrices=False)
    return Invariants(sizes.flip(0), basis.flip(0))


def _dependent(rows: Tensor) -> bool:
    sizes = torch.linalg.svdvals(rows)
    return bool(sizes[-1] <= 1e-10 * sizes[0])


def monomials(x: Tensor) -> Tensor:
    """Return the coordinates and their products of two, [n, d] -> [n, d + d(d + 1)/2]."""
    d = x.shape[-1]
    first, second = torch.triu_indices(d, d, device=x.device)
    return torch.cat([x, x[..., first] * x[..., second]], -1)


def quadratic(x: Tensor) -> Tensor:
    """Return the products of two coordinates, [n, d] -> [n, d(d + 1)/2]."""
    return monomials(x)[..., x.shape[-1] :]


@dataclass(frozen=True)
class Search:
    """How ``learn_invariant`` trains: spread Q, radius R of the noise, weight β, and the budget."""

    spread: float = 1.0
    radius: float = 1.0
    weight: float = 1.0
    updates: int = 1000
    learning_rate: float = 3e-3
    width: int = 64


class Invariant(nn.Module):
    """A perceptron F [..., d] -> [...] on standardised states."""

    centre: Tensor
    scale: Tensor

    def __init__(self, states: Tensor, width: int) -> None:
        super().__init__()
        flat = states.flatten(0, -2)
        self.register_buffer("centre", flat.mean(0))
        self.register_buffer("scale", flat.std(0))
        self.net = nn.Sequential(
            nn.Linear(flat.shape[1], width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return F(x)."""
        value: Tensor = self.net((x - self.centre) / self.scale)
        return value[..., 0]


def invariant_loss(net: nn.Module, groups: Tensor, noise: Tensor, search: Search) -> Tensor:
    """Return E_g Var_t F(x) + β |Q - E_g std_t F(x + ε)|, ConservNet's loss.

    The first term asks that F be constant in each group; the second, which a constant F would fail,
    that it spread by Q where the states are displaced off the group's level set.

    Args:
        net: F, [g, t, d] -> [g, t].
        groups: states that share the unknown invariants, [g, t, d].
        noise: ε, like ``groups``.
        search: Q and β.
    """
    constant = net(groups).var(1).mean()
    spread = net(groups + noise).std(1).mean()
    return constant + search.weight * (search.spread - spread).abs()


def learn_invariant(
    groups: Tensor, generator: torch.Generator, search: Search | None = None
) -> Invariant:
    """Train a network to be a conserved quantity of states [g, t, d] in g groups.

    The baseline of Ha and Jeong 2021 (arXiv:2102.04008), smaller than theirs. Noise is uniform in
    a ball of radius R, in units of the states' standard deviation, and fresh at every update.
    """
    search = search or Search()
    groups = groups.float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        net = Invariant(groups, search.width)
    optimiser = torch.optim.Adam(net.parameters(), search.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, search.updates)
    for _ in range(search.updates):
        noise = search.radius * net.scale * _ball(groups.shape, generator)
        optimiser.zero_grad()
        invariant_loss(net, groups, noise, search).backward()
        optimiser.step()
        schedule.step()
    return net.eval()


def _ball(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Draw points uniform in the unit ball, [..., d]."""
    towards = torch.randn(shape, generator=generator)
    radius = torch.rand(shape[:-1], generator=generator) ** (1 / shape[-1])
    return radius[..., None] * towards / towards.norm(dim=-1, keepdim=True)


def constancy(net: nn.Module, groups: Tensor) -> float:
    """Return the part of the variance of F over states [g, t, d] that lies within groups.

    0 for a conserved quantity that tells the groups apart; near 1 for none (the control).
    """
    with torch.no_grad():
        values = net(groups.float()).double()
    within = values.var(1, unbiased=False).mean()
    return float(within / values.var(unbiased=False))

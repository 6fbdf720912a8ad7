"""Two baselines that find conserved quantities: a null space of features, and a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from symbench import Metric, Model, Scores, Task, Trained
from symbench.metrics.algebra import principal_cosines
from symbench_noether.generators import count_small
from symbench_noether.lagrangian import Field

Features = Callable[[Tensor], Tensor]

_EXACT = 1e-10
_INDEPENDENT = 1e-7


@dataclass(frozen=True)
class Invariants:
    """How fast each combination of features changes along a field.

    ``values`` [r], ascending, are the root mean square rates of change of r combinations of unit
    variance, which are the rows of ``combinations`` [r, r]. The rows are orthonormal in whitened
    coordinates: there the r independent combinations of features are uncorrelated and of unit
    variance.
    """

    values: Tensor
    combinations: Tensor

    @property
    def found(self) -> int:
        """The number of conserved combinations by a gap rule, for learned fields."""
        return count_small(self.values.square())

    @property
    def exact(self) -> int:
        """The number of rates of at most 1e-10 times the largest, for exactly known fields."""
        return int((self.values <= _EXACT * self.values[-1]).sum())

    def cosine(self, truth: Invariants) -> float:
        """Return the root mean square cosine between the slowest combinations and the true span.

        Args:
            truth: that of the exact field at the same states and features, with ``exact`` > 0.
        """
        k = truth.exact
        cosines = principal_cosines(self.combinations[:k], truth.combinations[:k])
        return float(cosines.square().mean().sqrt())


def invariants(field: Field, features: Features, x: Tensor) -> Invariants | None:
    """Find the combinations Σ c_i b_i(x) of features that a field keeps constant.

    They are the right singular vectors with small singular values of the rows f(x)·∇b_i(x), where
    the features are whitened on the states. A combination is conserved if and only if its rate
    vanishes everywhere. The problem is convex, and finds all conserved quantities that the features
    span. Features that are constant over the states, or linear combinations of others there, are
    removed and not counted.

    Args:
        field: f, [n, d] -> [n, d].
        features: b, [n, d] -> [n, m], differentiable in forward mode.
        x: states, [n, d].

    Returns:
        None if f is not finite, vanishes or has another shape than the states, or if there are
        not more states than features.
    """
    x = x.double()
    velocity = field(x).detach().double()
    if velocity.shape != x.shape or not bool(velocity.isfinite().all() & velocity.any()):
        return None
    pushed = torch.func.jvp(features, (x,), (velocity,))
    values, rates = pushed[0], pushed[1]
    if len(x) <= values.shape[1] or not bool(rates.any()):
        return None
    spread = values.std(0)
    scale = torch.where(spread > _EXACT * values.abs().amax(0), spread, torch.inf)
    _, sizes, basis = torch.linalg.svd((values - values.mean(0)) / scale, full_matrices=False)
    kept = sizes > _INDEPENDENT * sizes[0]
    whiten = basis[kept].mT / sizes[kept]  # to a unit sum of squares, so rates become RMS
    _, sizes, basis = torch.linalg.svd(rates / scale @ whiten, full_matrices=False)
    return Invariants(sizes.flip(0), basis.flip(0))


def monomials(x: Tensor) -> Tensor:
    """Return the coordinates and the products of two of them, [n, d] -> [n, d + d(d + 1)/2]."""
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
    """Return E_g Var_t F(x) + β |Q - E_g Var_t F(x + ε)|, ConservNet's loss.

    The first term makes F constant in each group. The second makes F vary by Q where the noise
    displaces the states from the group's level set, which excludes a constant F.

    Args:
        net: F, [g, t, d] -> [g, t].
        groups: states that share the unknown invariants, [g, t, d].
        noise: ε, of the shape of ``groups``.
        search: Q and β.
    """
    constant = net(groups).var(1).mean()
    spread = net(groups + noise).var(1).mean()
    loss: Tensor = constant + search.weight * (search.spread - spread).abs()
    return loss


def learn_invariant(
    groups: Tensor, generator: torch.Generator, search: Search | None = None
) -> Invariant:
    """Train a network to be a conserved quantity of states [g, t, d] in g groups.

    This is the baseline of Ha and Jeong 2021 (arXiv:2102.04008), with a smaller network. Noise is
    drawn afresh at every update, uniformly in a ball of radius R in units of the states' standard
    deviation.
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
    points: Tensor = radius[..., None] * towards / towards.norm(dim=-1, keepdim=True)
    return points


def constancy(net: nn.Module, groups: Tensor) -> float:
    """Return the fraction of the variance of F over states [g, t, d] that lies within groups.

    It is 0 for a conserved quantity that distinguishes the groups, and near 1 if nothing is
    conserved (the control).
    """
    with torch.no_grad():
        values = net(groups.float()).double()
    within = values.var(1, unbiased=False).mean()
    return float(within / values.var(unbiased=False))


@runtime_checkable
class HasField(Protocol):
    """A task or a module with a known rate of change."""

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return the rate of change [n, d] of states [n, d] at time t."""


class ConservedQuantities(Metric):
    """Cosine between the quantities that the learned field and the exact field conserve.

    The score is the root mean square principal cosine between the k* slowest combinations of the
    coordinates and their products and those that the exact field keeps constant, over the test
    states, in units of their covariance. ``.chance`` is √(k*/r). ``.found`` is the number that a
    gap rule finds, ``.found.truth`` is k*, and ``.least`` is the least rate in units of the
    largest. If k* = 0, there is no cosine, and any quantity found is a false discovery. Fields are
    evaluated at t = 0.
    """

    name, version, direction = "conserved_quantities", "1", "higher"
    summary = "quadratic conserved quantities of the learned field, compared with the true ones"
    along_curve = False

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task is mechanical and its field is known."""
        return task.kind == "trajectory" and isinstance(task, HasField)

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the cosine with its annotations; nothing for modules without a field."""
        if not isinstance(trained.module, HasField):
            return {}
        x, zero = trained.test.x.cpu().double(), torch.zeros((), dtype=torch.float64)
        learned, exact = cast(HasField, trained.double), cast(HasField, task)
        truth = invariants(lambda state: exact.field(state, zero), monomials, x)
        found = invariants(lambda state: learned.field(state, zero), monomials, x)
        if truth is None or found is None:
            return {}
        return self._against(found, truth)

    def _against(self, found: Invariants, truth: Invariants) -> dict[str, float]:
        k, least = truth.exact, float(found.values[0] / found.values[-1])
        scores = {"found": float(found.found), "found.truth": float(k), "least": least}
        if k > 0:
            scores["chance"] = math.sqrt(k / len(truth.values))
        named = {f"{self.name}.{key}": value for key, value in scores.items()}
        return named | ({self.name: found.cosine(truth)} if k > 0 else {})

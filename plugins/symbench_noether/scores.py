"""Scores of a learned drift: its error, its symmetries, and conservation along likely paths."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from symbench import Direction, Metric, Model, Scores, Task, Trained
from symbench.metrics.network import double_network, once, once_per_cell
from symbench_noether.action import Paths, least_action
from symbench_noether.fields import travel_times
from symbench_noether.generators import discover
from symbench_noether.lagrangian import Field, Lagrangian

_INTERVALS = 100
_ANGLES = 8
_SPEEDS = torch.tensor([0.01, 0.1, 1.0, 10.0], dtype=torch.float64)  # 4DE


@runtime_checkable
class Diffusion(Protocol):
    """A task whose process dx = f(x) dt + √(2D) dW is known; ``DriftTask`` is one."""

    diffusion: float

    def drift(self, x: Tensor) -> Tensor:
        """Return f [..., d] at states x [..., d]."""

    def endpoints(self) -> tuple[Tensor, Tensor, float]:
        """Return first and last points [m, d] of the paths that score a drift, and their time T."""

    def generators(self) -> Tensor:
        """Return the affine symmetries (W | b) [k, d, d + 1] of the Lagrangian."""


class DriftScore(Metric):
    """A score of the learned drift, evaluated in float64."""

    version = "1"
    direction: ClassVar[Direction] = "lower"
    reference = "arXiv:2504.09761 (stochastic Noether theorem), sections 2 to 4"

    def applies(self, task: Task, model: Model) -> bool:  # noqa: ARG002
        """Whether the task's process is known and does not depend on time."""
        return isinstance(task, Diffusion)


def learned(trained: Trained) -> Field:
    """Return the learned drift [n, d] -> [n, d], float64 in and out, and differentiable."""
    network = double_network(trained)
    return lambda x: network.module(x.to(network.dtype)).to(x.dtype)


class FieldError(DriftScore):
    """√(E|f̂ - f|² / E|f|²) over the states of the test set.

    If SO(2) is a symmetry, ``field_error.equivariance`` is √(Σ|f̂(Q_k x) - Q_k f̂(x)|² / Σ|f̂|²),
    over the same states and the seven rotations Q_k by 2πk/8.
    """

    name = "field_error"
    summary = "relative error of the learned drift"

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the error, and the violation of equivariance under rotations of the plane."""
        system, x = cast(Diffusion, task), trained.test.x.cpu().double()
        field = learned(trained)
        with torch.no_grad():
            f, truth = field(x), system.drift(x)
            scores = {self.name: _ratio(f - truth, truth)}
            if x.shape[1] == 2 and "angular_momentum" in map(_name, system.generators()):
                turns = [_turn(2 * math.pi * k / _ANGLES) for k in range(1, _ANGLES)]
                violated = torch.cat([field(x @ Q.mT) - f @ Q.mT for Q in turns])
                scores[f"{self.name}.equivariance"] = _ratio(violated, f.repeat(len(turns), 1))
        return {name: value for name, value in scores.items() if math.isfinite(value)}


def _ratio(difference: Tensor, of: Tensor) -> float:
    return float((difference.square().sum() / of.square().sum()).sqrt())


def _turn(angle: float) -> Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


def _name(generator: Tensor) -> str:
    """Return the name of the Noether charge of an affine generator (W | b) [d, d + 1]."""
    W, b = generator[:, :-1], generator[:, -1]
    if not bool(W.any()):
        return "momentum"
    return "noether" if bool(b.any()) or bool((W + W.mT).any()) else "angular_momentum"


@dataclass(frozen=True)
class Judged:
    """Paths of the learned and of the exact drift between the same ends, discretised alike."""

    learned: Paths
    exact: Paths
    generators: Tensor

    @property
    def both(self) -> Tensor:
        """Which paths [m] converged for both drifts."""
        return self.learned.converged & self.exact.converged

    def quantities(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the conserved quantities [m, times, k] along the learned and the exact paths."""
        pairs = {"energy": (self.learned.energies[..., None], self.exact.energies[..., None])}
        names = [_name(generator) for generator in self.generators]
        for name in dict.fromkeys(names):
            some = self.generators[[name == other for other in names]]
            pairs[name] = (self.learned.noether(some), self.exact.noether(some))
        both = self.both
        return {name: (first[both], second[both]) for name, (first, second) in pairs.items()}


def judged(trained: Trained, task: Task) -> Judged:
    """Return the paths between the task's endpoints, computed once per trained module."""
    system = cast(Diffusion, task)

    def compute() -> Judged:
        exact = once_per_cell(trained, "noether_paths", lambda: _paths(system.drift, system))
        return Judged(_paths(learned(trained), system), exact, system.generators())

    return once(trained, "noether_paths", compute)


def _paths(field: Field, system: Diffusion) -> Paths:
    start, end, total = system.endpoints()
    times = torch.linspace(0, total, _INTERVALS + 1, dtype=torch.float64)
    return least_action(Lagrangian.autonomous(field, system.diffusion), start, end, times)


class PathScore(DriftScore):
    """A score along least-action paths of the learned drift.

    The paths minimise |v - f̂|²/(4D) between the task's endpoints, in 100 intervals of the midpoint
    rule. ``.unconverged`` counts the paths that are not usable. The other scores exclude them, and
    are absent if no path is usable.
    """

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:  # noqa: ARG002
        """Return the scores by name, and the number of paths that did not converge."""
        paths = judged(trained, task)
        scores = {"unconverged": float((~paths.both).sum())} | self.beside(trained, task)
        if bool(paths.both.any()):
            scores |= self.along(paths)
        return {f"{self.name}.{key}": v for key, v in scores.items() if math.isfinite(v)}

    @abstractmethod
    def along(self, paths: Judged) -> dict[str, float]:
        """Return the scores along paths that have converged."""

    def beside(self, trained: Trained, task: Task) -> dict[str, float]:  # noqa: ARG002
        """Return scores that need no paths."""
        return {}


class PathConservation(PathScore):
    """std_t Q / E_t|Q| of each conserved quantity Q along least-action paths of the learned drift.

    Q̂ is p̂·(W x + b) for the true generators (W | b), with the discrete momenta p̂ of the learned
    drift. By the discrete Noether theorem, and at any step size, Q̂ is constant to rounding if and
    only if the learned drift has the symmetry. Components are summed under the root, means are over
    paths, and |Q| is that of the exact drift. ``.energy`` measures the discretisation, O(h²), and
    not the model. ``.momentum`` belongs to translations, ``.angular_momentum`` to the rotation, and
    ``.noether`` to other generators.
    """

    name = "path_conservation"
    summary = "variation of Noether charges along least-action paths of the learned drift"

    def along(self, paths: Judged) -> dict[str, float]:
        """Return the variation of every quantity."""
        scores = {}
        for name, (learned, exact) in paths.quantities().items():
            spread = (learned - learned.mean(1, keepdim=True)).square().sum(-1).mean(1).sqrt()
            scores[name] = float(spread.mean()) / float(exact.norm(dim=-1).mean())
        return scores


class PathError(PathScore):
    """How far least-action paths of the learned drift are from those of the exact one.

    ``.action``: E|Ŝ - S| / E S. ``.energy``, ``.momentum``, ``.angular_momentum``, ``.noether``:
    the mean over paths of |mean_t Q̂ - mean_t Q|, in units of E|Q|. ``.path``: the root mean square
    distance between points of equal time, in units of the distance between the two ends. ``.time``,
    on a line: the mean |log t̂*(E) / t*(E)| over 4DE = 0.01, 0.1, 1, 10, with t*(E) = ∫ dx /
    √(f² + 4DE) from the first to the last point of the first path. Both have the same
    discretisation, so the exact drift scores 0.
    """

    name = "path_error"
    summary = "error of the action, charges and points of least-action paths"

    def along(self, paths: Judged) -> dict[str, float]:
        """Return the errors of the paths."""
        both = paths.both
        S, points = paths.exact.action[both], paths.exact.points[both]
        apart = (points[:, -1] - points[:, 0]).square().sum(-1).mean().sqrt()
        away = (paths.learned.points[both] - points).square().sum(-1).mean().sqrt()
        scores = {
            "action": float((paths.learned.action[both] - S).abs().mean() / S.mean()),
            "path": float(away / apart),
        }
        for name, (learned, exact) in paths.quantities().items():
            error = (learned.mean(1) - exact.mean(1)).norm(dim=-1).mean()
            scores[name] = float(error) / float(exact.norm(dim=-1).mean())
        return scores

    def beside(self, trained: Trained, task: Task) -> dict[str, float]:
        """Return the error of the times t*(E), on a line."""
        system = cast(Diffusion, task)
        ends = [points[0].tolist() for points in system.endpoints()[:2]]
        if len(ends[0]) != 1:
            return {}
        (first,), (last,) = ends
        with torch.no_grad():
            fields = learned(trained), system.drift
            times, truth = (travel_times(f, _SPEEDS, (first, last)) for f in fields)
        return {"time": float((times / truth).log().abs().mean())}


class DriftGenerators(DriftScore):
    """Cosine between the affine symmetries of the learned Lagrangian and the true ones.

    The Lagrangian is |v - f̂|²/(4D). The score is the root mean square principal cosine between the
    k* least eigenvectors of the Gram matrix of its changes, at the test states with velocities of
    unit noise, and the k* true generators. ``.chance`` is √(k*/m) for m = d(d + 1). ``.found`` is
    the number that a gap rule finds, ``.found.truth`` is k*, ``.gap`` is λ_{k*}/λ_{k*+1}, and
    ``.least`` is λ_1/λ_max. If k* = 0, there is no cosine, and the correct ``.found`` is 0.
    """

    name = "drift_generators"
    direction: ClassVar[Direction] = "higher"
    summary = "cosine between the symmetries of the learned Lagrangian and the true ones"

    def score(self, trained: Trained, task: Task, generator: torch.Generator) -> Scores:
        """Return the cosine with its annotations; nothing if the drift is not finite."""
        system = cast(Diffusion, task)
        field, x = learned(trained), trained.test.x.cpu().double()
        found = discover(field, system.diffusion, x, generator)
        return {} if found is None else found.scores(self.name, system.generators())

"""Least-action paths of a drift, known or learned: damped Newton on many paths at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from symbench import InputError
from symbench_noether.lagrangian import Lagrangian, Quadratic
from symbench_noether.tridiagonal import solve

_LEAST, _MOST = 1e-4, 1e8  # damping, in units of the mean diagonal of the Hessian
_HALVINGS = 8
_ROUNDING = torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Paths:
    """n stationary paths of N intervals in float64, and the results of their search.

    ``points`` [n, N + 1, d] at ``times`` [n, N + 1]; ``action`` [n]; ``momenta`` [n, N + 1, d], the
    discrete momentum map at the points; ``energies`` [n, N] at the midpoints; ``iterations`` [n];
    ``gradient`` [n], the largest entry of ∂S/∂x. ``reasons`` holds an empty string for each path
    that converged, and otherwise the reason of the failure.
    """

    times: Tensor
    points: Tensor
    action: Tensor
    momenta: Tensor
    energies: Tensor
    iterations: Tensor
    gradient: Tensor
    reasons: tuple[str, ...]

    @property
    def converged(self) -> Tensor:
        """Which paths [n] can be used."""
        return torch.tensor([not reason for reason in self.reasons])

    def noether(self, generators: Tensor) -> Tensor:
        """Return p·(W x + b) [n, N + 1, k] for affine generators (W | b) [k, d, d + 1].

        It is constant along a path, to rounding, if and only if the discrete action is invariant.
        The action is invariant if the drift is equivariant.
        """
        d = self.points.shape[-1]
        moved = torch.einsum("kij,ntj->ntki", generators[..., :d].double(), self.points)
        moved = moved + generators[..., d].double()
        return (self.momenta[:, :, None] * moved).sum(-1)

    @property
    def angular_momentum(self) -> Tensor:
        """x ∧ p = x₁p₂ - x₂p₁ [n, N + 1] at the points of paths in the plane."""
        x, p = self.points, self.momenta
        return x[..., 0] * p[..., 1] - x[..., 1] * p[..., 0]


def least_action(  # noqa: PLR0913 - the last three have defaults
    lagrangian: Lagrangian, start: Tensor, end: Tensor, times: Tensor, *,
    initial: Tensor | None = None, iterations: int = 100, tolerance: float = 1e-9,
) -> Paths:  # fmt: skip
    """Find the paths of locally least action between given ends, all at once.

    Newton's method minimises the midpoint-rule action, whose Hessian is block-tridiagonal. The
    method is damped (Levenberg-Marquardt) where the Hessian is not positive definite, or where a
    halving line search finds no step that lowers the action. A path is iterated until its gradient
    stops falling, usually well below the tolerance. If the action has several local minima, the
    initial path decides which one is found.

    Args:
        lagrangian: that of a drift that works in float64.
        start: the first points, [n, d].
        end: the last points, [n, d].
        times: the grid [N + 1], or one per path [n, N + 1]; it must increase, with N ≥ 2.
        initial: paths [n, N + 1, d] to start from; straight lines by default.
        iterations: the largest number of steps.
        tolerance: the largest gradient entry of a converged path, in units of 1 + max |p|.

    Raises:
        InputError: the shapes do not match, or the grid does not increase.
    """
    with torch.no_grad():
        points, times = _beginning(start, end, times, initial)
        search = _Search(lagrangian, times, points, tolerance)
        for _ in range(iterations):
            rows = search.pending.nonzero()[:, 0]
            if not len(rows):
                break
            search.step(rows)
        return search.result()


def _beginning(
    start: Tensor, end: Tensor, times: Tensor, initial: Tensor | None
) -> tuple[Tensor, Tensor]:
    start, end, times = start.double(), end.double(), times.double()
    if start.ndim != 2 or start.shape != end.shape:
        raise InputError(f"start and end must be [n, d]; got {[*start.shape]} and {[*end.shape]}")
    times = times.expand(len(start), -1)
    if times.shape[1] < 3 or not bool((times.diff(dim=1) > 0).all()):
        raise InputError("the times of a path must increase and form at least two intervals")
    part = ((times - times[:, :1]) / (times[:, -1:] - times[:, :1]))[..., None]
    points = start[:, None] * (1 - part) + end[:, None] * part
    if initial is not None:
        if initial.shape != points.shape:
            raise InputError(f"initial must be {[*points.shape]}; got {[*initial.shape]}")
        points[:, 1:-1] = initial[:, 1:-1].double()
    return points, times


class _Search:
    """The state of n searches; ``pending`` marks those that have not finished."""

    def __init__(
        self, lagrangian: Lagrangian, times: Tensor, points: Tensor, tolerance: float
    ) -> None:
        self.lagrangian, self.times, self.points = lagrangian, times, points
        self.tolerance = tolerance
        n = len(points)
        self.damping = points.new_zeros(n)
        self.last = points.new_full((n,), torch.inf)
        self.iterations = torch.zeros(n, dtype=torch.long, device=points.device)
        self.pending = torch.ones(n, dtype=torch.bool, device=points.device)
        value = lagrangian(*lagrangian.intervals(points, times)).view(n, -1)
        self.pending &= value.isfinite().all(1)

    def step(self, rows: Tensor) -> None:
        """Finish the rows whose gradient no longer falls, and move the others."""
        local = self.lagrangian.expanded(self.points[rows], self.times[rows])
        size, momentum = _largest(local.gradient), _largest(local.momenta)
        floor = _ROUNDING * (momentum + _largest(self.points[rows]) * self._inertia(rows))
        passes = size <= self.tolerance * (1 + momentum)
        done = (size <= floor) | (passes & (size > self.last[rows] / 2))
        done |= ~size.isfinite() | (self.damping[rows] > _MOST)
        self.last[rows] = size
        self.pending[rows[done]] = False
        if bool(done.all()):
            return
        left = ~done
        rows = rows[left]
        self._move(rows, Quadratic(*(part[left] for part in local)))
        self.iterations[rows] += 1

    def _inertia(self, rows: Tensor) -> Tensor:
        """Return 1/(2Dh) [n], the factor by which rounding of positions enters momenta."""
        return 1 / (2 * self.lagrangian.diffusion * self.times[rows].diff(dim=1).amin(1))

    def _move(self, rows: Tensor, local: Quadratic) -> None:
        """Take one damped Newton step, or raise the damping."""
        damping, d = self.damping[rows], self.points.shape[-1]
        scale = local.diagonal.diagonal(dim1=-2, dim2=-1).abs().mean((1, 2))
        shift = (
            torch.eye(d, dtype=scale.dtype, device=scale.device)
            * (damping * scale)[:, None, None, None]
        )
        direction, definite = solve(local.diagonal + shift, local.upper, -local.gradient)
        slope = (direction * local.gradient).sum((1, 2))
        taken = self._line(
            rows[definite], direction[definite], local.action[definite], slope[definite]
        )
        accepted = definite.clone()
        accepted[definite] = taken
        lower = torch.where(damping > _LEAST, damping / 10, 0)
        self.damping[rows] = torch.where(accepted, lower, (10 * damping).clamp(min=_LEAST))

    def _line(self, rows: Tensor, direction: Tensor, action: Tensor, slope: Tensor) -> Tensor:
        """Take the longest step of 1, ½, ¼ … that lowers the action; return whether one did [k]."""
        taken = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        # near the minimum, actions differ only by rounding
        slack = 16 * _ROUNDING * action.abs()
        for halving in range(_HALVINGS):
            left = (~taken).nonzero()[:, 0]
            if not len(left):
                break
            part = 0.5**halving
            trial = self.points[rows[left]]
            trial[:, 1:-1] += part * direction[left]
            found = self.lagrangian.action(trial, self.times[rows[left]])
            good = found <= (action + 1e-4 * part * slope + slack)[left]
            self.points[rows[left[good]]] = trial[good]
            taken[left[good]] = True
        return taken

    def result(self) -> Paths:
        """Return the paths with the reasons of those that failed."""
        at = self.lagrangian.intervals(self.points, self.times)
        local = self.lagrangian.expanded(self.points, self.times)
        definite = solve(local.diagonal, local.upper, local.gradient)[1]
        gradient = _largest(local.gradient)
        bad = ~local.momenta.isfinite().all(-1)
        passes = gradient <= self.tolerance * (1 + _largest(local.momenta))
        reasons = []
        for i, point in enumerate(bad.long().argmax(1).tolist()):
            if bool(bad[i, point]):
                # the momentum at a point belongs to the interval before it
                time = float(self.times[i, max(point - 1, 0)])
                reasons.append(
                    f"diverged: the drift or its derivatives are not finite at t = {time:g}"
                )
            elif not bool(passes[i]):
                why = "no convergence" if bool(self.pending[i]) else "no step lowers the action"
                reasons.append(f"{why}: gradient {float(gradient[i]):.2g}")
            else:
                reasons.append("" if bool(definite[i]) else "saddle: the action is not minimal")
        energies = self.lagrangian.energy(*at).view(len(self.points), -1)
        return Paths(
            self.times, self.points, local.action, local.momenta, energies,
            self.iterations, gradient, tuple(reasons),
        )  # fmt: skip


def _largest(values: Tensor) -> Tensor:
    return values.flatten(1).abs().amax(1)

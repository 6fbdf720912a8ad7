"""The Freidlin-Wentzell and Onsager-Machlup Lagrangians of a drift, and their discrete action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

Drift = Callable[[Tensor, Tensor], Tensor]
Field = Callable[[Tensor], Tensor]

_BLOCK = 1024  # points per block, so that the activations of a network fit the CPU cache


class Local(NamedTuple):
    """L and its derivatives at m points: ``xv`` has rows x and columns v."""

    value: Tensor
    x: Tensor
    v: Tensor
    xx: Tensor
    xv: Tensor
    vv: Tensor


class Quadratic(NamedTuple):
    """The discrete action of n paths to second order in their inner points."""

    action: Tensor
    gradient: Tensor
    diagonal: Tensor
    upper: Tensor
    momenta: Tensor


@dataclass(frozen=True)
class Lagrangian:
    """L(x, v, t) = |v - f(x, t)|² / (4D), of the process dx = f dt + √(2D) dW.

    It gives the weight of a path for D → 0 (Freidlin-Wentzell). ``onsager_machlup`` adds ½ ∇·f, the
    correction at finite D. The drift maps points [m, d] and times [m] to [m, d] and treats rows
    independently. It is differentiated up to second order, or third with the correction.
    """

    drift: Drift
    diffusion: float
    onsager_machlup: bool = False

    @classmethod
    def autonomous(
        cls, field: Field, diffusion: float, onsager_machlup: bool = False
    ) -> Lagrangian:
        """Return the Lagrangian of a drift [m, d] -> [m, d] that does not depend on time."""
        return cls(lambda x, t: field(x), diffusion, onsager_machlup)  # noqa: ARG005 - no time

    def __call__(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Return L [m] at points and velocities [m, d] and times [m]."""
        kinetic = (v - self.drift(x, t)).square().sum(-1) / (4 * self.diffusion)
        if not self.onsager_machlup:
            return kinetic
        with torch.enable_grad():
            live = x if x.requires_grad else x.detach().requires_grad_()
            trace = _trace(_jacobian(self.drift(live, t), live))
        return kinetic + (trace if x.requires_grad else trace.detach()) / 2

    def momentum(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Return p = ∂L/∂v = (v - f)/(2D), [m, d]."""
        return (v - self.drift(x, t)) / (2 * self.diffusion)

    def energy(self, x: Tensor, v: Tensor, t: Tensor) -> Tensor:
        """Return E = p·v - L, [m]; (|v|² - |f|²)/(4D) without the correction."""
        return (self.momentum(x, v, t) * v).sum(-1) - self(x, v, t)

    def derivatives(self, x: Tensor, v: Tensor, t: Tensor) -> Local:
        """Return L with its first and second derivatives at m points."""
        blocks = zip(x.split(_BLOCK), v.split(_BLOCK), t.split(_BLOCK), strict=True)
        local = [self._derivatives(*block) for block in blocks]
        return Local(*(torch.cat(parts) for parts in zip(*local, strict=True)))

    def _derivatives(self, x: Tensor, v: Tensor, t: Tensor) -> Local:
        scale = 1 / (2 * self.diffusion)
        with torch.enable_grad():
            live = x.detach().requires_grad_()
            f = self.drift(live, t)
            rest = (v - f).detach()
            jacobian = _jacobian(f, live, last=not self.onsager_machlup)
            extra = _trace(jacobian) / 2 if self.onsager_machlup else torch.zeros_like(f[:, 0])
            frozen = extra - scale * (rest * f).sum(-1)  # L at fixed v - f, up to a constant
            first = _jacobian(frozen[:, None], live)[:, 0]
            second = _jacobian(first, live, last=True)
        jacobian, one = jacobian.detach(), torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        return Local(
            scale / 2 * rest.square().sum(-1) + extra.detach(), first.detach(), scale * rest,
            second + scale * jacobian.mT @ jacobian, -scale * jacobian.mT,
            scale * one.expand_as(second),
        )  # fmt: skip

    def intervals(self, points: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return midpoints [nN, d], velocities [nN, d] and times [nN] of paths [n, N + 1, d]."""
        steps = times.diff(dim=1)[..., None]
        middle = (points[:, 1:] + points[:, :-1]) / 2
        clock = (times[:, 1:] + times[:, :-1]) / 2
        return middle.flatten(0, 1), (points.diff(dim=1) / steps).flatten(0, 1), clock.flatten()

    def action(self, points: Tensor, times: Tensor) -> Tensor:
        """Return S [n] = Σ h L by the midpoint rule, of paths [n, N + 1, d] at times [n, N + 1]."""
        value = self(*self.intervals(points, times)).view(len(points), -1)
        return (times.diff(dim=1) * value).sum(1)

    def expanded(self, points: Tensor, times: Tensor) -> Quadratic:
        """Return the action of the paths with its derivatives by their inner points.

        ``momenta`` [n, N + 1, d] is the discrete momentum map: p_i = ∂L_d(x_{i-1}, x_i)/∂x_i, and
        p_0 = -∂L_d(x_0, x_1)/∂x_0. On a stationary path, p_i is also minus the derivative of the
        following interval. If L is invariant under x -> x + ε(W x + b), then p_i·(W x_i + b) does
        not depend on i (discrete Noether theorem).
        """
        n = len(points)
        local = self.derivatives(*self.intervals(points, times))
        value, x, v, xx, xv, vv = (part.unflatten(0, (n, -1)) for part in local)
        step = times.diff(dim=1)[..., None]
        before, after = step / 2 * x - v, step / 2 * x + v  # by an interval's first and last point
        step = step[..., None]
        even, odd = step / 4 * xx + vv / step, (xv + xv.mT) / 2
        first, last = even - odd, even + odd
        cross = step / 4 * xx - vv / step + (xv - xv.mT) / 2
        return Quadratic(
            (step[..., 0, 0] * value).sum(1), after[:, :-1] + before[:, 1:],
            last[:, :-1] + first[:, 1:], cross[:, 1:-1], torch.cat([-before[:, :1], after], 1),
        )  # fmt: skip


def _jacobian(values: Tensor, x: Tensor, *, last: bool = False) -> Tensor:
    """Return ∂values/∂x [m, k, d] of values [m, k], where each row depends only on that row of x.

    The result can be differentiated again, unless ``last`` is set.
    """
    if not values.requires_grad:
        return x.new_zeros(*values.shape, x.shape[1])
    rows = [
        torch.autograd.grad(
            column.sum(), x, retain_graph=True, create_graph=not last, materialize_grads=True
        )[0]
        for column in values.unbind(1)
    ]
    return torch.stack(rows, 1)


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=-2, dim2=-1).sum(-1)

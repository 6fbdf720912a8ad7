"""Integrators with fixed steps: batched, differentiable, and free of data-dependent branches.

All of them take ``times`` [k] with k >= 1, on the CPU or on the device of the state. They return
the states [..., k, d] at all of these times, the initial state first, in the dtype of the state
[..., d]. Each interval between times is divided into ``substeps`` equal steps. Intervals may be
unequal, and times may run backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

Field: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""A field (state [..., d], t as a tensor without dimensions) -> rate of change [..., d]."""
Half: TypeAlias = Callable[[Tensor], Tensor]
"""One half of a separable field: q -> rate of change of p, or p -> rate of change of q."""
_Step: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]


def rk4(field: Field, state: Tensor, times: Tensor, substeps: int = 1) -> Tensor:
    """Return the states [..., k, d] by the classical Runge-Kutta method, of order 4."""

    def step(z: Tensor, t: Tensor, h: Tensor) -> Tensor:
        middle = t + h / 2
        first = field(z, t)
        second = field(z + h / 2 * first, middle)
        third = field(z + h / 2 * second, middle)
        fourth = field(z + h * third, t + h)
        return z + h / 6 * (first + 2 * second + 2 * third + fourth)

    return _march(step, state, times, substeps)


def implicit_midpoint(
    field: Field, state: Tensor, times: Tensor, substeps: int = 1, iterations: int = 12
) -> Tensor:
    """Return the states [..., k, d] by z' = z + h f((z + z')/2, t + h/2), of order 2.

    The method is symplectic for every Hamiltonian and conserves quadratic invariants. A fixed
    number of fixed-point iterations solves the equation. Each iteration multiplies the residual by
    at most h/2 times the Lipschitz constant of the field, so the solution is exact to rounding only
    if that product is small.
    """

    def step(z: Tensor, t: Tensor, h: Tensor) -> Tensor:
        middle = t + h / 2
        change = h * field(z, middle)
        for _ in range(iterations):
            change = h * field(z + change / 2, middle)
        return z + change

    return _march(step, state, times, substeps)


def leapfrog(
    force: Half, velocity: Half, state: Tensor, times: Tensor, substeps: int = 1
) -> Tensor:
    """Return the states (q, p) [..., k, d] by kick, drift and kick, of order 2.

    The Hamiltonian is H = T(p) + V(q), with ``velocity`` = T'(p) and ``force`` = -V'(q), both of
    half the size of the state. The method is symplectic, and is its own inverse when the times run
    backwards.
    """

    def step(z: Tensor, t: Tensor, h: Tensor) -> Tensor:  # noqa: ARG001 - nothing depends on t
        q, p = z.chunk(2, dim=-1)
        p = p + h / 2 * force(q)
        q = q + h * velocity(p)
        return torch.cat([q, p + h / 2 * force(q)], -1)

    return _march(step, state, times, substeps)


def _march(step: _Step, state: Tensor, times: Tensor, substeps: int) -> Tensor:
    """Return the states at all times, with ``substeps`` steps from each time to the next."""
    times = times.to(state.dtype)
    states = [state]
    for t, h in zip(times[:-1], times.diff() / substeps, strict=True):
        for i in range(substeps):
            state = step(state, t + i * h, h)
        states.append(state)
    return torch.stack(states, -2)

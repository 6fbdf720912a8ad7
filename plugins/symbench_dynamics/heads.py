"""Vector fields made of networks, and the flow of a field.

A state [n, d] holds all positions q, then all momenta p. The module of a field returns the rate of
change of a state by ``field(state, t)``, and integrates it by ``flow(state, times)`` (the
contract's ``Flows``). Called as a network, it returns what the task's targets are: the field
itself, or its flow over the task's times.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from symbench import InputError
from symbench.groups import binary_unit, standard_deviation
from symbench_dynamics.integrators import implicit_midpoint, leapfrog, rk4

_SLACK = 1e-5  # relative; the rounding of times to float32 must not add a step


@dataclass(frozen=True)
class Clock:
    """How a field is integrated: its task's ``times``, the longest ``step``, and the method.

    The unit of ``step`` is the widest interval of the task's times. A task without times has no
    unit of time; there it is the widest interval of the times that are asked for.
    """

    times: tuple[float, ...]
    step: float
    method: str = "rk4"

    def substeps(self, times: Tensor) -> int:
        """Return how many steps of at most ``step`` the widest interval of ``times`` [k] needs."""
        if len(times) < 2:
            return 1
        asked = float(times.diff().abs().max())
        own = max((abs(after - before) for before, after in pairwise(self.times)), default=asked)
        return max(1, math.ceil(asked / own / self.step * (1 - _SLACK)))


def on_host(times: Tensor, state: Tensor) -> Tensor:
    """Return times on the CPU, in the type of a state: numbers there go along with a launch."""
    return times.to("cpu", state.dtype)


def at_time(t: Tensor, state: Tensor) -> Tensor:
    """Return a time t without dimensions on the device of a state; a copy would have a GPU wait."""
    return torch.ones((), dtype=state.dtype, device=state.device) * t


class Field(nn.Module):
    """A vector field on states [n, d], with its flow.

    Raises:
        InputError: the clock's method is not one of ``methods``.
    """

    methods: tuple[str, ...] = ("rk4", "implicit-midpoint")

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        if clock.method not in self.methods:
            raise InputError(
                f"integrator {clock.method!r} is not supported here: "
                f"choose {' or '.join(self.methods)}"
            )
        self.clock = clock

    @abstractmethod
    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return dx/dt [n, d] at states [n, d] and time t (0-dimensional)."""

    def prepared(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Return ``field`` with the current parameters, for repeated calls."""
        return self.field

    def flow(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the states [n, k, d] at ``times`` [k] from ``state`` [n, d] at times[0]."""
        times = on_host(times, state)
        method = implicit_midpoint if self.clock.method == "implicit-midpoint" else rk4
        return method(self.prepared(), state, times, substeps=self.clock.substeps(times))

    def forward(self, x: Tensor) -> Tensor:
        """Return the flow [n, k, d] over the task's times, or the field [n, d] if it has none."""
        if not self.clock.times:
            return self.field(x, torch.zeros((), dtype=x.dtype, device=x.device))
        return self.flow(x, torch.tensor(self.clock.times, dtype=x.dtype))

    def observed(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return states [m, d] and their rates of change [m, d], from the training data.

        For trajectories y [n, k, d] these are midpoints and difference quotients of successive
        states.
        """
        if not self.clock.times:
            return x, y
        steps = torch.tensor(self.clock.times, dtype=y.dtype, device=y.device).diff()
        rates = y.diff(dim=1) / steps[:, None]
        return ((y[:, 1:] + y[:, :-1]) / 2).flatten(0, 1), rates.flatten(0, 1)


def calibrate(net: nn.Module, x: Tensor, y: Tensor) -> None:
    """Pass training data to one part of a field, if it can be calibrated."""
    if callable(show := getattr(net, "calibrate", None)):
        show(x, y)


def calibrate_potential(net: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """Calibrate a scalar function by its observed inputs x [m, d] and gradients [m, d].

    Its values are not observed. The network gets values that alternate between +r and -r, where
    r² = E Σᵢ (sᵢ ∂ᵢH)² and sᵢ is the standard deviation of xᵢ. Its initial gradients then have the
    right size.
    """
    product = gradient * standard_deviation(x)
    unit = binary_unit(product)
    r = (product / unit).square().sum(1).mean().sqrt() * unit
    signs = 1 - 2 * (torch.arange(len(x), device=x.device) % 2)
    calibrate(net, x, (r * signs.to(x))[:, None])


def prepared(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a network with its current parameters, for repeated calls.

    A network whose weights are computed from its parameters, independently of the input, offers
    ``prepared``: it computes the weights once and returns a function of the input. Any other
    network is returned as it is.
    """
    if callable(make := getattr(net, "prepared", None)):
        return cast("Callable[[Tensor], Tensor]", make())
    return net


def gradient(scalar: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return ∂f/∂x [n, d] of a function [n, d] -> [n, 1] that treats examples independently.

    A method ``gradient`` of the function is used if there is one, because an explicit formula is
    cheaper to differentiate again. Otherwise autograd computes the gradient.
    """
    if callable(own := getattr(scalar, "gradient", None)):
        return cast(Tensor, own(x))

    def total(points: Tensor) -> Tensor:
        return scalar(points).sum()

    return cast(Tensor, torch.func.grad(total)(x))


def rotated(slope: Tensor) -> Tensor:
    """Return J ∇H = (∂H/∂p, -∂H/∂q) for ∇H = (∂H/∂q, ∂H/∂p) [..., d]."""
    dq, dp = slope.chunk(2, -1)
    return torch.cat([dp, -dq], -1)


class Extended(nn.Module):
    """net(x, A x + b): a network whose input is extended by fixed affine functions of x."""

    matrix: Tensor
    offset: Tensor

    def __init__(self, net: nn.Module, matrix: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("matrix", matrix)
        self.register_buffer("offset", offset)

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Pass the extended training data on to the network."""
        calibrate(self.net, self._extended(x), y)

    def forward(self, x: Tensor) -> Tensor:
        """Return the network's output for x [n, d]."""
        return cast(Tensor, self.net(self._extended(x)))

    def _extended(self, x: Tensor) -> Tensor:
        return torch.cat([x, x @ self.matrix.mT + self.offset], 1)


class NeuralODE(Field):
    """dx/dt = net(x): any network as a field (Chen et al. 2018)."""

    def __init__(self, net: nn.Module, clock: Clock) -> None:
        super().__init__(clock)
        self.net = net

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate the network by states and their observed rates of change."""
        calibrate(self.net, *self.observed(x, y))

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return net(x)."""
        return cast(Tensor, self.net(state))

    def prepared(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Return ``field`` with the current parameters, for repeated calls."""
        net = prepared(self.net)
        return lambda state, _: net(state)


class Hamiltonian(Field):
    """dx/dt = J ∇H(x) with H a network: [n, d] -> [n, 1] (Greydanus et al. 2019)."""

    def __init__(self, net: nn.Module, clock: Clock) -> None:
        super().__init__(clock)
        self.net = net

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate H by the states, with values of the size that the observed rates imply."""
        states, rates = self.observed(x, y)
        calibrate_potential(self.net, states, -rotated(rates))

    def energy(self, state: Tensor) -> Tensor:
        """Return H(x) [n, 1]."""
        return cast(Tensor, self.net(state))

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return J ∇H(x)."""
        return self.prepared()(state, t)

    def prepared(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Return ``field`` with the current parameters, for repeated calls."""
        energy = prepared(self.net)
        return lambda state, _: rotated(gradient(energy, state))


class Separable(Field):
    """J ∇H with H = T(p) + V(q), integrated by leapfrog (Chen et al. 2020, SRNN)."""

    methods = ("leapfrog", "rk4", "implicit-midpoint")

    def __init__(self, kinetic: nn.Module, potential: nn.Module, clock: Clock) -> None:
        super().__init__(clock)
        self.kinetic, self.potential = kinetic, potential

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate T by the momenta and V by the positions, as any Hamiltonian."""
        states, rates = self.observed(x, y)
        (q, p), (velocity, force) = states.chunk(2, -1), rates.chunk(2, -1)
        calibrate_potential(self.kinetic, p, velocity)
        calibrate_potential(self.potential, q, -force)

    def energy(self, state: Tensor) -> Tensor:
        """Return T(p) + V(q) [n, 1]."""
        q, p = state.chunk(2, -1)
        return cast(Tensor, self.kinetic(p) + self.potential(q))

    def velocity(self, p: Tensor) -> Tensor:
        """Return dq/dt = ∇T(p) [n, d / 2]."""
        return gradient(self.kinetic, p)

    def force(self, q: Tensor) -> Tensor:
        """Return dp/dt = -∇V(q) [n, d / 2]."""
        return -gradient(self.potential, q)

    def field(self, state: Tensor, t: Tensor) -> Tensor:  # noqa: ARG002 - autonomous
        """Return (∇T(p), -∇V(q))."""
        q, p = state.chunk(2, -1)
        return torch.cat([self.velocity(p), self.force(q)], -1)

    def flow(self, state: Tensor, times: Tensor) -> Tensor:
        """Return the states [n, k, d] at ``times`` [k] from ``state`` [n, d] at times[0]."""
        if self.clock.method != "leapfrog":
            return super().flow(state, times)
        times = on_host(times, state)
        substeps = self.clock.substeps(times)
        return leapfrog(self.force, self.velocity, state, times, substeps=substeps)

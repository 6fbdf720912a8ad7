"""Networks for time-driven systems: a neural ODE with time as input, and (J - R) ∇H + F(t)."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import Tensor, nn

from symbench import InputError, Problem
from symbench_dynamics.heads import (
    Clock,
    Field,
    at_time,
    calibrate,
    calibrate_potential,
    gradient,
    rotated,
)
from symbench_dynamics.models import Dynamics, PortConfig
from symbench_dynamics.port import Force, force_network

_FIRST = 0.1  # initial diagonal of L; at L = 0 its gradient vanishes


class TimedODE(Field):
    """dx/dt = net(x, t)."""

    def __init__(self, net: nn.Module, clock: Clock) -> None:
        super().__init__(clock)
        self.net = net

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate the network by observed states with their times, and rates of change."""
        states, rates = self.observed(x, y)
        times = torch.tensor(self.clock.times, dtype=y.dtype, device=y.device)
        middle = ((times[1:] + times[:-1]) / 2).repeat(len(x))
        calibrate(self.net, torch.cat([states, middle[:, None]], 1), rates)

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return net(x, t)."""
        time = at_time(t, state).expand(len(state), 1)
        return cast(Tensor, self.net(torch.cat([state, time], 1)))


class Dissipative(Field):
    """dx/dt = (J - R) ∇H(x) + (0, F(t)), with R = L Lᵀ and L lower triangular.

    This is the general port-Hamiltonian form with a constant R. Without F the energy H never grows,
    whatever is learned: dH/dt = -|Lᵀ ∇H|². ``port-hnn-mlp`` is the published form, whose diagonal
    damping may have either sign. The published penalties on |F| and |N| are omitted.
    """

    def __init__(self, net: nn.Module, force: nn.Module, size: int, clock: Clock) -> None:
        super().__init__(clock)
        self.net, self.force = net, Force(force, clock.times)
        self.root = nn.Parameter(_FIRST * torch.eye(size))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate H by the states, with values of the size that the observed rates imply."""
        states, rates = self.observed(x, y)
        calibrate_potential(self.net, states, -rotated(rates))
        self.force.observe(rates.chunk(2, -1)[1])

    @property
    def friction(self) -> Tensor:
        """R [d, d], symmetric and without negative eigenvalues."""
        L = self.root.tril()
        return L @ L.mT

    def energy(self, state: Tensor) -> Tensor:
        """Return H(x) [n, 1]."""
        return cast(Tensor, self.net(state))

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return the rate of change [n, d] at time t."""
        slope = gradient(self.energy, state)
        drive = self.force(at_time(t, state).reshape(1, 1))
        drive = torch.cat([torch.zeros_like(drive), drive], 1)
        return rotated(slope) - slope @ self.friction + drive


def _needs_times(problem: Problem) -> None:
    if not problem.times:
        raise InputError("needs trajectories, but the targets have no times")


@final
class NodeTime(Dynamics):
    """dx/dt = perceptron(x, t), the baseline of Port-HNN's experiments."""

    name, prior = "node-time", "none"
    summary = "neural ODE on a perceptron with time as an input"
    reference = "Desai, Mattheakis, Sondak, Protopapas, Roberts 2021 (Port-HNN), its baseline"
    canonical = False

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the neural ODE.

        Raises:
            InputError: the targets are not trajectories.
        """
        _needs_times(problem)
        size = problem.input_size
        return TimedODE(self.network(problem, size + 1, size), clock)


@final
class PortDissipative(Dynamics):
    """dx/dt = (J - R) ∇H + F(t) with H a perceptron, R = L Lᵀ, and F a perceptron of time."""

    name, prior = "port-hnn-jr", "none"
    summary = "Hamiltonian network with dissipation and a time-dependent force"
    reference = "van der Schaft, Jeltsema 2014 (Port-Hamiltonian systems theory), chapter 2"
    Config = PortConfig
    config: PortConfig

    def head(self, problem: Problem, clock: Clock) -> Field:
        """Return the port-Hamiltonian network.

        Raises:
            InputError: the targets are not trajectories.
        """
        _needs_times(problem)
        size = problem.input_size
        force = force_network(self.config.width, size // 2)
        return Dissipative(self.network(problem, size, 1), force, size, clock)

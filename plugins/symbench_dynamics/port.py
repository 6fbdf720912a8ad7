"""Hamiltonian networks with damping and a force that depends on time."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from symbench.groups import Rescaled, root_mean_square
from symbench_dynamics.heads import Clock, Field, at_time, calibrate_potential, gradient, rotated

_HORIZON, _RATE = 3.0, 0.91  # of damped-forced: the last time, and the root mean square of dp/dt


class Sine(nn.Module):
    """sin(x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return sin(x)."""
        return x.sin()


def _published_times(times: Tensor) -> Tensor:
    return times.max() / _HORIZON


def _published_rates(rates: Tensor) -> Tensor:
    return root_mean_square(rates) / _RATE


class Force(Rescaled):
    """F(t), in units in which the training data have the horizon and forces of ``damped-forced``.

    Without times there is no unit of time, and only F(0) is learned: F is constant.
    """

    def __init__(self, net: nn.Module, times: tuple[float, ...]) -> None:
        super().__init__(net, _published_times, _published_rates)
        self.times = times

    def observe(self, rates: Tensor) -> None:
        """Read the units from the task's times and the observed dp/dt [m, f]."""
        times = torch.tensor(self.times or (_HORIZON,)).to(rates)
        self.calibrate(times, rates)

    def forward(self, t: Tensor) -> Tensor:
        """Return F [k, f] at times t [k, 1]."""
        return super().forward(t if self.times else torch.zeros_like(t))


def force_network(width: int, outputs: int) -> nn.Sequential:
    """Return F: t [n, 1] -> [n, outputs], two hidden layers of sines; initially F = 0."""
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(1, width), Sine(), nn.Linear(width, width), Sine(), last)


class PortHamiltonian(Field):
    """dq/dt = ∂H/∂p, dp/dt = -∂H/∂q + N ∂H/∂p + F(t), N diagonal (Desai et al. 2021).

    N < 0 damps. H, N and F are learned together. A constant part of F cannot be distinguished from
    a part of H that is linear in q. The published penalties on |F| and |N| are omitted.
    """

    def __init__(self, net: nn.Module, force: nn.Module, half: int, clock: Clock) -> None:
        super().__init__(clock)
        self.net, self.force = net, Force(force, clock.times)
        self.damping = nn.Parameter(torch.zeros(half))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate H by the states, with values of the size that the observed rates imply."""
        states, rates = self.observed(x, y)
        calibrate_potential(self.net, states, -rotated(rates))
        self.force.observe(rates.chunk(2, -1)[1])

    def energy(self, state: Tensor) -> Tensor:
        """Return the stationary energy H(x) [n, 1]."""
        return cast(Tensor, self.net(state))

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return the rate of change [n, d] at time t."""
        dq, dp = gradient(self.energy, state).chunk(2, -1)
        drive = self.force(at_time(t, state).reshape(1, 1))
        return torch.cat([dp, self.damping * dp - dq + drive], -1)

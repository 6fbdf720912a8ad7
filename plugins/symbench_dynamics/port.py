"""Hamiltonian networks with damping and a force that depends on time."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from symbench_dynamics.heads import Clock, Field, calibrate_potential, gradient, rotated


class Sine(nn.Module):
    """sin(x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return sin(x)."""
        return x.sin()


def force_network(width: int, outputs: int) -> nn.Sequential:
    """Return F: t [n, 1] -> [n, outputs], two hidden layers of sines; initially F = 0."""
    last = nn.Linear(width, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(1, width), Sine(), nn.Linear(width, width), Sine(), last)


class PortHamiltonian(Field):
    """dq/dt = ∂H/∂p, dp/dt = -∂H/∂q + N ∂H/∂p + F(t), N diagonal (Desai et al. 2021).

    N < 0 damps. H, N and F are learned together. A constant part of F cannot be distinguished from
    a part of H that is linear in q. The published penalties on |F| and |N| are omitted. F and t are
    in the units of the task.
    """

    def __init__(self, net: nn.Module, force: nn.Module, half: int, clock: Clock) -> None:
        super().__init__(clock)
        self.net, self.force = net, force
        self.damping = nn.Parameter(torch.zeros(half))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Calibrate H by the states, with values of the size that the observed rates imply."""
        states, rates = self.observed(x, y)
        calibrate_potential(self.net, states, -rotated(rates))

    def energy(self, state: Tensor) -> Tensor:
        """Return the stationary energy H(x) [n, 1]."""
        return cast(Tensor, self.net(state))

    def field(self, state: Tensor, t: Tensor) -> Tensor:
        """Return the rate of change [n, d] at time t."""
        dq, dp = gradient(self.energy, state).chunk(2, -1)
        drive = self.force(t.reshape(1, 1))
        return torch.cat([dp, self.damping * dp - dq + drive], -1)

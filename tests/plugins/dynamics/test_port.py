"""Port-Hamiltonian networks: exact parts give the exact field, and training finds them."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.heads import Clock
from symbench_dynamics.port import PortHamiltonian, force_network
from torch import nn

UNIT = (0.0, 1.0)  # times whose interval is the unit of steps

TIMES = torch.linspace(0, 4, 41, dtype=torch.float64)


class Oscillator(nn.Module):
    """½ (q² + p²)."""

    def forward(self, x):
        return x.square().sum(1, keepdim=True) / 2


class Drive(nn.Module):
    """sin 3t."""

    def forward(self, t):
        return (3 * t).sin()


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(step=0.1):
    head = PortHamiltonian(Oscillator(), Drive(), 1, Clock(UNIT, step)).double()
    nn.init.constant_(head.damping, -0.3)
    return head


def test_exact_parts_give_the_exact_field():
    x, t = normal(10, 2), torch.tensor(0.7, dtype=torch.float64)
    q, p = x.unbind(1)
    expected = torch.stack([p, -q - 0.3 * p + torch.sin(3 * t)], 1)
    torch.testing.assert_close(exact().field(x, t), expected)


def test_without_a_force_damping_takes_energy_at_its_known_rate():
    head = PortHamiltonian(Oscillator(), force_network(4, 1), 1, Clock(UNIT, 0.01)).double()
    nn.init.constant_(head.damping, -0.3)
    path = head.flow(normal(6, 2), TIMES)
    q, p = path.unbind(-1)
    energy = (q**2 + p**2) / 2
    taken = torch.trapezoid(0.3 * p**2, TIMES, dim=1)
    torch.testing.assert_close(energy[:, 0] - energy[:, -1], taken, atol=2e-3, rtol=0)


def test_a_new_network_is_neither_damped_nor_driven():
    head = PortHamiltonian(Oscillator(), force_network(4, 1), 1, Clock((), 0.1)).double()
    x = normal(10, 2)
    torch.testing.assert_close(head(x), torch.stack([x[:, 1], -x[:, 0]], 1))


@pytest.mark.statistics
def test_training_finds_the_damping_and_the_force():
    """From 20 trajectories, H a network: N within 0.03 of -0.3, F within 20 % of sin 3t.

    F is compared without its mean, which a linear part of H may contain.
    """
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 1))
    head = PortHamiltonian(net, force_network(32, 1), 1, Clock(UNIT, 0.1))
    truth = exact(step=0.02)
    states = truth.flow(normal(20, 2), TIMES).detach().transpose(0, 1)
    rates = torch.func.vmap(truth.field)(states, TIMES).detach().float()
    states, t = states.float(), TIMES.float()
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 500)
    for _ in range(500):
        loss = (torch.func.vmap(head.field)(states, t) - rates).square().mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        found, wanted = head.force(t[:, None])[:, 0], (3 * t).sin()
    error = (found - found.mean()) - (wanted - wanted.mean())
    assert abs(head.damping.item() + 0.3) < 0.03
    assert float(error.norm() / wanted.norm()) < 0.2

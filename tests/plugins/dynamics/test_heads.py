"""Heads: fields of exact functions, conservation by flows, and calibration of networks."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_dynamics.heads import (
    Clock,
    Extended,
    Hamiltonian,
    NeuralODE,
    Separable,
    gradient,
    rotated,
)
from torch import nn

from symbench import InputError
from symbench.contract import Calibrates, Flows
from symbench.groups import Standardised

UNIT = (0.0, 1.0)  # times whose interval is the unit of steps

MIDPOINT = Clock(UNIT, 0.1, "implicit-midpoint")


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def perceptron(inputs, outputs, seed=0, scale=1.0):
    torch.manual_seed(seed)
    layers = [nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh()]
    net = nn.Sequential(*layers, nn.Linear(16, outputs)).double()
    with torch.no_grad():
        net[-1].weight.mul_(scale)
    return net


class Quadratic(nn.Module):
    """½ xᵀ A x."""

    def __init__(self, A):
        super().__init__()
        self.register_buffer("A", A)

    def forward(self, x):
        return torch.einsum("ni,ij,nj->n", x, self.A, x)[:, None] / 2


def positive(size, seed=0):
    A = normal(size, size, seed=seed)
    return A @ A.mT / size + torch.eye(size, dtype=torch.float64)


def drift(head, state, times):
    path = head.flow(state, times)
    energy = head.energy(path.flatten(0, 1)).view(path.shape[:2])
    return ((energy - energy[:, :1]).abs().max() / energy[:, 0].abs().mean()).item()


def test_an_exact_hamiltonian_gives_the_exact_field():
    A = positive(6)
    x = normal(20, 6)
    J = torch.zeros(6, 6, dtype=torch.float64)
    J[:3, 3:], J[3:, :3] = torch.eye(3), -torch.eye(3)
    field = Hamiltonian(Quadratic(A), Clock((), 0.1))(x)
    torch.testing.assert_close(field, x @ (J @ A).mT, atol=1e-13, rtol=1e-13)


def test_the_flow_of_an_oscillator_is_a_rotation():
    head = Hamiltonian(Quadratic(torch.eye(2, dtype=torch.float64)), Clock(UNIT, 0.01))
    times = torch.tensor([0, 1.0, 2.5], dtype=torch.float64)
    path = head.flow(torch.tensor([[1.0, 0.0]], dtype=torch.float64), times)
    expected = torch.stack([times.cos(), -times.sin()], -1)[None]
    torch.testing.assert_close(path, expected, atol=1e-9, rtol=0)


def test_the_midpoint_flow_keeps_a_quadratic_hamiltonian():
    times = torch.linspace(0, 10, 11, dtype=torch.float64)
    head = Hamiltonian(Quadratic(positive(4)), Clock(UNIT, 0.05, "implicit-midpoint"))
    assert drift(head, normal(8, 4), times) < 1e-11


def test_the_midpoint_flow_keeps_a_networks_hamiltonian_to_second_order():
    times = torch.linspace(0, 8, 11, dtype=torch.float64)
    net = perceptron(4, 1, scale=4.0)
    coarse, fine = (
        drift(Hamiltonian(net, Clock(UNIT, step, "implicit-midpoint")), normal(8, 4), times)
        for step in (0.4, 0.2)
    )
    assert 3 < coarse / fine < 5
    assert fine < 0.02


def test_leapfrog_keeps_a_separable_networks_hamiltonian_over_a_long_time():
    stiff = Quadratic(torch.eye(2, dtype=torch.float64))
    head = Separable(stiff, perceptron(2, 1), Clock(UNIT, 0.05, "leapfrog"))
    state = normal(8, 4)
    near, far = (drift(head, state, torch.linspace(0, t, 21, dtype=torch.float64)) for t in (5, 30))
    assert far < 3 * near
    assert far < 1e-2


def test_a_separable_field_is_that_of_the_sum():
    kinetic, potential = perceptron(2, 1, seed=1), perceptron(2, 1, seed=2)
    head = Separable(kinetic, potential, Clock((), 0.1, "leapfrog"))
    x = normal(10, 4)
    torch.testing.assert_close(head(x), rotated(gradient(head.energy, x)))


def test_methods_agree_on_a_fine_grid():
    kinetic, potential = perceptron(1, 1, seed=1), perceptron(1, 1, seed=2)
    times = torch.tensor([0, 0.1, 0.2], dtype=torch.float64)
    flows = [
        Separable(kinetic, potential, Clock(UNIT, 5e-3, method)).flow(normal(4, 2), times)
        for method in ("rk4", "leapfrog", "implicit-midpoint")
    ]
    for flow in flows[1:]:
        torch.testing.assert_close(flow, flows[0], atol=1e-6, rtol=0)


def test_gradients_reach_the_parameters_through_the_flow():
    head = Hamiltonian(perceptron(2, 1), Clock((0.0, 0.2, 0.4), 0.1))
    loss = (head(normal(4, 2))).square().sum()
    parameter = head.net[0].weight
    (slope,) = torch.autograd.grad(loss, parameter)
    step = 1e-6 * normal(*parameter.shape, seed=5)
    with torch.no_grad():
        parameter.add_(step)
        up = (head(normal(4, 2))).square().sum()
        parameter.sub_(2 * step)
        down = (head(normal(4, 2))).square().sum()
    assert math.isclose(float((up - down) / 2), float((slope * step).sum()), rel_tol=1e-4)


def test_a_head_is_its_field_without_times_and_its_flow_with_them():
    net, x = perceptron(3, 3), normal(5, 3)
    assert torch.equal(NeuralODE(net, Clock((), 0.1))(x), net(x))
    head = NeuralODE(net, Clock((0.0, 0.3), 0.1))
    assert head(x).shape == (5, 2, 3)
    assert torch.equal(head(x)[:, 0], x)
    assert isinstance(head, Flows)
    assert isinstance(head, Calibrates)


@pytest.mark.parametrize(
    ("times", "step", "count"), [((0, 0.2, 0.4), 0.2, 1), ((0, 1, 1.5), 0.3, 4), ((0,), 0.1, 1)]
)
def test_no_step_is_longer_than_the_clocks(times, step, count):
    for dtype in (torch.float32, torch.float64):
        assert Clock(UNIT, step).substeps(torch.tensor(times, dtype=dtype)) == count


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_steps_are_counted_alike_in_every_unit_of_time(unit):
    asked = unit * torch.tensor([0, 0.5, 1.2])
    assert Clock((0.0, 0.2 * unit), 0.5).substeps(asked) == 7
    assert Clock((), 0.5).substeps(asked) == 2


def test_leapfrog_is_refused_where_the_hamiltonian_need_not_be_separable():
    with pytest.raises(InputError, match="integrator 'leapfrog' is not supported"):
        Hamiltonian(perceptron(2, 1), Clock(UNIT, 0.1, "leapfrog"))


def test_rates_are_read_off_trajectories_at_their_midpoints():
    times = (0.0, 0.5, 2.0)
    head = NeuralODE(perceptron(2, 2), Clock(times, 0.1))
    velocity = normal(4, 2)
    y = normal(4, 1, 2, seed=1) + velocity[:, None] * torch.tensor(times)[:, None]
    states, rates = head.observed(y[:, 0], y)
    torch.testing.assert_close(rates.view(4, 2, 2), velocity[:, None].expand(4, 2, 2))
    torch.testing.assert_close(states.view(4, 2, 2)[:, 0], y[:, 0] + 0.25 * velocity)


@pytest.mark.parametrize("size", [1e-2, 1e2])
@pytest.mark.parametrize("rate", [0.1, 10.0])
def test_a_calibrated_hamiltonian_starts_with_rates_of_the_right_size(size, rate):
    x = size * normal(200, 4)
    y = rate * size * rotated(normal(200, 4, seed=1))
    head = Hamiltonian(Standardised(perceptron(4, 1), 4, 1).double(), Clock((), 0.1))
    head.calibrate(x, y)
    with torch.no_grad():
        ratio = float(head(x).norm() / y.norm())
    assert 0.01 < ratio < 3


def test_a_calibrated_neural_ode_starts_at_the_mean_rate():
    times = (0.0, 0.1)
    net = Standardised(nn.Linear(2, 2).double(), 2, 2).double()
    nn.init.zeros_(net.net.weight)
    nn.init.zeros_(net.net.bias)
    head = NeuralODE(net, Clock(times, 0.1))
    y = normal(50, 2, 2)
    head.calibrate(y[:, 0], y)
    expected = (y[:, 1] - y[:, 0]).mean(0) / 0.1
    torch.testing.assert_close(head.field(y[:1, 0], torch.tensor(0.0))[0], expected)


def test_an_extended_network_reads_affine_functions_of_its_input():
    matrix, offset = normal(2, 3), normal(2, seed=1)
    x = normal(4, 3, seed=2)
    out = Extended(nn.Identity(), matrix, offset)(x)
    torch.testing.assert_close(out, torch.cat([x, x @ matrix.mT + offset], 1))

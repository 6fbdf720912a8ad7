"""Charges in space: EGNN's simulator, its baselines, and what the softened system conserves."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.charged import (
    BODIES,
    NBodyCharged,
    NBodySoftened,
    clipped_forces,
    initial,
    read,
    simulated,
    write,
)

from symbench.groups import O


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def charged():
    """Return positions and velocities before, and positions after, [500, 5, 3] each."""
    data = NBodyCharged().sample(500, 0, "train", dtype=torch.float64)
    _, x, v = read(data.x)
    return x, v, data.y.view(-1, BODIES, 3)


def couplings(charges):
    return torch.stack([charges[:, i] * charges[:, j] for i in range(5) for j in range(i + 1, 5)])


def test_states_are_read_as_they_are_written():
    parts = initial(3, generator())
    assert all(torch.equal(a, b) for a, b in zip(read(write(*parts)), parts, strict=True))


def test_initial_charges_are_units_and_speeds_are_a_half():
    charges, positions, velocities = initial(2000, generator())
    assert torch.equal(charges.abs(), torch.ones_like(charges))
    assert abs(float(charges.mean())) < 0.04  # four standard errors of the mean of 10,000 signs
    assert float(positions.var()) == pytest.approx(1, abs=0.04)
    assert torch.allclose(velocities.norm(dim=-1), torch.tensor(0.5, dtype=torch.float64))


def test_the_forces_are_coulombs():
    charges, x, _ = initial(20, generator())
    expected = torch.zeros_like(x)
    for i in range(5):
        for j in set(range(5)) - {i}:
            r = x[:, i] - x[:, j]
            strength = charges[:, i] * charges[:, j] / r.norm(dim=1) ** 3
            expected[:, i] += strength[:, None] * r
    forces = clipped_forces(couplings(charges), x.permute(1, 2, 0).contiguous()).permute(2, 0, 1)
    assert float(expected.abs().max()) < 100
    assert torch.allclose(forces, expected, rtol=1e-12, atol=1e-12)


def test_each_component_of_a_close_encounter_is_clipped():
    x = torch.arange(15, dtype=torch.float64).view(1, 5, 3) * 10
    x[0, 1] = x[0, 0] + torch.tensor([0.03, 0.01, 0.0])
    forces = clipped_forces(torch.ones(10, 1).double(), x.permute(1, 2, 0).contiguous())
    assert forces[0, :, 0].tolist()[:2] == [-100, -100]
    assert abs(float(forces[0, 2, 0])) < 1


def test_the_simulator_is_symplectic_euler_that_saves_after_the_drift():
    charges, x, v = initial(4, generator())
    first, second = simulated(charges, x, v, (1, 2))
    forces = clipped_forces(couplings(charges), x.permute(1, 2, 0).contiguous()).permute(2, 0, 1)
    _, moved, speed = read(first)
    assert torch.allclose(speed, v + 1e-3 * forces, rtol=1e-13)
    assert torch.allclose(moved, x + 1e-3 * speed, rtol=1e-13)
    assert torch.allclose(read(second)[1] - moved, 1e-3 * read(second)[2], rtol=1e-9)


def test_free_flight_and_rest_have_the_reference_errors(charged):
    """0.270 and 0.113 on 2,000 systems; 1/5 is three standard errors of 500 heavy-tailed values."""
    x, v, y = charged
    assert float((y - x).square().mean()) == pytest.approx(0.270, rel=0.2)
    assert float((y - x - v).square().mean()) == pytest.approx(0.113, rel=0.3)


def test_the_best_multiple_of_the_velocity_has_the_reference_error(charged):
    x, v, y = charged
    a = float((v * (y - x)).sum() / v.square().sum())
    assert a == pytest.approx(0.74, abs=0.08)
    assert float((y - x - a * v).square().mean()) == pytest.approx(0.085, rel=0.3)


def test_smaller_draws_are_the_first_of_larger_ones():
    task = NBodyCharged()
    few, many = task.sample(10, 0, "train"), task.sample(300, 0, "train")
    assert torch.equal(few.x, many.x[:10])
    assert torch.equal(few.y, many.y[:10])


def test_splits_differ():
    task = NBodyCharged()
    train, test = (task.sample(20, 0, split).x for split in ("train", "test"))
    assert float((train - test).abs().max()) > 0.1


def test_the_paper_error_is_the_mean_square_of_a_coordinate():
    y = torch.zeros(4, 15)
    assert NBodyCharged().paper_error(y + 0.5, y) == pytest.approx(0.25)


def test_the_softened_force_is_minus_the_gradient_of_the_energy():
    task = NBodySoftened()
    x = task.starts(10, generator()).requires_grad_()
    (gradient,) = torch.autograd.grad(task.energy(x).sum(), x)
    _, dx, dv = read(task.field(x.detach(), torch.zeros(())))
    assert torch.allclose(dx, read(gradient)[2], rtol=1e-12)
    assert torch.allclose(dv, -read(gradient)[1], rtol=1e-10, atol=1e-14)


def test_softened_trajectories_conserve_to_the_accuracy_of_the_integrator():
    task = NBodySoftened()
    start = task.starts(50, generator())
    path = task.solve(start, torch.tensor(task.rollout, dtype=torch.float64))
    limits = {"energy": 1e-5, "momentum": 1e-12, "angular_momentum": 1e-5}
    for name, values in task.conserved(path).items():
        drift = (values - values[:, :1]).abs().max()
        assert float(drift) < limits[name], name


def test_halving_the_step_does_not_change_softened_trajectories():
    task = NBodySoftened()
    start, times = task.starts(50, generator()), torch.tensor(task.rollout, dtype=torch.float64)
    path = task.solve(start, times)
    task.step = task.step / 2  # type: ignore[misc]
    assert float((task.solve(start, times) - path).abs().max()) < 1e-3


def test_the_softened_target_is_equivariant():
    task = NBodySoftened()
    x = task.sample(30, 0, "train", dtype=torch.float64).x
    g = O(3).sample(30, generator())
    told = task.symmetry
    moved, expected = task.target(told.input.act(g, x)), told.output.act(g[:, None], task.target(x))
    assert torch.allclose(moved, expected, atol=1e-11)


def test_the_softened_scales_of_the_momenta_are_means_of_sizes():
    task = NBodySoftened()
    data = task.sample(40, 0, "test", dtype=torch.float64)
    scale = task.conserved_scale(data.y)
    assert scale["momentum"] == pytest.approx(2.5, rel=1e-6)  # five bodies with a speed of 0.5
    assert scale["angular_momentum"] > 0

"""The closed-form laws: known values, and the symmetries that they declare."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.charged import read, write
from symbench_dynamics.forces import CLOSEST, ElectromagneticForce, GravityEnergy, scattered

from symbench.groups import O

TASKS = [ElectromagneticForce, GravityEnergy]


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bodies(charges, positions, velocities):
    """Return a state of five bodies; those not given are far away, with charge or mass 0."""
    far = 1e6 * torch.arange(1, 6).double()[:, None] * torch.tensor([1.0, 2.0, 3.0]).double()
    q, x, v = torch.zeros(5).double(), far, torch.zeros(5, 3).double()
    n = len(charges)
    q[:n], x[:n] = torch.tensor(charges).double(), torch.tensor(positions).double()
    v[:n] = torch.tensor(velocities).double()
    return write(q, x, v)[None]


def turned(task, y, order):
    return y.unflatten(1, (5, 3))[:, order].flatten(1) if y.shape[1] == 15 else y


def test_the_target_is_equivariant_under_rotations_and_reflections(task):
    told = task.symmetry
    x = task.sample(64, 0, "train", dtype=torch.float64).x
    g = O(3).sample(64, generator())
    expected = told.output.act(g, task.target(x))
    assert torch.allclose(task.target(told.input.act(g, x)), expected, rtol=1e-10, atol=1e-12)


def test_translations_do_not_change_the_target(task):
    x = task.sample(64, 0, "train", dtype=torch.float64).x
    q, places, v = read(x)
    moved = write(q, places + torch.tensor([2.0, -1.0, 0.5]), v)
    assert torch.allclose(task.target(moved), task.target(x), rtol=1e-10, atol=1e-12)


def test_bodies_can_be_permuted(task):
    x = task.sample(64, 0, "train", dtype=torch.float64).x
    order = [3, 0, 4, 1, 2]
    moved = write(*(part[:, order] for part in read(x)))
    expected = turned(task, task.target(x), order)
    assert torch.allclose(task.target(moved), expected, rtol=1e-10, atol=1e-12)


def test_draws_depend_on_seed_and_split_alone(task):
    first, again = task.sample(8, 1, "train"), task.sample(8, 1, "train")
    assert torch.equal(first.x, again.x)
    assert torch.equal(first.y, again.y)
    assert not torch.equal(first.x, task.sample(8, 2, "train").x)
    assert not torch.equal(first.x, task.sample(8, 1, "test").x)


def test_scattered_bodies_keep_their_distance():
    x = scattered(3000, generator())
    assert x.shape == (3000, 5, 3)
    apart = (x[:, :, None] - x[:, None]).norm(dim=-1) + 9 * torch.eye(5)
    assert float(apart.min()) >= CLOSEST
    assert float(apart.min()) < 1.1 * CLOSEST
    assert float(x.var()) == pytest.approx(1.05, abs=0.05)  # 1 without the condition


def test_two_charges_at_rest_repel_by_the_square_of_the_distance():
    y = ElectromagneticForce().target(bodies([2, 3], [[0, 0, 0], [2, 0, 0]], [[0] * 3] * 2))
    assert torch.allclose(y[0, :6], torch.tensor([-1.5, 0, 0, 1.5, 0, 0]).double(), atol=1e-9)


def test_charges_side_by_side_attract_magnetically():
    """Parallel currents attract: F = q² v²/r², against the repulsion q²/r²."""
    x = bodies([1, 1], [[0, 0, 0], [0, 2, 0]], [[0.5, 0, 0]] * 2)
    electric, magnetic = ElectromagneticForce().parts(x)
    expected = torch.tensor([0, 0.25 / 4, 0]).double()
    assert torch.allclose(magnetic[0, 0], expected, atol=1e-9)
    assert torch.allclose(electric[0, 0], -expected / 0.25, atol=1e-9)


def test_magnetic_forces_do_no_work():
    task = ElectromagneticForce()
    x = task.sample(200, 0, "train", dtype=torch.float64).x
    _, magnetic = task.parts(x)
    assert float((magnetic * read(x)[2]).sum(-1).abs().max()) < 1e-12 * float(magnetic.abs().max())


def test_the_magnetic_part_is_a_fifth_of_the_mean_square():
    task = ElectromagneticForce()
    electric, magnetic = task.parts(task.sample(4000, 0, "test", dtype=torch.float64).x)
    share = magnetic.square().mean() / (electric + magnetic).square().mean()
    assert float(share) == pytest.approx(0.2, abs=0.04)


def test_two_masses_have_the_energy_of_their_orbit():
    """m = 2, 3 at a distance of 4 with speeds 1 and 2: 2/2 + 12/2 - 6/4."""
    x = bodies([2, 3], [[0, 0, 0], [0, 0, 4]], [[1, 0, 0], [0, 2, 0]])
    assert float(GravityEnergy().target(x)) == pytest.approx(5.5, abs=1e-5)


def test_the_force_of_gravity_is_minus_the_gradient_of_the_energy():
    x = bodies([2, 3], [[0, 0, 0], [0, 0, 4]], [[0] * 3] * 2).requires_grad_()
    (gradient,) = torch.autograd.grad(GravityEnergy().target(x).sum(), x)
    force = -read(gradient)[1][0, 0]
    assert torch.allclose(force, torch.tensor([0, 0, 6 / 16]).double(), atol=1e-9)

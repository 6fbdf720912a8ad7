"""EGNN: its symmetries are exact to rounding; its inputs, and what it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from symbench_dynamics.charged import NBodyCharged, NBodySoftened, initial, read, write
from symbench_dynamics.egnn import EGNN
from symbench_dynamics.forces import ElectromagneticForce, GravityEnergy

from symbench import Problem, Symmetry
from symbench.contract import Calibrates, Flows
from symbench.groups import O, Scalar, V

TASKS = [NBodyCharged, NBodySoftened, ElectromagneticForce]


def problem(task):
    return Problem(
        kind=task.kind, loss=task.loss, input_shape=task.input_shape,
        output_shape=task.output_shape, symmetry=task.symmetry, times=task.times,
    )  # fmt: skip


def network(task, places: float = 1.0, dtype=torch.float64):
    """Return an untrained network whose shifts are much larger than initially."""
    torch.manual_seed(0)
    net = EGNN().build(problem(task)).to(dtype)
    for layer in net.layers:
        torch.nn.init.normal_(layer.shift[-1].weight, std=0.3)
    net.places.fill_(places)
    return net.requires_grad_(False)


def states(n: int = 12, dtype=torch.float64):
    return write(*initial(n, torch.Generator().manual_seed(1))).to(dtype)


def vectors(y):
    """Return the positions or forces [..., 5, 3] of outputs."""
    return read(y)[1] if y.shape[-1] == 35 else y.unflatten(-1, (5, 3))


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def test_rotations_and_reflections_commute_with_it(task):
    net, x, told = network(task), states(), task.symmetry
    g = O(3).sample(len(x), torch.Generator().manual_seed(2))
    y = net(x)
    expected = told.output.act(g if y.ndim == 2 else g[:, None], y)
    assert float((net(told.input.act(g, x)) - expected).abs().max()) < 1e-10
    assert float((y - net(told.input.act(g, x))).abs().max()) > 0.1


@pytest.mark.parametrize("places", [1.0, 0.0])
def test_translations_move_places_and_no_vectors(task, places):
    net, x = network(task, places), states()
    q, r, v = read(x)
    shift = torch.tensor([3.0, -2.0, 1.0]).double()
    moved = vectors(net(write(q, r + shift, v))) - vectors(net(x))
    expected = shift * (1.0 if task.times else places)
    assert float((moved - expected).abs().max()) < 1e-10


def test_permuted_bodies_have_permuted_outputs(task):
    net, x, order = network(task), states(), [2, 0, 4, 1, 3]
    y, permuted = (vectors(net(z)) for z in (x, write(*(part[:, order] for part in read(x)))))
    assert float((permuted - y[..., order, :]).abs().max()) < 1e-10
    assert float((permuted - y).abs().max()) > 0.1


@pytest.mark.parametrize("task", [NBodyCharged, ElectromagneticForce], ids=lambda t: t.name)
def test_whether_targets_are_places_is_read_off_the_data(task):
    data = task().sample(100, 0, "train")
    net = EGNN().build(problem(task()))
    assert isinstance(net, Calibrates)
    net.calibrate(data.x, data.y)
    assert float(net.places) == pytest.approx(float(task is NBodyCharged), rel=1e-4)


def test_charges_matter():
    net, x = network(NBodyCharged()), states()
    q, r, v = read(x)
    flipped = q * torch.tensor([-1.0, 1, 1, 1, 1])
    assert float((net(write(flipped, r, v)) - net(x)).abs().max()) > 1e-3


def test_its_flow_without_forces_is_free_flight():
    net = network(NBodySoftened())
    net.vectors = lambda q, x, v: torch.zeros_like(x)
    assert isinstance(net, Flows)
    q, r, v = read(states())
    times = torch.tensor([0.0, 0.7, 2.0]).double()
    path = net.flow(write(q, r, v), times)
    expected = torch.stack([write(q, r + t * v, v) for t in times], 1)
    assert torch.allclose(path, expected, atol=1e-12)


def test_its_flow_of_the_true_forces_is_of_second_order():
    task = NBodySoftened()
    net, x = network(task), states()
    zero = torch.zeros(())
    net.vectors = lambda q, r, v: read(task.field(write(q, r, v), zero))[2]
    times = torch.linspace(0, 2, 3).double()
    true = task.solve(x, times)
    errors = []
    for step in (0.1, 0.05):
        net.clock = replace(net.clock, step=step)
        errors.append(float((net.flow(x, times) - true).abs().max()))
    assert errors[0] < 0.01
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)


def test_its_field_is_what_its_flow_follows():
    net, x = network(NBodySoftened()), states()
    step = 1e-5
    path = net.flow(x, torch.tensor([0.0, step]).double())
    rate = net.field(x, torch.zeros(()))
    assert torch.allclose((path[:, 1] - path[:, 0]) / step, rate, atol=1e-3)


def test_a_stack_of_networks_gives_what_each_gives():
    task = NBodyCharged()
    nets = [EGNN().build(problem(task)) for _ in range(3)]
    parameters, buffers = torch.func.stack_module_state(nets)
    x = states(dtype=torch.float32)

    def one(p, b):
        return torch.func.functional_call(nets[0], (p, b), (x,))

    stacked = torch.func.vmap(one)(parameters, buffers)
    assert torch.allclose(stacked, torch.stack([net(x) for net in nets]), atol=1e-5)


@pytest.mark.parametrize(
    "law",
    [
        None,
        Symmetry(O(3), (35 * Scalar)(O(3)), (5 * V)(O(3))),
        Symmetry(O(3), (10 * V)(O(3)), (5 * V)(O(3))),
        Symmetry(O(1, 3), (5 * Scalar + 10 * V)(O(1, 3)), (5 * V)(O(1, 3))),
    ],
    ids=["untold", "scalars", "no scalars", "Lorentz"],
)
def test_it_declines_what_is_no_cloud_of_bodies(law):
    wrong = replace(problem(NBodyCharged()), symmetry=law)
    assert EGNN().accepts(wrong)


def test_it_declines_scalar_targets():
    assert "one vector" in str(EGNN().accepts(problem(GravityEnergy())))


def test_wide_systems_do_not_explode():
    """Systems twice as wide as the widest of 5,000 have shifts of the order of their size."""
    net, x = network(NBodyCharged()), states()
    q, r, v = read(x)
    moved = net(write(q, 40 * r, v)).unflatten(1, (5, 3)) - 40 * r
    assert float(moved.abs().max()) < 1e4


def test_it_learns_more_than_free_flight():
    """150 updates on 300 systems: below 0.085, the error of the best multiple of the velocity."""
    task = NBodyCharged()
    train, test = task.sample(300, 0, "train"), task.sample(300, 0, "test")
    torch.manual_seed(0)
    net = EGNN().build(problem(task))
    net.calibrate(train.x, train.y)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        batch = torch.randint(300, (32,), generator=generator)
        loss = (net(train.x[batch]) - train.y[batch]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (net(test.x) - test.y).square().mean().item() < 0.06

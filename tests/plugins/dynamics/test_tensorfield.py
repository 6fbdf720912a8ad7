"""Tensor products on point clouds: the couplings, the symmetries, and a short training."""

from __future__ import annotations

import pytest
import torch
from e3nn import o3
from symbench_dynamics.charged import NBodyCharged, NBodySoftened, initial, read, write
from symbench_dynamics.forces import ElectromagneticForce, GravityEnergy
from symbench_dynamics.tensorcloud import Convolution, Harmonics, features, harmonics, paths
from symbench_dynamics.tensorfield import TensorField, TensorFieldConfig

from symbench import Problem
from symbench.groups import O

TASKS = [NBodyCharged, NBodySoftened, ElectromagneticForce]


def problem(task):
    return Problem(
        kind=task.kind, loss=task.loss, input_shape=task.input_shape,
        output_shape=task.output_shape, symmetry=task.symmetry, times=task.times,
    )  # fmt: skip


def network(task, degree: int = 2, dtype=torch.float64):
    """Return an untrained network whose vectors are much larger than initially."""
    torch.manual_seed(0)
    net = TensorField(TensorFieldConfig(degree=degree, depth=2)).build(problem(task)).to(dtype)
    torch.nn.init.normal_(net.out, std=0.3)
    return net.requires_grad_(False)


def states(n: int = 8, dtype=torch.float64):
    return write(*initial(n, torch.Generator().manual_seed(1))).to(dtype)


def vectors(y):
    return read(y)[1] if y.shape[-1] == 35 else y.unflatten(-1, (5, 3))


def matrices(irreps, g):
    """Return the action [n, F, F] of orthogonal matrices on irreps, by e3nn's Wigner matrices."""
    det = torch.linalg.det(g)
    angles = o3.matrix_to_angles(g * det[:, None, None])
    blocks = []
    for irrep in irreps:
        block = irrep.D_from_angles(*angles, ((1 - det) / 2).round())
        blocks.append(block)
    return torch.stack([torch.block_diag(*(b[i] for b in blocks)) for i in range(len(g))])


@pytest.fixture(autouse=True)
def double_precision():
    """e3nn's Wigner matrices have the default precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


@pytest.fixture
def elements():
    return O(3).sample(8, torch.Generator().manual_seed(2))


def test_seven_paths_keep_parity_at_degree_one_and_seventeen_at_two():
    assert len(paths(1).gather) == 7
    assert len(paths(2).gather) == 17


def test_harmonics_are_those_of_e3nn_for_long_vectors():
    r = 1e6 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    ours = Harmonics(2)(r)
    theirs = o3.spherical_harmonics([0, 1, 2], r, normalize=True, normalization="component")
    assert torch.allclose(ours[:, :4], theirs[:, :4], atol=1e-9)
    scale = theirs[:, 4:].norm(dim=1) / ours[:, 4:].norm(dim=1)
    assert torch.allclose(ours[:, 4:] * scale[:, None], theirs[:, 4:], atol=1e-9)
    assert float(scale.std()) < 1e-9


@pytest.mark.parametrize("degree", [1, 2])
def test_a_convolution_commutes_with_the_wigner_matrices(degree, elements):
    torch.manual_seed(0)
    layer, Y = Convolution(3, degree, 8).double(), Harmonics(degree).double()
    width = sum(ir.dim for ir in features(degree))
    h, r = torch.randn(8, 5, 3, width), torch.randn(8, 5, 3)
    radial = torch.randn(8, 5, 5, 14)
    D = matrices(features(degree), elements)[:, None]
    turned = r @ elements.mT
    apart, moved = (x.unsqueeze(2) - x.unsqueeze(1) for x in (r, turned))
    expected = layer(h, Y(apart), radial) @ D.mT
    assert torch.allclose(layer(h @ D.mT, Y(moved), radial), expected, atol=1e-12)
    Dy = matrices(harmonics(degree), elements)[:, None, None]
    assert torch.allclose(Y(moved), (Dy @ Y(apart)[..., None])[..., 0], atol=1e-12)


@pytest.mark.parametrize("degree", [1, 2])
def test_rotations_and_reflections_commute_with_it(task, degree, elements):
    net, x, told = network(task, degree), states(), task.symmetry
    y = net(x)
    expected = told.output.act(elements if y.ndim == 2 else elements[:, None], y)
    assert float((net(told.input.act(elements, x)) - expected).abs().max()) < 1e-10
    assert float((y - expected).abs().max()) > 0.1


def test_translations_move_places(task):
    net, x = network(task), states()
    q, r, v = read(x)
    shift = torch.tensor([3.0, -2.0, 1.0])
    moved = vectors(net(write(q, r + shift, v))) - vectors(net(x))
    assert float((moved - shift).abs().max()) < 1e-10


def test_permuted_bodies_have_permuted_outputs(task):
    net, x, order = network(task), states(), [2, 0, 4, 1, 3]
    y, permuted = (vectors(net(z)) for z in (x, write(*(part[:, order] for part in read(x)))))
    assert float((permuted - y[..., order, :]).abs().max()) < 1e-10
    assert float((permuted - y).abs().max()) > 0.1


def test_a_network_that_was_float32_is_exact_in_float64(elements):
    torch.set_default_dtype(torch.float32)
    task = NBodyCharged()
    net, x, told = network(task, dtype=torch.float32).double(), states(), task.symmetry
    expected = told.output.act(elements, net(x))
    assert float((net(told.input.act(elements, x)) - expected).abs().max()) < 1e-10


def test_a_stack_of_networks_gives_what_each_gives():
    nets = [TensorField().build(problem(NBodyCharged())) for _ in range(3)]
    parameters, buffers = torch.func.stack_module_state(nets)
    x = states()

    def one(p, b):
        return torch.func.functional_call(nets[0], (p, b), (x,))

    stacked = torch.func.vmap(one)(parameters, buffers)
    assert torch.allclose(stacked, torch.stack([net(x) for net in nets]), atol=1e-10)


def test_it_declines_scalar_targets():
    assert "one vector" in str(TensorField().accepts(problem(GravityEnergy())))


def test_it_learns_more_than_free_flight():
    """150 updates on 300 systems: below 0.085, the error of the best multiple of the velocity."""
    torch.set_default_dtype(torch.float32)
    task = NBodyCharged()
    train, test = task.sample(300, 0, "train"), task.sample(300, 0, "test")
    torch.manual_seed(0)
    net = TensorField().build(problem(task))
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

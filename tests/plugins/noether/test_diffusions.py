"""Known values of the diffusions whose most likely paths have a closed form."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_noether.action import least_action
from symbench_noether.attractors import AttractorNetwork
from symbench_noether.diffusions import (
    DoubleWell,
    DriftDiffusion,
    OrnsteinUhlenbeck,
    RotatingOU,
    drift_diffusion,
    hitting_probability,
    linear_extremal,
)
from symbench_noether.fields import travel_times
from symbench_noether.lagrangian import Lagrangian

TASKS = [DriftDiffusion, OrnsteinUhlenbeck, RotatingOU, DoubleWell, AttractorNetwork]
ENDS = (-2.0, 2.0), (2.0, 2.0)
# k, ω, D, T: E, L, S of the path between ENDS
LINEAR = {
    (1, 0, 1, 1): (2.896246643865, -3.403672512957, 5.252141141997),
    (1, 0, 1, 10): (3.2978e-8, -3.63199439e-4, 4.000000016489),
    (1, 0, 0.5, 2): (0.608174638705, -2.205764518174, 8.298517765820),
    (1, 2, 0.5, 2): (1.760123848619, 1.441783906432, 6.629189674404),
    (0.5, 1, 0.25, 3): (4.894680400628, 3.719539938195, 9.368538703877),
}


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def grid(total, intervals):
    return torch.linspace(0, total, intervals + 1, dtype=torch.float64)


def matrix(k, w):
    return double([-k, -w], [w, -k])


def wedge(x, p):
    return x[..., 0] * p[..., 1] - x[..., 1] * p[..., 0]


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def test_the_published_path_of_the_constant_drift():
    path = drift_diffusion(double(0.1), 0.5, double([0.5]), double([-1.0]), grid(1.0, 4))
    assert float(path.momenta[0, 0]) == pytest.approx(-1.6, abs=1e-14)
    assert float(path.energy) == pytest.approx(1.12, abs=1e-14)
    assert float(path.action) == pytest.approx(1.28, abs=1e-14)
    assert torch.allclose(path.points[0, :, 0], double(0.5, 0.125, -0.25, -0.625, -1.0))


def test_the_travel_time_at_the_energy_of_that_path_is_its_time():
    time = travel_times(lambda x: 0 * x + 0.1, double(2 * 1.12), (0.5, -1.0))
    assert float(time) == pytest.approx(1, abs=1e-13)


def test_the_probability_of_hitting_the_upper_bound():
    assert hitting_probability(0.1, 0.5, 0.5, 1.0) == pytest.approx(0.7861617796, abs=1e-10)
    assert hitting_probability(0.0, 0.5, 0.5, 1.0) == pytest.approx(0.75)
    assert hitting_probability(1e-9, 0.5, 0.5, 1.0) == pytest.approx(0.75, abs=1e-8)


def test_momentum_and_energy_are_conserved_along_paths_of_the_constant_drift():
    task = DriftDiffusion()
    start, end, total = task.endpoints()
    times = grid(total, 50)
    found = least_action(Lagrangian.autonomous(task.drift, 0.5), start, end, times)
    exact = drift_diffusion(double(*task.velocity), 0.5, start, end, times)
    assert found.reasons == ("", "", "")
    assert torch.allclose(found.points, exact.points, atol=1e-13)
    assert torch.allclose(found.action, exact.action, rtol=1e-13)
    assert torch.allclose(found.energies, exact.energy[:, None].expand(-1, 50), rtol=1e-12)
    kept = found.noether(task.generators())
    assert torch.allclose(kept, exact.momenta, atol=1e-12)


@pytest.mark.parametrize(("setting", "values"), LINEAR.items())
def test_the_closed_form_of_the_linear_drift(setting, values):
    k, w, diffusion, total = setting
    path = linear_extremal(
        matrix(k, w), diffusion, (double(ENDS[0]), double(ENDS[1])), grid(total, 8)
    )
    E, L, S = values
    assert float(path.energy) == pytest.approx(E, abs=1e-10)
    assert wedge(path.points, path.momenta)[0].tolist() == pytest.approx([L] * 9, abs=1e-10)
    assert float(path.action) == pytest.approx(S, abs=1e-10)
    assert torch.allclose(path.points[0, [0, -1]], double(*ENDS), atol=1e-12)


def test_without_rotation_the_conserved_quantities_are_hyperbolic_functions_of_time():
    for total in (0.5, 1.0, 3.0):
        path = linear_extremal(
            matrix(1, 0), 1.0, (double(ENDS[0]), double(ENDS[1])), grid(total, 2)
        )
        E = (16 - 2 * 0 * math.cosh(total)) / math.sinh(total) ** 2
        assert 4 * float(path.energy) == pytest.approx(E, rel=1e-11)
        L = (-2 * 2 - 2 * 2) / math.sinh(total)
        assert 2 * float(wedge(path.points, path.momenta)[0, 1]) == pytest.approx(L, rel=1e-11)


def test_the_midpoint_path_of_the_linear_drift_converges_by_the_square_of_the_step():
    errors = []
    for intervals in (50, 100, 400):
        times = grid(1.0, intervals)
        ends = double(ENDS[0]), double(ENDS[1])
        exact = linear_extremal(matrix(1, 0), 1.0, ends, times)
        found = least_action(Lagrangian.autonomous(lambda x: -x, 1.0), *ends, times)
        errors.append(
            (
                float((found.action - exact.action).abs()),
                float((found.points - exact.points).abs().max()),
            )
        )
        J, E = found.angular_momentum, found.energies
        assert float(J.max() - J.min()) < 1e-12
        assert float(E.max() - E.min()) < 1e-11  # exact for a linear drift
    for first, second, factor in ((0, 1, 4), (1, 2, 16)):
        for a, b in zip(errors[first], errors[second], strict=True):
            assert a / b == pytest.approx(factor, rel=0.05)
    assert errors[0][0] < 2e-4


def test_the_midpoint_path_of_the_rotating_drift_is_the_closed_form():
    task = RotatingOU()
    start, end, total = task.endpoints()
    times = grid(total, 400)
    found = least_action(Lagrangian.autonomous(task.drift, task.diffusion), start, end, times)
    exact = task.extremal(start, end, times)
    assert torch.allclose(found.action, exact.action, rtol=1e-4)
    assert torch.allclose(found.points, exact.points, atol=1e-3)
    momenta = wedge(exact.points, exact.momenta)
    assert torch.allclose(found.angular_momentum, momenta, rtol=1e-3, atol=1e-4)


def test_the_increments_are_the_drift_with_noise_and_the_test_targets_the_drift(task):
    deviation = math.sqrt(2 * task.diffusion / task.step)
    for split in ("train", "valid"):
        data = task.sample(20_000, 1, split, dtype=torch.float64)
        noise = (data.y - task.drift(data.x)) / deviation
        assert float(noise.mean()) == pytest.approx(0, abs=5 / math.sqrt(noise.numel()))
        assert float(noise.std()) == pytest.approx(1, rel=0.02)
        correlation = (noise * task.drift(data.x)).mean() / task.drift(data.x).std().clamp(min=0.1)
        assert float(correlation) == pytest.approx(0, abs=0.03)
    test = task.sample(500, 0, "test", dtype=torch.float64)
    assert torch.equal(test.y, task.target(test.x))


def test_samples_depend_on_seed_and_split_alone(task):
    first = task.sample(50, 3, "train")
    assert torch.equal(first.x, task.sample(50, 3, "train").x)
    assert torch.equal(first.y, task.sample(50, 3, "train").y)
    assert not torch.equal(first.x, task.sample(50, 4, "train").x)
    assert not torch.equal(first.x, task.sample(50, 3, "valid").x)


def test_the_drift_is_equivariant_under_the_stated_group(task):
    symmetry = task.symmetry
    if symmetry is None:
        assert isinstance(task, DriftDiffusion)
        return
    x = task.sample(100, 0, "test", dtype=torch.float64).x
    for g in symmetry.group.sample(5, torch.Generator().manual_seed(0)):
        moved = task.drift(symmetry.input.act(g, x))
        assert torch.allclose(moved, symmetry.output.act(g, task.drift(x)), atol=1e-12)


def test_the_stated_generators_leave_the_lagrangian_invariant(task):
    generators = task.generators()
    lagrangian = Lagrangian.autonomous(task.drift, task.diffusion)
    generator = torch.Generator().manual_seed(0)
    x = task.sample(200, 0, "test", dtype=torch.float64).x
    v = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    local = lagrangian.derivatives(x, v, torch.zeros(len(x), dtype=torch.float64))
    for row in generators:
        W, b = row[:, :-1], row[:, -1]
        change = (local.x * (x @ W.mT + b)).sum(1) + (local.v * (v @ W.mT)).sum(1)
        assert float(change.abs().max()) < 1e-12
    # a dilation never leaves it invariant
    dilation = (local.x * x).sum(1) + (local.v * v).sum(1)
    assert float(dilation.abs().mean()) > 0.1


@pytest.mark.parametrize("kind", [OrnsteinUhlenbeck, RotatingOU])
def test_the_states_of_linear_bursts_have_the_variance_of_the_exact_transition(kind):
    task = kind()
    x = task.states(200_000, torch.Generator().manual_seed(0))
    # the mean of 4 e^(-2t) + (1 - e^(-2t))/2 over t in [0, 4]
    decay = (1 - math.exp(-8)) / 8
    expected = 4 * decay + (1 - decay) / 2
    assert x.var(0).tolist() == pytest.approx([expected] * 2, rel=0.02)


def test_bursts_of_the_double_well_settle_near_the_wells():
    task = DoubleWell()
    generator = torch.Generator().manual_seed(0)
    started, kept = task.starts(20_000, generator), task.states(20_000, generator)
    beyond = [float((x.abs() > 1.5).double().mean()) for x in (started, kept)]
    assert beyond[0] == pytest.approx(0.25, abs=0.02)
    assert 0.02 < beyond[1] < 0.5 * beyond[0]


def test_the_error_of_the_constant_drift_is_relative_to_its_own_square():
    task = DriftDiffusion()
    test = task.sample(100, 0, "test")
    assert task.headline_error(test.y, test) == 0
    assert task.headline_error(torch.zeros(100, 2), test) == pytest.approx(task.chance)
    train = task.sample(4000, 0, "train")
    mean = train.y.mean(0).expand(100, 2)
    assert task.headline_error(mean, test) < 5 * 20 / 4000
    loss = task.objective(task.drift(train.x), train.x, train.y)
    assert loss.shape == (4000,)
    assert float(loss.mean()) == pytest.approx(1, rel=0.1)

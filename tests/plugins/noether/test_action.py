"""The least-action solver: reference values, convergence, discrete Noether theorem, failures."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import minimize
from symbench_noether.action import least_action
from symbench_noether.attractors import NETWORK
from symbench_noether.lagrangian import Lagrangian

from symbench.errors import InputError

ROTATION = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]], dtype=torch.float64)
PLANE = Lagrangian.autonomous(NETWORK, 0.16)


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def grid(total, intervals):
    return torch.linspace(0, total, intervals + 1, dtype=torch.float64)


def swirl(x):
    """Return a rotation-equivariant field that is neither linear nor a gradient."""
    r2 = x.square().sum(-1, keepdim=True)
    turned = torch.stack([-x[..., 1], x[..., 0]], -1)
    return (1 - r2) * x + r2.cos() * turned


@pytest.fixture(scope="module")
def perceptron():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [torch.nn.Linear(2, 16), torch.nn.SiLU(), torch.nn.Linear(16, 2)]
    return torch.nn.Sequential(*layers).double()


@pytest.mark.parametrize("correction", [False, True])
def test_the_derivatives_of_the_action_are_those_of_automatic_differentiation(correction):
    lagrangian = Lagrangian(lambda x, t: swirl(x) * (1 + t[:, None]), 0.3, correction)
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(1, 6, 2, generator=generator, dtype=torch.float64)
    times = double(0.0, 0.1, 0.3, 0.4, 0.8, 1.0)[None]

    def action(inner):
        whole = torch.cat([points[:, :1], inner.view(1, 4, 2), points[:, 5:]], 1)
        return lagrangian.action(whole, times)[0]

    inner = points[:, 1:-1].flatten()
    local = lagrangian.expanded(points, times)
    hessian = torch.autograd.functional.hessian(action, inner).view(4, 2, 4, 2).movedim(1, 2)
    assert torch.allclose(local.action[0], action(inner))
    assert torch.allclose(
        local.gradient.flatten(), torch.autograd.functional.jacobian(action, inner), atol=1e-12
    )
    assert torch.allclose(local.diagonal[0], hessian.diagonal().movedim(-1, 0), atol=1e-11)
    assert torch.allclose(local.upper[0], hessian.diagonal(1).movedim(-1, 0), atol=1e-11)


def test_lbfgs_finds_the_same_path_and_the_same_action(perceptron):
    lagrangian, times = Lagrangian.autonomous(perceptron, 0.2), grid(1.5, 20)
    start, end = double([-1.0, 0.5]), double([1.0, 1.0])
    found = least_action(lagrangian, start, end, times)

    def action(inner):
        points = torch.cat([start, torch.from_numpy(inner).view(-1, 2), end])[None]
        points.requires_grad_()
        value = lagrangian.action(points, times[None]).sum()
        slope = torch.autograd.grad(value, points)[0]
        return float(value.detach()), slope[0, 1:-1].flatten().numpy()

    straight = start + (end - start) * torch.linspace(0, 1, 21).double()[1:-1, None]
    oracle = minimize(
        action, straight.flatten().numpy(), jac=True, method="L-BFGS-B",
        options={"maxiter": 5000, "maxcor": 50, "ftol": 0, "gtol": 1e-9},
    )  # fmt: skip
    assert found.reasons == ("",)
    assert float(found.action) == pytest.approx(oracle.fun, rel=1e-11)
    difference = found.points[0, 1:-1].flatten() - torch.from_numpy(oracle.x)
    assert float(difference.abs().max()) < 1e-6


def test_a_batch_finds_what_its_paths_find_alone(perceptron):
    lagrangian, times = Lagrangian.autonomous(perceptron, 0.2), grid(1.0, 30)
    generator = torch.Generator().manual_seed(1)
    start, end = torch.randn(2, 6, 2, generator=generator, dtype=torch.float64)
    together = least_action(lagrangian, start, end, times)
    for i in range(6):
        alone = least_action(lagrangian, start[i : i + 1], end[i : i + 1], times)
        assert torch.allclose(alone.points[0], together.points[i], atol=1e-10)


def test_every_path_may_have_its_own_grid():
    start, end = double([1.0, 0.0]), double([0.0, 2.0])
    times = torch.stack([grid(1.0, 40), grid(3.0, 40)])
    together = least_action(
        Lagrangian.autonomous(swirl, 0.5), start.expand(2, 2), end.expand(2, 2), times
    )
    for i in range(2):
        alone = least_action(Lagrangian.autonomous(swirl, 0.5), start, end, times[i])
        assert torch.allclose(alone.action[0], together.action[i], rtol=1e-12)


def test_the_momentum_map_of_a_rotation_equivariant_field_is_constant_to_rounding():
    start, end = (
        double([1.0, 0.5], [-2.0, 1.0], [0.3, 0.0]),
        double([-1.0, 1.0], [2.0, 1.0], [0, 1]),
    )
    paths = least_action(Lagrangian.autonomous(swirl, 0.25), start, end, grid(2.0, 100))
    assert all(not reason for reason in paths.reasons)
    J = paths.angular_momentum
    assert float(J.abs().amin()) > 0.02
    assert float((J.amax(1) - J.amin(1)).max()) < 1e-12
    assert torch.allclose(paths.noether(ROTATION)[..., 0], J, atol=1e-14)


def test_it_stays_constant_if_the_equivariant_field_depends_on_time():
    lagrangian = Lagrangian(lambda x, t: swirl(x) * (1 + t.sin())[:, None], 0.25)
    paths = least_action(lagrangian, double([1.0, 0.5]), double([-1.0, 1.0]), grid(2.0, 100))
    J, E = paths.angular_momentum, paths.energies
    assert float(J.max() - J.min()) < 1e-12
    assert float(E.max() - E.min()) > 0.1


def test_the_momentum_map_of_an_unconstrained_network_varies(perceptron):
    field = Lagrangian.autonomous(perceptron, 0.25)
    paths = least_action(field, double([1.0, 0.5]), double([-1.0, 1.0]), grid(2.0, 100))
    J = paths.angular_momentum[0]
    assert float((J.max() - J.min()) / J.abs().mean()) > 1e-2


def test_energy_varies_by_the_square_of_the_step():
    ranges = []
    for intervals in (50, 200, 800):
        lagrangian = Lagrangian.autonomous(lambda x: x - x**3, 0.1)
        path = least_action(lagrangian, double([-1.0]), double([1.0]), grid(5.0, intervals))
        ranges.append(float(path.energies.max() - path.energies.min()))
    assert ranges == [pytest.approx(value, rel=0.03) for value in (5.4e-3, 3.5e-4, 2.2e-5)]


def test_the_derivative_of_the_action_by_the_time_is_minus_the_energy():
    choice, mirror = (
        double([1.989711302293, -0.994854988419]),
        double([-0.994854988419, 1.989711302293]),
    )
    totals = (4.99, 5.0, 5.01)
    times = torch.stack([grid(total, 200) for total in totals])
    paths = least_action(PLANE, choice.expand(3, 2), mirror.expand(3, 2), times)
    slope = float(paths.action[2] - paths.action[0]) / 0.02
    assert -slope == pytest.approx(float(paths.energies[1].mean()), rel=1e-3)


def test_parameters_that_require_gradients_leave_no_graph_behind(perceptron):
    paths = least_action(
        Lagrangian.autonomous(perceptron, 0.2), double([0.0, 1]), double([1.0, 1]), grid(1.0, 8)
    )
    assert not paths.points.requires_grad
    assert not paths.action.requires_grad


def test_an_exploding_field_has_diverged_and_says_when():
    field = Lagrangian.autonomous(lambda x: x / (x[:, :1] < 0.5), 0.5)
    paths = least_action(
        field, double([0.0, 0.0], [0.0, 0.0]), double([1.0, 0.0], [0.4, 0.0]), grid(2.0, 100)
    )
    assert paths.converged.tolist() == [False, True]
    assert paths.reasons[0].startswith("diverged")
    assert float(paths.reasons[0].rsplit("= ", 1)[1]) == pytest.approx(1.0, abs=0.021)


def test_derivatives_that_are_no_numbers_count_as_divergence():
    field = Lagrangian.autonomous(lambda x: x.square().sum(1, keepdim=True).sqrt() * x, 0.5)
    times = double(0.0, 0.25, 0.75, 1.0)  # the second midpoint is the origin
    paths = least_action(field, double([-1.0, 0.0]), double([1.0, 0.0]), times)
    assert paths.reasons == ("diverged: the drift or its derivatives are not finite at t = 0.25",)


def test_too_few_iterations_are_no_convergence():
    choice = double([1.989711302293, -0.994854988419])
    paths = least_action(PLANE, choice, choice.flip(1), grid(10.0, 100), iterations=2)
    assert not bool(paths.converged)
    assert paths.reasons[0].startswith("no convergence: gradient")
    assert int(paths.iterations) == 2


def test_a_stationary_path_that_is_not_least_is_called_a_saddle():
    def headwind(x):
        return torch.stack([-3 * (-2 * x[:, 1].square()).exp(), 0 * x[:, 1]], 1)

    lagrangian, times = Lagrangian.autonomous(headwind, 0.5), grid(4.0, 40)
    start, end = double([-2.0, 0.0]), double([2.0, 0.0])
    ahead = least_action(lagrangian, start, end, times)
    assert ahead.reasons == ("saddle: the action is not minimal",)
    assert float(ahead.action) == pytest.approx(4.0 * 16 / 2, rel=1e-12)
    bend = double([0.0, 1.0]) * torch.linspace(0, math.pi, 41).double().sin()[:, None]
    aside = least_action(lagrangian, start, end, times, initial=ahead.points + bend)
    assert aside.reasons == ("",)
    assert float(aside.action) < 0.6 * float(ahead.action)


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        (double([0.0, 0.0]), double([1.0]), grid(1.0, 4)),
        (double([0.0]), double([1.0]), double(0.0, 1.0)),
        (double([0.0]), double([1.0]), double(0.0, 0.5, 0.5, 1.0)),
    ],
)
def test_ends_that_do_not_match_and_times_that_do_not_increase_are_refused(start, end, times):
    with pytest.raises(InputError):
        least_action(Lagrangian.autonomous(lambda x: -x, 0.5), start, end, times)


def test_an_initial_path_of_the_wrong_shape_is_refused():
    with pytest.raises(InputError, match="initial"):
        least_action(
            Lagrangian.autonomous(lambda x: -x, 0.5), double([0.0]), double([1.0]), grid(1.0, 4),
            initial=torch.zeros(1, 4, 1),
        )  # fmt: skip

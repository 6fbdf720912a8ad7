"""Known values of the attractor network: fixed points, and least action between choices."""

from __future__ import annotations

import pytest
import torch
from symbench_noether.action import least_action
from symbench_noether.attractors import NETWORK, AttractorNetwork, Network
from symbench_noether.lagrangian import Lagrangian

CHOICE = (1.989711302293, -0.994854988419)
SADDLE = (1.289362654240, -0.644674484702)
MIDDLE = (0.000336102133, 0.000336102133)
# T: action, energy, least distance to the undecided state; from a boundary-value solver
TABLE = {
    1: (27.7970490, 27.8378484, 0.675),
    2: (13.9296808, 6.8572208, 0.612),
    5: (6.1406408, 0.8882822, 0.397),
    10: (4.3589882, 0.1142035, 0.180),
    20: (4.0347975, 0.0040928, 0.038),
}


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def between(start, end, total, **options):
    lagrangian = Lagrangian.autonomous(NETWORK, AttractorNetwork.diffusion)
    times = torch.linspace(0, total, 401, dtype=torch.float64)
    return least_action(lagrangian, double(start), double(end), times, **options)


def test_there_are_five_fixed_points():
    expected = double(CHOICE[::-1], SADDLE[::-1], MIDDLE, SADDLE, CHOICE)
    found = NETWORK.fixed_points(-3, 4)
    assert found.shape == (5, 2)
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)


def test_three_of_them_are_stable_and_two_are_saddles():
    rates = torch.linalg.eigvals(NETWORK.jacobian(NETWORK.fixed_points(-3, 4)))
    assert float(rates.imag.abs().max()) < 1e-12
    rates = rates.real.sort(1).values
    assert rates[4].tolist() == pytest.approx([-0.999995582, -0.931762982], abs=1e-8)
    assert rates[2].tolist() == pytest.approx([-0.997760072, -0.993280217], abs=1e-8)
    assert rates[3].tolist() == pytest.approx([-0.999954384, 2.054237253], abs=1e-8)


def test_the_published_parameters_have_four_stable_states_four_saddles_and_a_source():
    published = Network(drive=1.25, excitation=2.0, inhibition=0.9, threshold=1.5, width=0.02)
    points = published.fixed_points(-1, 5, grid=80)
    growing = (torch.linalg.eigvals(published.jacobian(points)).real > 0).sum(1)
    assert sorted(growing.tolist()) == [0] * 4 + [1] * 4 + [2]
    stable = points[growing == 0]
    expected = double([0.35, 3.25], [1.25, 1.25], [2.35, 2.35], [3.25, 0.35])
    assert torch.allclose(stable, expected, atol=1e-6)


def test_the_jacobian_is_that_of_automatic_differentiation_and_not_symmetric():
    x = double([0.3, 1.1], [1.4, -0.2])
    for point, matrix in zip(x, NETWORK.jacobian(x), strict=True):
        expected = torch.autograd.functional.jacobian(NETWORK, point)
        assert torch.allclose(matrix, expected, atol=1e-14)
        assert abs(float(matrix[0, 1] - matrix[1, 0])) > 0.1


@pytest.mark.parametrize(("total", "values"), TABLE.items())
def test_least_action_from_choice_to_choice(total, values):
    action, energy, nearest = values
    path = between(CHOICE, CHOICE[::-1], float(total))
    assert path.reasons == ("",)
    assert float(path.action) == pytest.approx(action, rel=1e-3)
    # energy is the action's derivative by time, so its relative precision falls with T
    assert float(path.energies.mean()) == pytest.approx(energy, rel=1e-3, abs=1.2e-4)
    distance = (path.points[0] - double(MIDDLE)).norm(dim=1).min()
    assert float(distance) == pytest.approx(nearest, abs=1.5e-3)


@pytest.mark.parametrize("total", [5.0, 10.0, 20.0])
def test_a_start_by_way_of_the_undecided_state_finds_the_same_path(total):
    straight = between(CHOICE, CHOICE[::-1], total)
    corner = double(CHOICE, MIDDLE, CHOICE[::-1])
    part = torch.linspace(0, 1, 201).double()[:, None]
    via = torch.cat(
        [corner[0] + (corner[1] - corner[0]) * part, corner[1] + (corner[2] - corner[1]) * part[1:]]
    )
    other = between(CHOICE, CHOICE[::-1], total, initial=via[None])
    assert other.reasons == ("",)
    assert torch.allclose(other.points, straight.points, atol=1e-6)


def test_no_momentum_is_conserved_along_its_paths():
    task = AttractorNetwork()
    start, end, total = task.endpoints()
    paths = least_action(
        Lagrangian.autonomous(task.drift, task.diffusion), start, end,
        torch.linspace(0, total, 201, dtype=torch.float64),
    )  # fmt: skip
    assert bool(paths.converged.all())
    assert task.generators().shape == (0, 2, 3)
    both = torch.zeros(3, 2, 3, dtype=torch.float64)
    both[0, :, :2], both[1:, :, 2] = double([0, -1], [1, 0]), torch.eye(2).double()
    kept = paths.noether(both)
    assert float((kept.std(1) / kept.abs().mean(1)).min()) > 0.1


def test_the_ends_of_the_judged_paths_are_fixed_points():
    for ends in AttractorNetwork().endpoints()[:2]:
        assert float(NETWORK(ends).abs().max()) < 1e-9

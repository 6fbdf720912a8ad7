"""Known answers of the double well: travel times and least action between the wells."""

from __future__ import annotations

import pytest
import torch
from scipy.integrate import quad
from symbench_noether.action import least_action
from symbench_noether.diffusions import DoubleWell
from symbench_noether.fields import travel_times
from symbench_noether.lagrangian import Lagrangian


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def grid(total, intervals):
    return torch.linspace(0, total, intervals + 1, dtype=torch.float64)


def test_travel_times_between_the_wells():
    known = {
        1e-4: 15.878135383276, 1e-3: 12.380787168864, 1e-2: 8.765372947451,
        0.1: 4.941423962909, 1.0: 1.929610274265, 10.0: 0.630066189675,
    }  # fmt: skip
    times = travel_times(DoubleWell().drift, double(*known), (-1.0, 1.0))
    assert times.tolist() == pytest.approx(list(known.values()), abs=1e-11)


def test_travel_times_do_not_depend_on_the_direction_for_a_symmetric_well():
    forth = travel_times(DoubleWell().drift, double(0.3), (-1.0, 1.0))
    assert torch.allclose(forth, travel_times(DoubleWell().drift, double(0.3), (1.0, -1.0)))


def test_a_path_that_would_have_to_turn_has_no_travel_time():
    times = travel_times(DoubleWell().drift, double(-0.01, 0.01), (-1.0, 1.0))
    assert times.isnan().tolist() == [True, False]


@pytest.mark.parametrize(
    ("total", "S", "E", "closure"),
    [(2, 5.377548, 2.314633, 4e-7), (5, 2.899276, 0.241176, 2e-5), (10, 2.517958, 0.011556, 5e-4)],
)
def test_least_action_between_the_wells(total, S, E, closure):
    task = DoubleWell()
    start, end, _ = task.endpoints()
    path = least_action(Lagrangian.autonomous(task.drift, 0.1), start, end, grid(float(total), 800))
    assert path.reasons == ("", "")
    assert path.action.tolist() == pytest.approx([S, S], abs=1e-6)
    energy = path.energies.mean(1)
    assert energy.tolist() == pytest.approx([E, E], abs=1e-6)
    times = travel_times(task.drift, 4 * 0.1 * energy, (-1.0, 1.0))
    assert times.tolist() == pytest.approx([total] * 2, rel=closure)


def test_with_time_the_action_falls_to_the_barrier():
    task = DoubleWell()
    start, end, _ = task.endpoints()
    path = least_action(Lagrangian.autonomous(task.drift, 0.1), start, end, grid(16.0, 800))
    barrier = quad(lambda x: -(x - x**3) / 0.1, -1, 0)[0]
    assert barrier == pytest.approx(2.5)
    assert path.converged.all()
    assert path.action.tolist() == pytest.approx([barrier] * 2, abs=1e-3)

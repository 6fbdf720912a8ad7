"""Properties of every mechanical task: its field, symmetry, conserved quantities and draws."""

from __future__ import annotations

import pytest
import torch
from symbench_dynamics.bodies import ThreeBody, TwoBody
from symbench_dynamics.pendula import DoublePendulum, Pendulum, SpringPendulum, TalkPendulum
from symbench_dynamics.springs import DampedForced, MassSpring

from symbench.contract import SPLITS

FLOWS = [DampedForced, SpringPendulum]
FIELDS = [MassSpring, Pendulum, DoublePendulum, TwoBody, ThreeBody]
CANONICAL = [MassSpring, Pendulum, TwoBody, ThreeBody, SpringPendulum, TalkPendulum]
ZERO = torch.zeros((), dtype=torch.float64)


def named(task):
    return task.name


@pytest.fixture(params=[*FIELDS, *FLOWS], ids=named)
def task(request):
    return request.param()


def states(task, n=20, seed=0):
    return task.starts(n, torch.Generator().manual_seed(seed))


def slope(task, z):
    return torch.func.grad(lambda x: task.energy(x).sum())(z)


@pytest.mark.parametrize("cls", CANONICAL, ids=named)
def test_the_field_is_that_of_hamilton_s_equations(cls):
    task = cls()
    z = states(task)
    dq, dp = slope(task, z).chunk(2, -1)
    assert torch.allclose(task.field(z, ZERO), torch.cat([dp, -dq], -1), atol=1e-12)


@pytest.mark.parametrize("cls", [*FIELDS, SpringPendulum, TalkPendulum], ids=named)
def test_the_energy_does_not_change_along_the_field(cls):
    task = cls()
    z = states(task)
    terms = slope(task, z) * task.field(z, ZERO)
    assert float(terms.sum(-1).abs().max()) < 1e-12 * float(terms.abs().max())


def test_every_conserved_quantity_stays_along_exact_trajectories(task):
    z, times = states(task), torch.linspace(0, 2, 5, dtype=torch.float64)
    path = task.solve(z, times)
    for values in task.conserved(path).values():
        assert values.shape[:2] == path.shape[:2]
        size = max(1.0, float(values.abs().max()))
        assert float((values - values[:, :1]).abs().max()) < 1e-6 * size


def test_another_trajectory_has_another_value_of_all_but_the_total_momentum(task):
    z = states(task)
    for quantity, values in task.conserved(z[:, None]).items():
        assert quantity == "momentum" or float(values.std(0).min()) > 1e-3


def test_the_exact_target_is_equivariant(task):
    if (told := task.symmetry) is None:
        pytest.skip("a control without symmetry")
    x = task.sample(20, 1, "test", dtype=torch.float64).x
    y = task.target(x)
    for g in told.group.sample(8, torch.Generator().manual_seed(0)):
        moved = task.target(told.input.act(g, x)).reshape(-1, told.output.size)
        expected = told.output.act(g, y.reshape(-1, told.output.size))
        assert torch.allclose(moved, expected, atol=1e-10)


def test_conserved_numbers_are_invariant_up_to_sign_and_vectors_in_norm(task):
    if (told := task.symmetry) is None:
        pytest.skip("a control without symmetry")
    z = states(task)
    g = told.group.sample(1, torch.Generator().manual_seed(0))[0]
    for quantity, values in task.conserved(told.input.act(g, z)[:, None]).items():
        before = task.conserved(z[:, None])[quantity]
        moved, still = (v.norm(dim=-1) if v.ndim == 3 else v.abs() for v in (values, before))
        assert torch.allclose(moved, still, atol=1e-12)


@pytest.mark.parametrize("split", SPLITS)
def test_draws_have_the_stated_shapes_and_depend_on_the_arguments_alone(task, split):
    data, again, other = (task.sample(7, seed, split) for seed in (0, 0, 1))
    assert data.x.shape == (7, *task.input_shape)
    assert data.y.shape == (7, *task.output_shape)
    assert data.x.dtype == data.y.dtype == torch.float32
    assert torch.equal(data.x, again.x)
    assert torch.equal(data.y, again.y)
    assert not torch.equal(data.x, other.x)


def test_splits_do_not_share_states(task):
    first, second, third = (task.sample(20, 0, split).x for split in SPLITS)
    assert min(float(torch.cdist(a, b).min()) for a, b in
               [(first, second), (first, third), (second, third)]) > 0  # fmt: skip


def test_the_targets_of_the_test_split_are_exact(task):
    data = task.sample(20, 0, "test", dtype=torch.float64)
    assert torch.allclose(data.y, task.target(data.x), atol=1e-12)


def test_both_dtypes_get_the_same_states(task):
    single, double = (task.sample(9, 0, "train", dtype) for dtype in (torch.float32, torch.float64))
    assert torch.equal(single.x.double(), double.x)


def test_halving_the_step_of_the_data_changes_a_trajectory_by_less_than_a_millionth(task):
    z = states(task)
    times = task.times or (0.0, 0.5, 1.0)
    coarse = task.truth(z, times)
    task.step = task.step / 2
    fine = task.solve(z, torch.tensor(times, dtype=torch.float64))
    assert float((coarse - fine).norm() / fine.norm()) < 1e-6


def test_a_trajectory_starts_with_the_input_and_rollouts_at_time_zero(task):
    assert task.rollout[0] == 0
    if task.times:
        data = task.sample(5, 0, "train")
        assert torch.equal(data.y[:, 0], data.x)


def test_rollouts_last_ten_times_the_training_horizon():
    horizons = {task: getattr(task, "horizon", 0) or task.times[-1] for task in
                (MassSpring, Pendulum, TwoBody, SpringPendulum)}  # fmt: skip
    assert all(task.rollout[-1] >= 9.99 * horizon for task, horizon in horizons.items())


def test_the_truth_that_is_kept_belongs_to_its_states_and_times(task):
    z, times = states(task, 3), (0.0, 0.3, 0.7)
    for some, grid in ((z, times), (z.flip(0), times), (z, times[:2]), (z, times)):
        expected = task.solve(some, torch.tensor(grid, dtype=torch.float64))
        assert torch.equal(task.truth(some, grid), expected)

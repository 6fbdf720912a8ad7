"""The pendula: known values, and the reference errors of the published table."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_dynamics.pendula import DoublePendulum, Pendulum, SpringPendulum, TalkPendulum
from symbench_dynamics.scores import relative_error
from symbench_dynamics.systems import double_pendulum_energy

KNOWN = torch.tensor(
    [[0.1, -0.2, -1.4, 0.3, 0.05, -2.9, 0.4, -0.1, 0.2, -0.3, 0.2, 0.1]], dtype=torch.float64
)
# fmt: off
AFTER = {
    0.2: (.1813821278, -.2150618856, -1.392734497, .2378757636, .0862654887, -2.8791258728),
    1.0: (.456608483, -.170349331, -1.895987978, .003247908, .155075562, -2.861257111),
}
# fmt: on


@pytest.mark.parametrize(
    ("cls", "energy"), [(SpringPendulum, -3.752817017911), (TalkPendulum, -3.895280852894)]
)
def test_the_energies_of_the_known_state(cls, energy):
    assert float(cls().energy(KNOWN)) == pytest.approx(energy, abs=5e-13)


def test_the_angular_momentum_of_the_known_state_is_conserved():
    path = SpringPendulum().solve(KNOWN, torch.tensor([0, 1, 5.0], dtype=torch.float64))
    moment = SpringPendulum().conserved(path)["angular_momentum"]
    assert torch.allclose(moment, torch.full_like(moment, 0.145), atol=1e-7)


@pytest.mark.parametrize("time", AFTER)
def test_the_positions_that_the_known_state_reaches(time):
    task = SpringPendulum()
    task.step = 0.0025
    path = task.solve(KNOWN, torch.tensor([0, time], dtype=torch.float64))
    expected = torch.tensor(AFTER[time], dtype=torch.float64)
    # 10 and 9 decimals are known
    assert float((path[0, 1, :6] - expected).abs().max()) < (6e-10 if time == 1 else 6e-11)


def test_the_step_of_the_data_reaches_them_to_eight_digits():
    path = SpringPendulum().solve(KNOWN, torch.tensor([0, 1.0], dtype=torch.float64))
    expected = torch.tensor(AFTER[1.0], dtype=torch.float64)
    assert float((path[0, 1, :6] - expected).abs().max()) < 2e-8


def geometric(error):
    return float(error.clamp(min=1e-7).log().mean().exp())


@pytest.fixture(scope="module")
def rollouts():
    """Return initial states, and their trajectories in both potentials at 150 times."""
    z = SpringPendulum().starts(300, torch.Generator().manual_seed(0))
    return z, *(cls().truth(z, cls.rollout) for cls in (SpringPendulum, TalkPendulum))


def test_the_yardsticks_of_rollouts_are_those_measured(rollouts):
    z, code, talk = rollouts
    constant = relative_error(z[:, None].expand_as(code), code)
    # on 300 instead of 500 states, of another generator; the spread was 2 %
    assert geometric(constant) == pytest.approx(0.276, rel=0.05)
    assert geometric(relative_error(code, talk)) == pytest.approx(0.141, rel=0.05)
    mean = relative_error(code.mean((0, 1)).expand_as(code), code)
    assert geometric(mean) == pytest.approx(0.205, rel=0.05)


def test_an_initial_error_of_a_ten_thousandth_grows_as_measured(rollouts):
    z, code, _ = rollouts
    noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(1), dtype=z.dtype)
    moved = SpringPendulum().solve(z + 1e-4 * noise, times_of(SpringPendulum))
    assert geometric(relative_error(moved, code)) == pytest.approx(6.2e-5, rel=0.15)


def test_the_data_are_a_thousand_times_more_accurate_than_the_best_model(rollouts):
    z, code, _ = rollouts
    fine = SpringPendulum()
    fine.step = 0.01
    assert float(relative_error(fine.solve(z, times_of(SpringPendulum)), code).max()) < 5e-6


def times_of(task):
    return torch.tensor(task.rollout, dtype=torch.float64)


def test_there_are_150_times_of_the_rollout_and_five_of_the_target():
    assert len(SpringPendulum.rollout) == 150
    assert SpringPendulum.rollout[-1] == pytest.approx(29.8)
    assert SpringPendulum.times == pytest.approx((0, 0.2, 0.4, 0.6, 0.8))


def test_pieces_of_trajectories_are_spread_further_than_initial_states():
    task = SpringPendulum()
    pieces = task.sample(500, 0, "train", dtype=torch.float64).x
    initial = task.starts(500, torch.Generator().manual_seed(0))
    assert float(initial[:, :2].std()) == pytest.approx(0.2, abs=0.02)
    assert float(initial[:, 6:].std()) == pytest.approx(0.4, abs=0.02)
    assert float(pieces[:, :2].std()) > 1.5 * float(initial[:, :2].std())
    # their energies are still distributed as those of initial states
    means = [float(task.energy(x).mean()) for x in (pieces, initial)]
    spread = float(task.energy(initial).std()) / math.sqrt(500)
    assert abs(means[0] - means[1]) < 5 * spread


def test_the_pendula_of_the_paper_and_of_the_talk_draw_different_data():
    paper, talk = (cls().sample(5, 0, "train").y for cls in (SpringPendulum, TalkPendulum))
    assert float((paper - talk).abs().max()) > 1e-2


def test_the_pendulum_beats_the_period_of_its_amplitude():
    # T = 2π/√6 / AGM(1, cos(a/2)) for H = 3 (1 - cos q) + p², released at a = 2
    mean, other = 1.0, math.cos(1.0)
    for _ in range(30):
        mean, other = (mean + other) / 2, math.sqrt(mean * other)
    period = 2 * math.pi / math.sqrt(6) / mean
    z = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    path = Pendulum().solve(z, torch.tensor([0, period / 2, period], dtype=torch.float64))
    assert torch.allclose(path[0, 1], -z[0], atol=1e-6)
    assert torch.allclose(path[0, 2], z[0], atol=1e-6)


def double_pendulum_lagrangian(a, w):
    """Return T - V, from the energy T + V and the V of the pendulum at rest."""
    rest = double_pendulum_energy(torch.cat([a, torch.zeros_like(w)]))
    return double_pendulum_energy(torch.cat([a, w])) - 2 * rest


def test_the_accelerations_solve_the_equations_of_lagrange():
    task = DoublePendulum()
    z = task.starts(20, torch.Generator().manual_seed(0))
    L = double_pendulum_lagrangian
    for state, rate in zip(z, task.field(z, torch.tensor(0.0)), strict=True):
        a, w = state[:2], state[2:]
        mass = torch.func.hessian(L, 1)(a, w)
        mixed = torch.func.jacrev(torch.func.grad(L, 1), 0)(a, w)
        right = torch.func.grad(L, 0)(a, w) - mixed @ w
        assert torch.allclose(mass @ rate[2:], right, atol=1e-9)
        assert torch.equal(rate[:2], w)


def test_small_oscillations_of_the_double_pendulum_have_the_textbook_frequencies():
    matrix = torch.func.jacrev(lambda z: DoublePendulum().field(z, torch.tensor(0.0)))(
        torch.zeros(4, dtype=torch.float64)
    )
    squares = torch.linalg.eigvals(matrix).imag.square().sort().values[::2]
    expected = 9.8 * torch.tensor([2 - math.sqrt(2), 2 + math.sqrt(2)], dtype=torch.float64)
    assert torch.allclose(squares, expected, atol=1e-10)


def test_the_largest_potential_of_the_double_pendulum_is_the_scale_of_its_energy():
    upright = torch.tensor([math.pi, math.pi, 0.0, 0.0], dtype=torch.float64)
    assert float(double_pendulum_energy(upright)) == pytest.approx(29.4, abs=1e-12)
    assert DoublePendulum.energy_scale == pytest.approx(29.4)


def test_the_paper_s_error_is_the_sum_of_absolute_errors():
    y = torch.zeros(3, 4)
    prediction = torch.tensor([[1.0, -1.0, 2.0, 0.0]]).repeat(3, 1)
    assert DoublePendulum().paper_error(prediction, y) == 4.0

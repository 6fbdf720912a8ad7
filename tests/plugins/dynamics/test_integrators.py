"""The integrators: their orders, symplecticity and reversibility, and use with torch.func."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from symbench_dynamics.integrators import implicit_midpoint, leapfrog, rk4

OMEGA = 1.5


def oscillator(z, t):
    q, p = z.chunk(2, -1)
    return torch.cat([p, -(OMEGA**2) * q], -1)


def pendulum(z, t):
    q, p = z.chunk(2, -1)
    return torch.cat([p, -q.sin()], -1)


def pendulum_energy(z):
    q, p = z.chunk(2, -1)
    return (p.square() / 2 - q.cos()).squeeze(-1)


def identity(p):
    return p


METHODS = {
    "rk4": (partial(rk4, oscillator), partial(rk4, pendulum)),
    "implicit": (
        partial(implicit_midpoint, oscillator, iterations=30),
        partial(implicit_midpoint, pendulum, iterations=16),
    ),
    "leapfrog": (
        partial(leapfrog, lambda q: -(OMEGA**2) * q, identity),
        partial(leapfrog, lambda q: -q.sin(), identity),
    ),
}
SYMPLECTIC = ["implicit", "leapfrog"]


def span(*times):
    return torch.tensor(times, dtype=torch.float64)


def starts(n=5, size=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, size, generator=generator, dtype=torch.float64)


def exact(z, times):
    q, p = (part.unsqueeze(1) for part in z.chunk(2, -1))
    cosine, sine = ((OMEGA * times).cos()[:, None], (OMEGA * times).sin()[:, None])
    return torch.cat([q * cosine + p / OMEGA * sine, p * cosine - q * OMEGA * sine], -1)


@pytest.mark.parametrize(("name", "order"), [("rk4", 4), ("implicit", 2), ("leapfrog", 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(name, order):
    z, times = starts(), span(0, 2)
    solve, truth = METHODS[name][0], exact(starts(), span(2))[:, 0]
    coarse, fine = ((solve(z, times, k)[:, 1] - truth).norm() for k in (40, 80))
    assert float((coarse / fine).log2()) == pytest.approx(order, abs=0.05)


@pytest.mark.parametrize("name", METHODS)
def test_all_states_come_back_the_initial_one_first_at_unequal_times(name):
    z, times = starts(), span(0, 0.1, 0.5, 0.55)
    path = METHODS[name][0](z, times, substeps=400)
    assert path.shape == (5, 4, 2)
    assert torch.equal(path[:, 0], z)
    assert torch.allclose(path, exact(z, times), atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_substeps_are_the_steps_of_a_finer_grid(name):
    z, solve = starts(), METHODS[name][1]
    fine = solve(z, torch.linspace(0, 1, 9, dtype=torch.float64))
    assert torch.allclose(solve(z, span(0, 0.5, 1), 4), fine[:, ::4], atol=1e-14)


@pytest.mark.parametrize("name", METHODS)
def test_one_time_gives_the_state_itself(name):
    assert torch.equal(METHODS[name][0](starts(), span(3.0)), starts()[:, None])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_that_of_the_state_whatever_that_of_the_times(name, dtype):
    path = METHODS[name][0](starts().to(dtype), torch.linspace(0, 1, 3, dtype=torch.float64))
    assert path.dtype == dtype


@pytest.mark.parametrize("name", SYMPLECTIC)
def test_a_symmetric_method_run_backwards_returns_to_the_start(name):
    z, solve = starts(), METHODS[name][1]
    there = solve(z, span(0, 3), 20)[:, 1]
    assert torch.allclose(solve(there, span(3, 0), 20)[:, 1], z, atol=1e-13)


def test_rk4_run_backwards_misses_the_start_by_its_error():
    z, solve = starts(), METHODS["rk4"][1]
    back = solve(solve(z, span(0, 3), 20)[:, 1], span(3, 0), 20)[:, 1]
    assert 1e-10 < float((back - z).abs().max()) < 1e-3


def violation(solve, z):
    """Return the largest entry of Dᵀ Ω D - Ω, with D the derivative of one step at each state."""
    step = torch.func.vmap(torch.func.jacrev(lambda one: solve(one[None], span(0, 0.4))[0, 1]))
    D = step(z)
    omega = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    return float((D.mT @ omega @ D - omega).abs().max())


@pytest.mark.parametrize("name", SYMPLECTIC)
def test_the_derivative_of_a_symplectic_step_preserves_the_form(name):
    assert violation(METHODS[name][1], starts()) < 1e-12


def test_that_of_a_runge_kutta_step_does_not():
    assert violation(METHODS["rk4"][1], starts()) > 1e-6


def test_the_implicit_midpoint_rule_conserves_a_quadratic_energy_to_rounding():
    path = METHODS["implicit"][0](starts(), torch.arange(0, 100.0, dtype=torch.float64) * 0.3)
    energy = path[..., 1].square() + OMEGA**2 * path[..., 0].square()
    assert float((energy / energy[:, :1] - 1).abs().max()) < 1e-12


@pytest.mark.parametrize("name", SYMPLECTIC)
def test_the_energy_error_of_a_symplectic_method_stays_bounded(name):
    path = METHODS[name][1](starts() / 2, torch.arange(0, 600.0, dtype=torch.float64) * 0.2)
    error = (pendulum_energy(path) - pendulum_energy(path[:, :1])).abs()
    assert float(error[:, 300:].max()) < 1.1 * float(error[:, :300].max())


def test_the_energy_error_of_rk4_grows_with_time():
    path = METHODS["rk4"][1](starts() / 2, torch.arange(0, 600.0, dtype=torch.float64) * 0.2)
    error = (pendulum_energy(path) - pendulum_energy(path[:, :1])).abs()
    assert float(error[:, 300:].max()) > 1.5 * float(error[:, :300].max())


@pytest.mark.parametrize("method", [rk4, implicit_midpoint])
def test_a_field_sees_the_time_as_a_number_without_dimensions(method):
    def field(z, t):
        assert t.shape == ()
        return torch.ones_like(z) * t.cos()

    path = method(field, starts(), span(1.0, 1.5, 3.0), 50)
    moved = path - starts()[:, None]
    expected = span(1.0, 1.5, 3.0).sin() - span(1.0).sin()
    assert torch.allclose(moved, expected[:, None].expand_as(moved), atol=1e-4)


@pytest.mark.parametrize("method", [rk4, implicit_midpoint])
def test_stacked_parameters_give_what_each_gives_alone(method):
    matrices, z = starts(6, 4).view(6, 2, 2) / 3, starts()

    def flow(A):
        return method(lambda state, t: state @ A.mT, z, span(0, 0.5, 1), 2)

    stacked = torch.func.vmap(flow)(matrices)
    assert torch.allclose(stacked, torch.stack([flow(A) for A in matrices]), atol=1e-14)


@pytest.mark.parametrize("name", METHODS)
def test_the_flow_is_differentiable(name):
    z = starts().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: METHODS[name][1](x, span(0, 0.3, 0.7)), (z,))


def test_a_linear_flow_is_the_matrix_exponential():
    A = starts(2)
    path = rk4(lambda z, t: z @ A.mT, starts(4, 2, 1), span(0, 0.5, 1.0), 100)
    for k, t in enumerate((0.0, 0.5, 1.0)):
        expected = starts(4, 2, 1) @ torch.linalg.matrix_exp(A * t).mT
        assert torch.allclose(path[:, k], expected, atol=1e-9)


def test_torchdiffeq_agrees_on_the_pendulum():
    torchdiffeq = pytest.importorskip("torchdiffeq")
    times = torch.linspace(0, 5, 11, dtype=torch.float64)
    truth = torchdiffeq.odeint(
        lambda t, z: pendulum(z, t), starts(), times, method="dopri5", rtol=1e-10, atol=1e-12
    )
    assert torch.allclose(METHODS["rk4"][1](starts(), times, 200), truth.movedim(0, 1), atol=1e-8)


def test_scipy_agrees_on_the_pendulum():
    integrate = pytest.importorskip("scipy.integrate")
    times = torch.linspace(0, 5, 11, dtype=torch.float64)
    truth = integrate.solve_ivp(
        lambda t, z: [z[1], -math.sin(z[0])], (0, 5), starts()[0].numpy(), "DOP853", times.numpy(),
        rtol=1e-11, atol=1e-12,
    )  # fmt: skip
    path = METHODS["rk4"][1](starts()[:1], times, 200)[0]
    assert torch.allclose(path, torch.from_numpy(truth.y.T), atol=1e-9)

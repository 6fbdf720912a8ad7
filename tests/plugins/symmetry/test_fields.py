"""The fields: their algebras in exact arithmetic, their trajectories, what degenerate data test."""

from __future__ import annotations

import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from symbench_symmetry import coverage, fields
from symbench_symmetry.polynomials import PolynomialField

from symbench.metrics.candidate import candidate
from symbench.metrics.derivative import Derivative
from symbench.metrics.truth import true_algebra

PLAIN = [
    fields.Hopf,
    fields.PlanarRotation,
    fields.SymmetricTop,
    fields.RadialFlow,
    fields.VanDerPol,
    fields.Duffing,
    fields.LotkaVolterra,
    fields.Selkov,
    fields.AsymmetricBody,
    fields.Lorenz,
]
COVERED = [
    coverage.HopfOrbits,
    coverage.HopfOrbit,
    coverage.HopfNoisy,
    coverage.SymmetricTopOrbit,
    coverage.AsymmetricBodyOrbit,
    coverage.VanDerPolOrbits,
    coverage.VanDerPolOrbit,
    coverage.VanDerPolNoisy,
    coverage.LorenzOrbits,
    coverage.LorenzOrbit,
]
DIMENSIONS = {
    "field-hopf": 1,
    "field-planar-rotation": 2,
    "field-symmetric-top": 2,
    "field-radial": 3,
}


@pytest.fixture(params=PLAIN, ids=lambda task: task.name)
def task(request):
    return request.param()


def in_symbols(field: PolynomialField) -> tuple[list[sympy.Symbol], sympy.Matrix]:
    """Return the coordinates and the field as a matrix of polynomials over the rationals."""
    x = sympy.symbols(f"x:{field.dim}")
    rows = [
        sum(
            sympy.Rational(c) * sympy.prod(v**e for v, e in zip(x, exponents, strict=True))
            for exponents, c in terms.items()
        )
        for terms in field.components
    ]
    return list(x), sympy.Matrix(rows)


def exact_algebra(field: PolynomialField) -> torch.Tensor:
    """Return a basis [k, d + 1, d + 1] of the affine ξ with DF ξ - Dξ F = 0, over the rationals."""
    x, F = in_symbols(field)
    d = field.dim
    unknowns = sympy.symbols(f"a:{d * (d + 1)}")
    A = sympy.Matrix(d, d + 1, unknowns)
    xi = A * sympy.Matrix([*x, 1])
    bracket = F.jacobian(x) * xi - xi.jacobian(x) * F
    equations = [c for entry in bracket for c in sympy.Poly(sympy.expand(entry), *x).coeffs()]
    system, _ = sympy.linear_eq_to_matrix(equations, unknowns)
    null = [[float(v) for v in vector] + [0.0] * (d + 1) for vector in system.nullspace()]
    return torch.tensor(null).double().reshape(-1, d + 1, d + 1)


def projector(rows: torch.Tensor) -> torch.Tensor:
    q = torch.linalg.qr(rows.flatten(1).mT).Q
    return q @ q.mT


def test_the_declared_algebra_is_the_one_of_exact_arithmetic(task):
    exact = exact_algebra(task.field)
    assert len(exact) == DIMENSIONS.get(task.name, 0)
    if task.group is None:
        assert len(exact) == 0
    else:
        assert torch.allclose(projector(task.group.algebra), projector(exact), atol=1e-12)


def test_the_truth_on_the_test_inputs_is_the_exact_algebra(task):
    truth = true_algebra(task, task.sample(400, 0, "test").x)
    exact = exact_algebra(task.field)
    assert len(truth.Q) == len(exact)
    if len(exact):
        assert torch.allclose(projector(truth.generators), projector(exact), atol=1e-7)
    else:
        assert truth.is_zero
        assert float(truth.bounds(truth.target).min()) > 0.1  # no control is nearly symmetric


@settings(max_examples=20, deadline=None)
@given(task_class=st.sampled_from(PLAIN), seed=st.integers(0, 2**16))
def test_the_field_is_the_one_in_symbols(task_class, seed):
    field = task_class.field
    x, F = in_symbols(field)
    point = torch.randn(field.dim, generator=torch.Generator().manual_seed(seed)).double()
    expected = F.subs(dict(zip(x, point.tolist(), strict=True)))
    assert torch.allclose(field(point), torch.tensor([float(v) for v in expected]).double())


def test_the_derivative_is_the_one_in_symbols(task):
    x, F = in_symbols(task.field)
    point = torch.tensor(
        [0.0, 0.75, -0.5][: task.field.dim]
    ).double()  # a zero: no power of 0 breaks
    expected = F.jacobian(x).subs(dict(zip(x, point.tolist(), strict=True))).tolist()
    slope = torch.autograd.functional.jacobian(task.field, point)
    assert torch.allclose(
        slope, torch.tensor([[float(v) for v in row] for row in expected]).double()
    )


@pytest.mark.parametrize("task_class", [fields.Hopf, fields.VanDerPol, fields.RadialFlow])
def test_trajectories_are_those_of_an_adaptive_solver(task_class):
    task = task_class()
    start = torch.tensor([[0.4, -0.7, 0.9][: task.field.dim]]).double()
    times = torch.tensor([[0.0, 0.013, 0.5, 2.2, 2.999]]).double()
    states = task.field.along(start, times, 3.0)[0]
    solved = solve_ivp(
        lambda _, z: task.field(torch.tensor(z)).numpy(),
        (0, 3),
        start[0].numpy(),
        t_eval=times[0].numpy(),
        rtol=1e-11,
        atol=1e-12,
    )
    assert torch.allclose(states, torch.tensor(solved.y.T), atol=1e-8)


@pytest.mark.parametrize("task_class", COVERED, ids=lambda task: task.name)
def test_training_data_are_as_stated_and_test_data_are_exact_in_the_box(task_class):
    task = task_class()
    train, test = (
        task.sample(64, 0, "train", torch.float64),
        task.sample(64, 0, "test", torch.float64),
    )
    box = torch.tensor(task.centre).double()
    assert float((test.x[:, :-1] - box).abs().max()) <= task.half + 1e-6
    assert torch.allclose(test.y, task.target(test.x))
    assert bool((train.x[:, -1] == 1).all())
    assert bool((train.y[:, -1] == 0).all())
    noise = train.y - task.target(train.x)
    if task.noise:
        many = task.sample(4000, 0, "train", torch.float64)
        error = (many.y - task.target(many.x))[:, :-1]
        assert float(error.std()) == pytest.approx(task.noise * task.deviation, rel=0.05)
    else:
        assert float(noise.abs().max()) == 0


def test_one_trajectory_of_the_top_stays_in_its_plane_and_at_its_distance():
    x = coverage.SymmetricTopOrbit().sample(100, 0, "train", torch.float64).x
    assert float(x[:, 2].std()) == 0
    assert float(x[:, :2].norm(dim=1).std()) < 1e-6


def test_eight_trajectories_share_the_examples():
    task = coverage.HopfOrbits()
    x = task.sample(8, 0, "train", torch.float64).x[:, :2]
    start = task._in_the_box(8, task.generator(0, "train"))
    assert len({tuple(row) for row in x.tolist()}) == 8
    beyond, began = x.norm(dim=1) - 1, start.norm(dim=1) - 1
    assert bool((beyond * began > -1e-6).all())  # no orbit crosses the cycle


def of_degree_one(x: torch.Tensor) -> torch.Tensor:
    """F of the top at the height 0.8, as a regression would continue it: z is not read."""
    return torch.stack([0.8 * x[:, 1], -0.8 * x[:, 0], 0 * x[:, 0], 0 * x[:, 0]], 1)


def test_directions_that_degenerate_inputs_cannot_test_are_no_candidates():
    """On one circle at a fixed height only aff(2) of the plane is tested: 6 of 12 directions."""
    task = coverage.SymmetricTopOrbit()
    within = candidate(task, task.sample(400, 0, "train").x)
    assert len(within.basis) == 6
    assert float(within.tangents[..., 2:].abs().max()) < 1e-6
    C = Derivative.of(within, of_degree_one)
    kept = int((C.defects(C.directions).values < 1e-6).sum())
    assert kept == 2  # rotation and scaling; not the motions of a height that never varies


def test_on_a_ray_nothing_but_the_affine_maps_of_the_ray_is_tested():
    task = fields.RadialFlow()
    task.orbits = 1
    within = candidate(task, task.sample(400, 0, "train").x)
    assert len(within.basis) == 2

"""Kernel regression and the fields that it keeps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from symbench_discovery.field_fit import FieldFit, FieldFitCubic, FieldNet
from symbench_discovery.field_library import LinearFields, PolynomialFields
from symbench_discovery.kernel_regression import Kernel, KernelRegression, _ridge_regression
from symbench_images.controls import NoSymmetry
from symbench_symmetry import coverage, fields
from symbench_vectors.tasks import O3Inertia, O5Invariant

from symbench.contract import Data, Problem, Symmetry
from symbench.groups import GL, Scalar, V
from symbench.metrics.spans import Span
from symbench.metrics.truth import true_algebra


def problem(task) -> Problem:
    return Problem(
        task.kind, task.loss, task.input_shape, task.output_shape, candidate=task.layout()
    )


def found(task, n, context, seed=0):
    """Return the overlap with the truth, and the number of generators that field-fit announces."""
    model, data = FieldFit(), task.sample(n, seed, "train")
    net = model.fit(problem(task), data, context(data, 1))
    truth = true_algebra(task, task.sample(600, 0, "test").x)
    L = model.generators(net)
    span = Span(L, truth, len(truth.candidate.whitening.whiten) ** 2)
    return span.overlap if len(truth.Q) else 0.0, span.k


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 5])
def test_a_polynomial_is_reproduced_with_its_derivative(degree):
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0)).double()

    def f(x):
        return torch.stack([x[:, 0] ** degree - x[:, 1], 1 + x[:, 0] * x[:, 1] ** (degree - 1)], 1)

    net = KernelRegression(Data(x, f(x)))
    new = torch.rand(20, 2, generator=torch.Generator().manual_seed(1)).double()
    assert torch.allclose(net(new), f(new), atol=1e-5)
    exact = torch.autograd.functional.jacobian(lambda v: f(v).sum(0), new).permute(1, 0, 2)
    assert torch.allclose(net.derivative(new) @ net.whiten.mT, exact, atol=1e-3)
    assert net.error < 1e-9


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), waves=st.booleans())
def test_the_derivative_is_that_of_the_function(seed, waves):
    stream = torch.Generator().manual_seed(seed)
    x = torch.randn(60, 3, generator=stream).double()
    y = (3 * x).sin().sum(1, keepdim=True) if waves else x.prod(1, keepdim=True)
    net = KernelRegression(Data(x, y))
    at = x[:5] + 0.1
    expected = torch.func.vmap(torch.func.jacrev(lambda v: net(v[None])[0]))(at)
    slope = net.derivative(at) @ net.whiten.mT
    assert torch.allclose(slope, expected, atol=1e-7 * float(expected.abs().max()))


def test_the_leave_one_out_error_is_that_of_leaving_one_out():
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(30, 2, generator=stream).double()
    y = x[:, :1].sin() + 0.1 * torch.randn(30, 1, generator=stream).double()
    K = Kernel(0, 2.0)(x, x)
    weights, error = _ridge_regression(K, y)
    ridge = ((y - K @ weights) / weights).mean()  # (K + ridge) weights = y
    left = []
    for i in range(30):
        rest = [j for j in range(30) if j != i]
        solved = torch.linalg.solve(K[rest][:, rest] + ridge * torch.eye(29).double(), y[rest])
        left.append(y[i] - K[i, rest] @ solved)
    assert float(torch.stack(left).square().mean() / y.square().mean()) == pytest.approx(error)


def test_the_same_data_in_other_units_give_the_same_regression():
    task = O5Invariant()
    data = task.sample(100, 0, "train", torch.float64)
    net, scaled = KernelRegression(data), KernelRegression(Data(1e3 * data.x, 1e-4 * data.y))
    x = task.sample(20, 0, "test", torch.float64).x
    assert torch.allclose(1e4 * scaled(1e3 * x), net(x), rtol=1e-4)
    assert scaled.kernel == net.kernel


@pytest.mark.parametrize(
    ("task", "number"),
    [
        (fields.Hopf, 1),
        (fields.PlanarRotation, 2),
        (fields.SymmetricTop, 2),
        (fields.RadialFlow, 3),
        (coverage.HopfOrbit, 1),
        (coverage.HopfNoisy, 1),
        (coverage.SymmetricTopOrbit, 2),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_algebras_of_fields_are_found_exactly(task, number, context):
    overlap, count = found(task(), 100, context)
    assert overlap > 0.99
    assert count == number


@pytest.mark.parametrize(
    "task",
    [
        fields.VanDerPol,
        fields.Duffing,
        fields.LotkaVolterra,
        fields.Selkov,
        fields.AsymmetricBody,
        fields.Lorenz,
        coverage.VanDerPolOrbit,
        coverage.VanDerPolNoisy,
        coverage.LorenzOrbit,
    ],
    ids=lambda task: task.name,
)
def test_nothing_is_found_in_a_field_without_symmetry(task, context):
    assert found(task(), 100, context)[1] == 0


def test_o5_is_found_from_300_examples_and_nothing_in_the_control(context):
    overlap, count = found(O5Invariant(), 300, context)
    assert overlap > 0.95
    assert count == 10
    assert found(NoSymmetry(), 300, context)[1] == 0


def test_what_leaves_the_affine_hull_of_the_data_is_not_tested():
    task = coverage.SymmetricTopOrbit()
    x = task.sample(100, 0, "train", torch.float64).x
    library = LinearFields.of(task.layout(), x)
    assert library.size == 6
    assert float(library.moved(x)[..., 2:].abs().max()) < 1e-9


def test_the_cubic_library_holds_what_a_quadratic_change_of_coordinates_makes_of_a_rotation():
    """u = (x, y - x²) makes of the rotation (-y, x) the field (-w, x + 2xw), w = u₂ + u₁²."""
    stream = torch.Generator().manual_seed(0)
    u = torch.randn(500, 2, generator=stream).double()
    group = GL(2)
    library = PolynomialFields.of(Symmetry(group, V(group), Scalar(group)), u, 3)
    w = u[:, 1] + u[:, 0] ** 2
    field = torch.stack([-w, u[:, 0] + 2 * u[:, 0] * w], 1)
    moved = library.moved(u).flatten(1)
    solved = torch.linalg.lstsq(moved.mT, field.flatten()[:, None]).solution
    assert torch.allclose(moved.mT @ solved, field.flatten()[:, None], atol=1e-9)
    assert library.size == 2 * 10


def test_it_declines_what_it_has_no_library_for():
    assert FieldFit().accepts(Problem("vectors", "mse", (3,), (1,))) is not None
    assert "is turned" in FieldFitCubic().accepts(problem(O3Inertia()))
    assert FieldFitCubic().accepts(problem(O5Invariant())) is None


def test_before_fit_it_announces_nothing():
    model = FieldFit()
    net = model.build(problem(O5Invariant()))
    assert isinstance(net, FieldNet)
    assert net(torch.ones(4, 10)).shape == (4, 1)
    assert FieldFitCubic().fields(net, torch.ones(4, 10)).shape == (0, 4, 10)

"""The relative defect: the dial of a broken symmetry, its bound, and an independent computation."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from known_tasks import Angle, Function, Inertia, Minkowski, algebra_scores, known_algebra

from symbench.groups import SO
from symbench.metrics.candidate import frame
from symbench.metrics.defect import Defects
from symbench.metrics.derivative import Derivative

GL5 = torch.eye(25, dtype=torch.float64).view(25, 5, 5)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Dial(Angle):
    """√(1 - ε²) f + ε x₁ for the O(5)-invariant f of unit variance: so(4) keeps it exactly."""

    name, test_size = "dial", 4000

    def __init__(self, epsilon):
        self.epsilon = epsilon
        x = torch.randn(4000, 10, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        y = Angle().target(x)
        self.mean, self.deviation = float(y.mean()), float(y.std())

    def target(self, x):
        f = (super().target(x) - self.mean) / self.deviation
        return math.sqrt(1 - self.epsilon**2) * f + self.epsilon * x[:, :1]


@pytest.mark.parametrize(
    ("epsilon", "broken", "others"),
    [
        (0.02, 0.006, 0.386), (0.05, 0.015, 0.386), (0.1, 0.030, 0.386), (0.2, 0.060, 0.386),
        (0.3, 0.090, 0.383), (0.5, 0.149, 0.369), (0.7, 0.196, 0.336),
    ],
)  # fmt: skip
def test_the_defect_of_a_broken_symmetry_is_proportional_to_the_break(epsilon, broken, others):
    task = Dial(epsilon)
    x = task.sample(4000, 0, "test").x.double()
    candidate = probed(known_algebra(task).candidate, x)
    target = Derivative.of(candidate, task.target)
    found = target.defects(target.directions).values
    assert float(found[:6].max()) < 1e-12
    assert found[6:10].tolist() == pytest.approx([broken] * 4, rel=0.05, abs=5e-4)
    assert float(found[10]) == pytest.approx(others, rel=0.02)


def probed(candidate, x):
    """The candidate algebra, acting on other probes."""
    moved = replace(candidate, x=x)
    return replace(moved, tangents=moved.moved(candidate.basis))


@pytest.mark.parametrize(("epsilon", "at_02", "at_05"), [(0.05, 10, 10), (0.1, 6, 10), (0.2, 6, 6)])
def test_a_tolerance_separates_the_breaks_above_it(epsilon, at_02, at_05):
    task = Dial(epsilon)
    found = algebra_scores(task, Function(task.target))
    assert found["generators_found.at_02"] == at_02
    assert found["generators_found"] == at_05
    assert found["generators_found.at_10"] == 10


def _by_differences(task, f, A):
    """δ(A) by central differences and explicit representation matrices, in numpy."""
    data = task.sample(task.test_size, 0, "test").x.double().numpy()
    x = data[np.linspace(0, len(data) - 1, 256).round().astype(int)]
    rep_in, rep_out = (rep.drho(A).numpy() for rep in (task.symmetry.input, task.symmetry.output))

    def at(points):
        return f(torch.from_numpy(points)).detach().numpy()

    h, moved, turned = 1e-5, x @ rep_in.T, at(x) @ rep_out.T
    violated = ((at(x + h * moved) - at(x - h * moved)) / (2 * h) - turned) ** 2
    steps = h * np.eye(x.shape[1])[np.abs(rep_in).sum(1) > 0]  # scalars are not moved
    square = sum((((at(x + e) - at(x - e)) / (2 * h)) ** 2).sum(1) for e in steps)
    possible = square * (moved**2).sum(1) + (turned**2).sum(1)
    return math.sqrt(violated.sum(1).mean() / possible.mean())


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_finite_differences_give_the_same_defect(task):
    d, weights = task.symmetry.group.dim, normal(*task.input_shape, *task.output_shape, seed=3) / 3

    def f(x):
        return task.target(x) + (x @ weights.to(x)).sin()

    derivative = Derivative.of(known_algebra(task).candidate, f)
    A = normal(3, d, d, seed=5)
    found = derivative.defects_of(A).values
    assert found.tolist() == pytest.approx([_by_differences(task, f, a) for a in A], rel=1e-6)


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_the_declared_generators_have_no_defect_and_other_matrices_have_one(task):
    target = known_algebra(task).target
    declared = target.defects_of(task.symmetry.group.algebra)
    assert float(declared.bounds.max()) < 1e-12
    d = task.symmetry.group.dim
    assert float(target.defects_of(normal(20, d, d)).values.min()) > 0.1


def test_directions_and_their_matrices_have_the_same_defect():
    truth = known_algebra(Dial(0.3))
    Q = truth.target.directions[5:8]
    A = torch.einsum("km,mij->kij", Q, truth.candidate.basis)
    one, other = truth.target.defects(Q), truth.target.defects_of(A)
    assert torch.allclose(one.values, other.values, rtol=1e-9, atol=1e-12)
    assert torch.allclose(one.bounds, other.bounds, rtol=1e-9, atol=1e-12)


@settings(max_examples=20)
@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-6, 6), st.integers(0, 1000))
def test_no_scale_matters(inputs, outputs, generators, seed):
    """Neither that of the inputs, nor that of the outputs, nor that of the generators."""
    truth, A = known_algebra(Angle()), normal(4, 5, 5, seed=seed)
    W = normal(10, 1, seed=seed + 1)
    s, t, u = 10**inputs, 10**outputs, 10**generators

    def f(x):
        return (x @ W).sin() + Angle().target(x)

    plain = Derivative.of(truth.candidate, f).defects_of(A)
    larger = probed(truth.candidate, s * truth.candidate.x)
    scaled = Derivative.of(larger, lambda x: t * f(x / s)).defects_of(u * A)
    assert torch.allclose(plain.values, scaled.values, rtol=1e-6)
    assert torch.allclose(plain.bounds, scaled.bounds, rtol=1e-6)


@settings(max_examples=50)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 4), st.integers(0, 10**6))
def test_it_is_never_above_the_root_of_two(n, inputs, outputs, seed):
    """For any derivative, tangents and values: |a - b|² <= 2 (|a|² + |b|²), |Df v| <= |Df| |v|."""
    jacobian, tangents = normal(n, outputs, inputs, seed=seed), normal(3, n, inputs, seed=seed + 1)
    along = torch.einsum("noi,kni->kno", jacobian, tangents)
    turned = -along * normal(3, 1, 1, seed=seed + 2).exp()
    found = Defects.of(jacobian.square().sum((1, 2)), tangents, along, turned)
    assert float(found.values.max()) <= math.sqrt(2)
    assert float(found.bounds.max()) <= math.sqrt(2)


def test_the_root_of_two_is_attained_by_an_odd_function_along_its_own_direction():
    # Df v = -drho_out(A) f for f of one input and one output: both terms are equal
    one = torch.ones(1, 5, 1, dtype=torch.float64)
    found = Defects.of(torch.ones(5).double(), one, one, -one)
    assert float(found.values) == pytest.approx(math.sqrt(2))


def test_the_bound_covers_the_defect_of_the_distribution_in_95_percent_of_samples():
    generator = torch.Generator().manual_seed(0)
    samples = torch.rand(2, 400, 256, 1, generator=generator, dtype=torch.float64) ** 2
    true = math.sqrt(float(samples[0].mean() / samples[1].mean()))
    covered = [float(Defects(a, b[None]).bounds) >= true for a, b in samples.unbind(1)]
    assert sum(covered) / 400 == pytest.approx(0.95, abs=0.03)


def test_the_bound_is_that_of_an_independent_bootstrap():
    a, b = normal(256, 1).square(), normal(256, 1, seed=1).square() + 0.5
    drawn = np.random.default_rng(0).integers(256, size=(4000, 256))
    ratios = np.sqrt(a.numpy()[drawn, 0].mean(1) / b.numpy()[drawn, 0].mean(1))
    bound = float(Defects(a, b[None]).bounds)
    assert bound == pytest.approx(np.quantile(ratios, 0.95), rel=0.02)


def test_the_size_of_the_derivative_is_taken_where_the_candidate_moves_the_inputs():
    W = normal(10, 60)

    def f(x):
        return (x @ W.to(x)).sin()

    whole = known_algebra(Angle()).candidate
    few = narrowed(whole)
    exact, restricted = Derivative.of(whole, f).slope, Derivative.of(few, f).slope
    assert exact.jacobian is not None
    assert restricted.jacobian is None  # differentiated along the tangents only
    torch.testing.assert_close(exact.square, exact.jacobian.square().sum((1, 2)))
    Q = torch.linalg.qr(few.tangents.permute(1, 2, 0)).Q  # [n, 10, 4]
    torch.testing.assert_close(restricted.square, (exact.jacobian @ Q).square().sum((1, 2)))
    assert torch.allclose(restricted.along, exact.along[:4])
    tangents = few.moved(SO(5).algebra)
    assert torch.allclose(restricted.derivatives(tangents), exact.derivatives(tangents))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_the_frame_is_orthonormal_and_spans_the_tangents(m, size, seed):
    tangents = normal(m, 3, size, seed=seed)
    tangents = torch.cat([tangents, tangents[:1] + tangents[-1:]])  # a dependent one
    v = torch.einsum("nrm,mni->nri", frame(tangents), tangents)
    projector = v.mT @ v
    torch.testing.assert_close(projector @ projector, projector)
    assert projector.diagonal(dim1=1, dim2=2).sum(1).tolist() == pytest.approx([min(m, size)] * 3)
    moved = torch.einsum("nij,mnj->mni", projector, tangents)
    torch.testing.assert_close(moved, tangents, rtol=1e-6, atol=1e-6)


def narrowed(candidate):
    """The candidate with four directions: 10 inputs and 60 outputs are more than twice as many."""
    return replace(candidate, basis=candidate.basis[:4], tangents=candidate.tangents[:4])


def test_a_fast_radial_wave_finds_nothing():
    """It makes every other direction steep, so that the broken ones look exact beside them."""
    task = Dial(0.5)

    def waved(x):
        return task.target(x) + 0.03 * (4000 * x.square().sum(1, keepdim=True)).sin()

    truth = known_algebra(Angle())
    alone = Derivative.of(truth.candidate, waved)
    assert int((alone.defects(alone.directions).bounds < 0.05).sum()) == 10
    unbroken = known_algebra(Unbroken(task))
    plain, found = (
        unbroken.bounds(Derivative.of(unbroken.candidate, f)) for f in (task.target, waved)
    )
    for tolerance in (0.02, 0.05, 0.1):
        assert int((found < tolerance).sum()) <= int((plain < tolerance).sum())
    assert "generators_found" not in algebra_scores(Unbroken(task), Function(waved))


class Unbroken(Dial):
    """The exact target is the invariant part."""

    name = "unbroken"

    def __init__(self, dial):
        super().__init__(0.0)


def test_the_floor_is_the_defect_of_the_error():
    task, W = Dial(0.0), 0.1 * normal(10, 1)

    def f(x):
        return task.target(x) + x @ W.to(x)

    truth = known_algebra(task)
    error = Derivative.of(truth.candidate, lambda x: x @ W.to(x)).C.square().sum((0, 1))
    own = Derivative.of(truth.candidate, f)
    possible = own.defects(torch.eye(25).double()).possible[0]
    unit = truth.target.defects(torch.eye(25).double()).possible[0]
    denominator = min(float(possible.mean(0).sum()), float(unit.mean(0).sum()))
    expected = math.sqrt(float(error.sum()) / len(possible) / denominator)
    assert truth.floor(own) == pytest.approx(expected, rel=1e-9)

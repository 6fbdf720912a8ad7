"""The null space of a Gaussian process: its overlaps, its number of generators, its controls."""

from __future__ import annotations

import pytest
import torch
from symbench_discovery.kernel_null import KernelNull
from symbench_discovery.vectors import law_of
from symbench_images.controls import HiddenConjugate, NoSymmetry
from symbench_vectors.tasks import LorentzScattering, O5Invariant

import symbench
from symbench.contract import Data, seeded
from symbench.nullspace.acting import acting
from symbench.nullspace.comparison import affine_error, announced, knows, without_symmetry
from symbench.nullspace.process import Regression
from symbench.registry import load


def broken(epsilon):
    """y = √(1 - ε²) f + ε x₁₁ with f the standardised target, which only O(4) preserves."""

    def labels(data):
        f = (O5Invariant().target(data.x.double()) + 5.70) / 38.4**0.5
        return ((1 - epsilon**2) ** 0.5 * f + epsilon * data.x[:, :1]).float()

    return labels


# measured over three seeds; 0 is chance and 1 exact
@pytest.mark.parametrize(
    ("task", "n", "low"),
    [
        (O5Invariant, 100, 0.85), (O5Invariant, 300, 0.97),
        (HiddenConjugate, 100, 0.85), (HiddenConjugate, 300, 0.97),
        pytest.param(O5Invariant, 1000, 0.99, marks=pytest.mark.slow),
        pytest.param(HiddenConjugate, 1000, 0.99, marks=pytest.mark.slow),
        pytest.param(LorentzScattering, 1000, 0.8, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_it_finds_the_algebra(task, n, low, discovered):
    module, found = discovered(KernelNull(), task(), n)
    assert found["generator_overlap"] > low
    if n >= 300:
        assert len(module.L) == {HiddenConjugate: 10, O5Invariant: 10, LorentzScattering: 6}[task]
        assert found["announced_overlap"] > low


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300])
def test_too_few_examples_of_scattering_give_few_generators(n, discovered):
    module, found = discovered(KernelNull(), LorentzScattering(), n)
    assert found["generator_overlap"] < 0.7
    assert len(module.L) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [300, 1000])
def test_it_finds_nothing_on_the_control(n, seed, discovered):
    module, found = discovered(KernelNull(), NoSymmetry(), n, seed)
    assert found["false_finding"] == 0
    assert module.L.shape == (0, 5, 5)


@pytest.mark.parametrize(
    ("name", "count"),
    [("van-der-pol", 0), ("duffing", 0), ("selkov", 0), ("lorenz", 0), ("hopf", 1), ("radial", 3)],
)
def test_it_finds_the_affine_algebras_of_fields(name, count, discovered):
    task = load().tasks[f"field-{name}"].load()
    module, _ = discovered(KernelNull(), task() if isinstance(task, type) else task, 300)
    assert len(module.L) == count


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_finite_group_has_no_generators(seed, discovered):
    icosahedral = load().tasks["finite-icosahedral"].load()
    task = icosahedral() if isinstance(icosahedral, type) else icosahedral
    module, found = discovered(KernelNull(), task, 300, seed)
    assert len(module.L) == 0
    assert found["false_finding"] == 0


def test_the_affine_error_is_that_of_the_best_affine_function():
    x = torch.randn(40_000, 3, generator=seeded("affine"), dtype=torch.float64)
    flat, bent = x @ torch.tensor([[1.0, 2.0, 2.0]]).double().mT + 1, x[:, :1].square()
    for data, error in ((Data(x, flat), 0.0), (Data(x, flat + bent), 2 / 11)):
        rest, valid = (
            Data(data.x[part], data.y[part]) for part in (slice(20_000), slice(20_000, None))
        )
        assert affine_error(rest, valid) == pytest.approx(error, abs=0.01)


@pytest.mark.parametrize(
    ("error", "affine", "known"),
    [
        (0.047, 0.047, False), (0.02, 0.047, True),  # a remainder is unknown, or known
        (0.01, 0.01, True),  # a remainder that cannot break much
        (0.85, 3.0, True), (0.95, 3.0, False),  # an affine fit that is worse than a constant
    ],
)  # fmt: skip
def test_an_affine_fit_does_not_stand_for_a_function_that_is_not(error, affine, known):
    config = KernelNull().config
    assert knows(error, affine, config.worst, config.tolerance) is known


def test_noise_alone_gives_no_generator(discovered):
    def noise(data):
        return torch.randn(data.y.shape, generator=seeded("noise"))

    for seed in range(3):
        module, _ = discovered(KernelNull(), O5Invariant(), 200, seed, labels=noise)
        assert len(module.L) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("epsilon", "counts"), [(0.2, {10}), (0.5, {6}), (0.7, {6})])
def test_a_broken_symmetry_is_seen_once_it_is_large(epsilon, counts, discovered):
    module, _ = discovered(KernelNull(), O5Invariant(), 300, labels=broken(epsilon))
    assert len(module.L) in counts


def test_other_units_give_the_same_generators(discovered):
    task = O5Invariant()
    one, other = (
        discovered(KernelNull(), task, 100, labels=lambda data, unit=unit: data.y * unit)[0]
        for unit in (1.0, 1024.0)
    )
    assert torch.allclose(one.L, other.L)
    x = task.sample(5, 0, "test").x
    assert torch.allclose(1024 * one(x), other(x), rtol=1e-5)


def test_before_training_it_announces_nothing_and_predicts_zero():
    problem = symbench.problem(O5Invariant(), KernelNull())
    module = KernelNull().build(problem)
    assert KernelNull().generators(module).shape == (0, 5, 5)
    assert torch.equal(module(torch.ones(3, 10)), torch.zeros(3, 1))


def test_constant_labels_give_no_generator(discovered):
    module, _ = discovered(
        KernelNull(), O5Invariant(), 60, labels=lambda data: torch.ones_like(data.y)
    )
    assert len(module.L) == 0


def test_functions_without_symmetry_keep_the_affine_share_of_the_fit():
    x = torch.randn(400, 4, generator=seeded("x"), dtype=torch.float64)
    regression = Regression(torch.eye(4).double() / 6, 1e-4, x)
    for slope in (0.0, 0.5, 5.0):
        y = slope * x[:, :1] + (x[:, 1:2] ** 2 - 1)
        drawn = without_symmetry(regression, Data(x, y), 30, seeded("draws"))
        assert drawn.shape == (400, 30, 1)
        shares = [affine_share(x, values) for values in (y, *drawn.unbind(1))]
        assert torch.allclose(torch.stack(shares), shares[0], atol=1e-6)


def affine_share(x, y):
    X, y = x - x.mean(0), y - y.mean(0)
    return (X @ torch.linalg.lstsq(X, y).solution).square().sum() / y.square().sum()


@pytest.mark.slow
def test_functions_without_symmetry_are_rarely_claimed_to_have_one():
    problem = symbench.problem(O5Invariant(), KernelNull())
    x = O5Invariant().sample(300, 0, "train").x.double()
    regression = Regression(torch.eye(10).double() / 6, 1e-5, x)
    labels = regression.prior(20, seeded("tested"))[:, :, None]
    within = acting(law_of(problem), Data(x, labels[:, 0]))
    null = without_symmetry(regression, Data(x, labels[:, 0]), 40, seeded("null"))

    def estimate(y):
        return regression.of(y).derivative(within.x)

    claimed = [announced(within, estimate, y, null, 2.0) for y in labels.unbind(1)]
    found = sum(len(L) > 0 for L in claimed)
    assert found <= 4  # 1 of 20 is expected at the level of 5 %, less as the bounds are one-sided

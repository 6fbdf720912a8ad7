"""The dial of broken symmetry: its floor, its spectrum, and what told models are given."""

from __future__ import annotations

import math

import pytest
import symbench_symmetry
import torch
from scipy.integrate import quad
from scipy.stats import chi
from symbench_symmetry import dial
from symbench_symmetry.dial import CubicO5
from symbench_symmetry.pairs import invariant
from symbench_vectors.tasks import O5Invariant

from symbench.groups import O, Trivial
from symbench.metrics.truth import true_algebra
from symbench.registry import Registry

MANY = 200_000
TASKS = [
    getattr(dial, target.removeprefix("dial:"))
    for target in symbench_symmetry._TASKS
    if target.startswith("dial:")
]
LINEAR = {cls.epsilon: cls for cls in TASKS if not issubclass(cls, CubicO5)}
CUBIC = {cls.epsilon: cls for cls in TASKS if issubclass(cls, CubicO5)}


@pytest.fixture(params=TASKS, ids=lambda task: task.name)
def task(request):
    return request.param()


def mean(f):
    """E f(r) of the length r of a standard normal 5-vector."""
    return quad(lambda r: f(r) * chi(5).pdf(r), 0, 40, limit=200)[0]


def breaking():
    """The four generators of O(5) that move the first axis, [4, 5, 5]."""
    A = torch.zeros(4, 5, 5, dtype=torch.float64)
    for row, j in enumerate(range(1, 5)):
        A[row, 0, j], A[row, j, 0] = 1.0, -1.0
    return A


def spectrum(task, draws=8):
    """The defects of the breaking generators, and the truth, over several draws of 256 probes."""
    violated, possible = 0.0, 0.0
    for seed in range(draws):
        truth = true_algebra(task, task.sample(256, seed, "train").x)
        defects = truth.target.defects_of(breaking())
        violated, possible = violated + defects.violated.mean(), possible + defects.possible.mean()
    return float((violated / possible).sqrt()), truth


def exact_defect(epsilon, slope):
    """The defect of a breaking generator in closed form; ``slope`` is E h'² (x₁₁² + 3).

    The numerator is ε² E h'² x₁ⱼ². In the denominator, f̂ and h do not mix, because the product of
    their derivatives is odd. By isotropy the term of f̂ is 2/5 of E‖∇f̂‖² (‖x₁‖² + ‖x₂‖²), with
    E sin² ∠ = 4/5 in the derivative of the cosine.
    """
    radial = mean(lambda r: math.cos(r) ** 2 * (r**2 + 5)) + 9 / 4 * (mean(lambda r: r**6) + 175)
    angular = 4 / 5 * (2 + 10 * mean(lambda r: r**-2))
    kept = (1 - epsilon**2) * 2 / 5 * (radial + angular) / dial._VARIANCE
    return math.sqrt(epsilon**2 * slope[0] / (kept + epsilon**2 * slope[1]))


def test_the_function_is_that_of_the_task_which_is_broken():
    x = O5Invariant().sample(500, 0, "test", dtype=torch.float64).x
    assert torch.equal(invariant(x), O5Invariant().target(x))


def test_its_mean_and_variance_are_exact():
    first = mean(math.sin) - mean(lambda r: r**3 / 2)
    terms = (math.sin, lambda r: r**3 / 2)
    second = 1 / 5 + sum(mean(lambda r, f=f: f(r) ** 2) - mean(f) ** 2 for f in terms)
    assert pytest.approx(first, abs=1e-8) == dial._MEAN
    assert pytest.approx(second, abs=1e-7) == dial._VARIANCE


def test_the_dial_has_eight_positions_and_a_second_term_at_seven():
    assert list(LINEAR) == [0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1]
    assert list(CUBIC) == list(LINEAR)[1:]
    assert [cls.name for cls in TASKS if cls.sizes["quick"]] == ["broken-o5-0.3"]
    for cls in TASKS:
        assert cls.name.endswith(f"-{cls.epsilon:g}")
        assert cls.floor == pytest.approx(cls.epsilon**2)


def test_true_and_told_groups(task):
    assert task.discovery == ("broken" if task.epsilon else "continuous")
    assert task.told.group == O(5)
    assert task.symmetry.group == (Trivial(1) * O(4) if task.epsilon else O(5))
    assert task.layout() == LINEAR[0]().layout()


@pytest.mark.parametrize("cls", [LINEAR[0.3], CUBIC[0.3]], ids=lambda cls: cls.name)
def test_the_second_term_is_orthogonal_to_every_function_of_the_invariants(cls):
    task = cls()
    x = task.sample(MANY, 0, "train", dtype=torch.float64).x
    h = task.broken(x[:, :1])[:, 0]
    assert float(h.mean()) == pytest.approx(0, abs=0.03)
    assert float(h.var()) == pytest.approx(1, abs=0.05)
    first, second = x.split(5, dim=1)
    products = ((first * first), (first * second), (second * second))
    invariants = [product.sum(1) for product in products]
    for f in (*invariants, invariant(x)[:, 0], invariants[0] * invariants[1]):
        assert float(torch.corrcoef(torch.stack([f, h]))[0, 1]) == pytest.approx(0, abs=0.03)
    if cls is CUBIC[0.3]:
        linear = torch.corrcoef(torch.cat([x.mT, h[None]]))[-1, :-1]
        assert float(linear.abs().max()) < 0.03


def test_averaging_the_target_over_o5_leaves_the_floor(task):
    """The average over the group is the best invariant prediction; its error is the floor."""
    data = task.sample(100_000, 0, "test", dtype=torch.float64)
    g = O(5).sample(3, torch.Generator().manual_seed(0))
    both = torch.cat([g, -g])[:, None]  # -1 lies in O(5), and removes odd terms exactly
    average = task.target(task.told.input.act(both, data.x)).mean(0)
    error = float((data.y - average).square().mean() / data.y.var())
    assert error == pytest.approx(task.floor, rel=0.15, abs=1e-12)


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 1])
def test_the_equivariance_error_of_the_target_under_o5_is_epsilon(epsilon):
    for cls in (LINEAR[epsilon], CUBIC[epsilon]):
        task = cls()
        data = task.sample(MANY, 0, "train", dtype=torch.float64)
        g = O(5).sample(MANY, torch.Generator().manual_seed(0))
        moved = task.target(task.told.input.act(g, data.x))
        error = (moved - data.y).square().mean() / (2 * data.y.var())
        assert float(error.sqrt()) == pytest.approx(epsilon, rel=0.04)


def test_the_true_algebra_has_the_known_dimension(task):
    _, truth = spectrum(task, 1)
    assert truth.is_exact
    assert len(truth.Q) == {0: 10, 1: 20}.get(task.epsilon, 6)
    assert bool(task.further_symmetries) is (task.epsilon == 1)


@pytest.mark.parametrize(
    ("epsilon", "published"),
    [(0.05, 0.015), (0.1, 0.029), (0.2, 0.060), (0.3, 0.091), (0.5, 0.161)],
)
def test_the_defect_of_a_broken_generator_is_the_known_one(epsilon, published):
    exact = exact_defect(epsilon, (1.0, 4.0))
    assert exact == pytest.approx(published, abs=0.0015)
    assert spectrum(LINEAR[epsilon]())[0] == pytest.approx(exact, rel=0.08)


@pytest.mark.parametrize(
    ("epsilon", "published"),
    [(0.02, 2.6e-4), (0.05, 1.7e-3), (0.1, 6.6e-3), (0.2, 2.7e-2), (0.3, 6.1e-2), (0.5, 0.17)],
)
def test_the_broken_part_of_the_spectrum_is_the_known_one(epsilon, published):
    """The four least singular values beyond the null space, in units of the mean square of all."""
    task, squares = LINEAR[epsilon](), 0.0
    for seed in range(16):
        squares = squares + true_algebra(task, task.sample(256, seed, "train").x).target.squares
    assert float(squares[:6].max()) < 1e-9 * float(squares[6])
    assert float(squares[6:10].mean() / squares.mean()) == pytest.approx(published, rel=0.25)


@pytest.mark.parametrize("epsilon", [0.05, 0.1, 0.3])
def test_the_defect_of_the_cubic_term_is_that_of_its_derivative(epsilon):
    # h' = 3 (x² - 1)/√6: E h'² = 3 and E h'² x² = 15
    assert spectrum(CUBIC[epsilon](), 32)[0] == pytest.approx(
        exact_defect(epsilon, (3.0, 15.0 + 9.0)), rel=0.15
    )


@pytest.mark.parametrize("epsilon", [0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_four_directions_are_broken_and_lie_far_below_the_others(epsilon):
    _, truth = spectrum(LINEAR[epsilon](), 1)
    defects = truth.target.defects(truth.target.directions).values
    assert float(defects[:6].max()) < 1e-6
    assert float(defects[6:10].max()) < 1.3 * exact_defect(epsilon, (1.0, 4.0))
    assert float(defects[10:].min()) > 0.2


def test_the_cards_agree_with_the_classes():
    registry = Registry()
    registry.add(symbench_symmetry, "symbench_symmetry", "1", "tests")
    for cls in TASKS:
        card = registry.tasks[cls.name]
        assert card.summary == cls.summary
        assert (card.details["threshold"], card.details["kind"]) == (0.002, "vectors")
        assert registry.task(cls.name).target(torch.ones(3, 10)).shape == (3, 1)

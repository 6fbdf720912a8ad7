import itertools
import math

import pytest
import torch
from known_tasks import (
    Angle,
    Control,
    Function,
    Inertia,
    Labels,
    Minkowski,
    Nothing,
    constant,
    perceptron,
    score,
    trained,
)
from torch import nn

from symbench.contract import Data, Symmetry
from symbench.groups import O, S, Scalar, Trivial, V
from symbench.metrics import EquivarianceError, Float32EquivarianceError
from symbench.metrics.network import Network, directional_derivative


class Linear(Angle):
    """y = M x, declared O(4)-equivariant although M does not commute with rotations."""

    name, input_shape, output_shape, test_size = "linear", (4,), (4,), 256

    def __init__(self):
        self.M = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))

    @property
    def symmetry(self):
        return Symmetry(O(4), V(O(4)), V(O(4)))

    def sample(self, n, seed, split):
        x = torch.randn(n, 4, generator=self.generator(seed, split))
        return Data(x, self.target(x))

    def target(self, x):
        return x @ self.M.to(x).mT


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_the_exact_target_is_equivariant_to_rounding(task):
    exact = Function(task.target)
    assert score(EquivarianceError, task, exact)["equivariance_error"] <= 1e-12
    name = Float32EquivarianceError.name
    assert 0 < score(Float32EquivarianceError, task, exact)[name] <= 1e-5


def test_a_linear_map_violates_rotations_by_the_haar_integral():
    # E_g ||M g x - g M x||² = ||M||² |x|²/n + |M x|² - 2 tr(M) xᵀ M x / n, as E_g gᵀ M g = tr(M)/n
    task, n = Linear(), 4
    x, M = task.sample(256, 0, "test").x.double(), task.M.double()
    Mx = x @ M.mT
    square = M.square().sum() * x.square().sum(1) / n + Mx.square().sum(1)
    square = square - 2 * M.trace() * (x * Mx).sum(1) / n
    variance = (Mx - Mx.mean(0)).square().sum(1).mean()
    expected = math.sqrt(float(square.mean() / (2 * variance)))
    found = [
        score(EquivarianceError, task, Function(task.target), seed=seed)["equivariance_error"]
        for seed in range(20)
    ]
    assert sum(found) / 20 == pytest.approx(expected, rel=0.02)


def test_the_score_follows_its_generator_alone():
    task, net = Angle(), perceptron(10, 1, 0)
    first, again, other = (score(EquivarianceError, task, net, seed=s) for s in (3, 3, 4))
    assert first == again != other


def test_a_model_that_ignores_the_symmetry_scores_worse():
    task = Angle()
    found = score(EquivarianceError, task, Function(lambda x: task.target(x) + x[:, :1]))
    assert found["equivariance_error"] > 0.1


@pytest.mark.parametrize("metric", [EquivarianceError, Float32EquivarianceError])
def test_a_constant_model_has_no_score(metric):
    assert score(metric, Angle(), constant(2.0)) == {}
    assert score(metric, Inertia(), constant(*range(9))) == {}


def test_a_task_without_symmetry_has_no_score():
    assert not EquivarianceError().applies(Control(), None)
    assert EquivarianceError().applies(Nothing(), None)


def test_permutations_are_measured_too():
    class Permuted(Angle):
        name, input_shape = "permuted", (5,)

        @property
        def symmetry(self):
            return Symmetry(S(5), V(S(5)), Scalar(S(5)))

        def target(self, x):
            return x.square().sum(1, keepdim=True)

    task = Permuted()
    assert score(EquivarianceError, task, Function(task.target))["equivariance_error"] < 1e-12
    assert score(EquivarianceError, task, Function(lambda x: x[:, :1]))["equivariance_error"] > 0.1


def test_classification_compares_probabilities_not_logits():
    def shifted(x):
        kept = torch.stack([x[:, :5].norm(dim=1), x[:, 5:].norm(dim=1), x[:, 0] * 0], 1)
        return kept + 7 * x[:, :1]  # a common offset of the logits changes no probability

    assert score(EquivarianceError, Labels(), Function(shifted))["equivariance_error"] < 1e-12


def test_one_hot_labels_set_the_scale_of_classification():
    task = Labels()
    share = torch.bincount(task.sample(600, 0, "test").y).double() / 600
    net = perceptron(10, 3, 1)
    test = trained(task, net)
    x = test.test.x[torch.linspace(0, 599, 256).round().long()].double()
    g = O(5).sample(64, torch.Generator().manual_seed(0))
    double = net.double()
    with torch.no_grad():
        moved = torch.einsum("gij,nbj->gnbi", g, x.view(-1, 2, 5)).flatten(2)
        change = double(moved).softmax(-1) - double(x).softmax(-1)
    square = float(change.square().sum(-1).mean()) / (2 * (1 - float(share.square().sum())))
    found = score(EquivarianceError, task, perceptron(10, 3, 1))["equivariance_error"]
    assert found == pytest.approx(math.sqrt(square), rel=1e-9)


class _Doubling(Trivial):
    """Elements 2 with "inverses" (1 + δ)/2, as a discretised action has."""

    is_exact = False

    def sample_pairs(self, count, generator):
        one = torch.eye(self.dim, dtype=torch.float64).expand(count, -1, -1)
        return 2 * one, one * 1.01 / 2


def test_the_floor_is_what_going_there_and_back_changes():
    class Discrete(Angle):
        name, input_shape = "discrete", (3,)

        @property
        def symmetry(self):
            group = _Doubling(3)
            return Symmetry(group, V(group), Scalar(group))

        def target(self, x):
            return x[:, :1]

    task = Discrete()
    found = score(EquivarianceError, task, Function(task.target))
    y = task.sample(600, 0, "test").y.double()
    some = y[torch.linspace(0, 599, 256).round().long()].square().mean()
    size = math.sqrt(float(some / y.var(correction=0)) / 2)
    assert found["equivariance_error.floor"] == pytest.approx(0.01 * size, rel=1e-4)  # in float32
    assert found["equivariance_error"] == pytest.approx(size, rel=1e-6)
    assert EquivarianceError().applies(task, None)
    assert not Float32EquivarianceError().applies(task, None)  # interpolation hides rounding


def test_a_module_that_fixes_its_own_type_is_measured_in_float32():
    class Fixed(nn.Module):
        def forward(self, x):
            if x.dtype != torch.float32:
                raise RuntimeError("expected scalar type Float")
            return Angle().target(x)

    found = score(EquivarianceError, Angle(), Fixed())["equivariance_error"]
    assert 1e-12 < found < 1e-5


def test_large_examples_are_evaluated_and_differentiated_in_parts():
    seen = []

    class Recorded(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x.square().sum((1, 2, 3))[:, None]

    x, v = torch.randn(2, 300, 3, 32, 32, generator=torch.Generator().manual_seed(0)).double()
    f = Network(Recorded(), torch.float64)
    torch.testing.assert_close(f(x)[:, 0], x.square().sum((1, 2, 3)))
    slope = directional_derivative(f.module, x, v)
    torch.testing.assert_close(slope[:, 0], 2 * (x * v).sum((1, 2, 3)))
    assert max(seen) == 64
    assert sum(seen) == 600
    assert len(f(torch.randn(2000, 1, 2, 2))) == seen[-1] == 2000  # small ones in one call


class Shuffled(Angle):
    """y = M x, declared S(4)-equivariant although M does not commute with permutations."""

    name, input_shape, output_shape, test_size = "shuffled", (4,), (4,), 256

    def __init__(self):
        self.M = torch.randn(4, 4, generator=torch.Generator().manual_seed(1))

    @property
    def symmetry(self):
        return Symmetry(S(4), V(S(4)), V(S(4)))

    def sample(self, n, seed, split):
        x = torch.randn(n, 4, generator=self.generator(seed, split))
        return Data(x, self.target(x))

    def target(self, x):
        return x @ self.M.to(x).mT


def test_permutations_are_scored_as_the_mean_over_the_whole_group():
    """The mean of ||MP - PM||²_F / 2 ||M||²_F over all 24 permutations P, for white noise."""
    task = Shuffled()
    m = task.M.double()
    every = [torch.eye(4, dtype=torch.float64)[list(p)] for p in itertools.permutations(range(4))]
    violated = sum(float((m @ p - p @ m).square().sum()) for p in every) / len(every)
    expected = math.sqrt(violated / (2 * float(m.square().sum())))
    found = score(EquivarianceError, task, Function(task.target))
    assert found["equivariance_error"] == pytest.approx(expected, rel=0.15)


def test_a_function_that_commutes_with_permutations_violates_nothing():
    task = Shuffled()
    task.M = torch.eye(4) + torch.ones(4, 4)
    found = score(EquivarianceError, task, Function(task.target))
    assert found["equivariance_error"] < 1e-12


@pytest.mark.statistics
def test_few_pairs_are_hardly_less_certain_than_all():
    """Both designs estimate the same mean, and their spread is mostly that of the 64 elements."""
    task = Linear()
    found = {
        thorough: torch.tensor(
            [
                score(EquivarianceError, task, Function(task.target), seed=s, thorough=thorough)[
                    "equivariance_error"
                ]
                for s in range(60)
            ]
        )
        for thorough in (True, False)
    }
    assert float(found[False].mean() / found[True].mean()) == pytest.approx(1, abs=0.01)
    assert float(found[False].std()) < 1.5 * float(found[True].std())

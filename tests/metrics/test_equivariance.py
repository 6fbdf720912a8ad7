import itertools
import math
from dataclasses import replace

import numpy as np
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

from symbench.contract import Data, Symmetry, seeded
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
    assert float(seeds_of(task, 20).mean()) == pytest.approx(expected, rel=0.02)


def seeds_of(task, count, *, thorough=True):
    """The scores of the task's target with the elements of ``count`` seeds."""
    one = trained(task, Function(task.target), thorough=thorough)
    trials = [replace(one, seed=seed, memo={}) for seed in range(count)]
    found = EquivarianceError().score_together(trials, task, [None] * count)
    return torch.tensor([scores["equivariance_error"] for scores in found])


def test_the_score_follows_the_seed_alone():
    task, net = Angle(), perceptron(10, 1, 0)
    first, again, other = (score(EquivarianceError, task, net, seed=s) for s in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_the_score_is_that_of_a_loop_over_pairs(task):
    net = perceptron(task.input_shape[0], task.output_shape[0], 1)
    found = score(EquivarianceError, task, net, seed=5, thorough=False)["equivariance_error"]
    test, symmetry = task.sample(600, 0, "test"), task.symmetry
    elements = symmetry.group.sample(1200, seeded(task.name, task.version, 5, "score", "orbits"))
    net = net.double()
    squares = []
    with torch.no_grad():
        for pair, g in enumerate(elements):  # 1,024 pairs are nearest to two of each input
            x = test.x[pair % 600].double()
            moved = net(symmetry.input.rho(g[None])[0] @ x)
            turned = symmetry.output.rho(g[None])[0].numpy() @ net(x).numpy()
            squares.append(np.sum((moved.numpy() - turned) ** 2))
    unit = np.sum(np.var(test.y.double().numpy(), axis=0))
    assert found == pytest.approx(math.sqrt(np.mean(squares) / (2 * unit)), rel=1e-10)


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


@pytest.mark.parametrize("temperature", [1.0, 0.02])
def test_one_hot_labels_set_the_scale_of_classification(temperature):
    task, seed = Labels(), 0
    share = torch.bincount(task.sample(600, 0, "test").y).double() / 600
    trial = trained(task, perceptron(10, 3, 1), thorough=False)
    trial = replace(trial, temperature=temperature)
    x = trial.test.x.double().repeat(2, 1)
    g = O(5).sample(1200, seeded(task.name, task.version, seed, "score", "orbits"))
    double = perceptron(10, 3, 1).double()
    with torch.no_grad():
        moved = torch.einsum("nij,nbj->nbi", g, x.view(-1, 2, 5)).flatten(1)
        p, q = ((double(v) / temperature).softmax(-1) for v in (moved, x))
    square = float((p - q).square().sum(-1).mean()) / (2 * (1 - float(share.square().sum())))
    found = EquivarianceError().score(trial, task, None)["equivariance_error"]
    assert found == pytest.approx(math.sqrt(square), rel=1e-9)


def test_smaller_logits_at_a_smaller_temperature_have_the_same_score():
    task, net = Labels(), perceptron(10, 3, 1)
    one = trained(task, net)
    small = replace(trained(task, Function(lambda x: net(x) / 100)), temperature=0.01)
    scores = [EquivarianceError().score(t, task, None)["equivariance_error"] for t in (one, small)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-6)


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
    size = math.sqrt(float(y.square().mean() / y.var(correction=0)) / 2)
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


def test_the_sampling_error_is_that_of_resampled_inputs():
    class Wide(Linear):
        test_size = 4000

    task = Wide()
    found = score(EquivarianceError, task, Function(task.target), thorough=False)
    n, m = 4000, 1024
    x = task.sample(n, 0, "test").x.double()
    g = O(4).sample(m, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    logs = []
    for _ in range(400):  # other inputs, and other elements for them
        some, h = x[torch.randperm(n, generator=generator)[:m]], g[torch.randperm(m)]
        moved = task.target(torch.einsum("nij,nj->ni", h, some))
        turned = torch.einsum("nij,nj->ni", h, task.target(some))
        logs.append((moved - turned).square().sum(1).mean().log() / 2)
    assert found["equivariance_error.sampling"] == pytest.approx(
        float(torch.stack(logs).std()), rel=0.15
    )


def test_there_is_no_sampling_error_where_all_inputs_take_part():
    task = Linear()
    for thorough in (True, False):  # 256 inputs are fewer than 1,024
        found = score(EquivarianceError, task, Function(task.target), thorough=thorough)
        assert found["equivariance_error.sampling"] == 0


def test_the_untrained_network_is_scored_in_its_own_unit():
    task = Angle()
    trial = trained(task, Function(task.target), thorough=False)
    untrained = replace(trial, initial=perceptron(10, 1, 3))
    found = EquivarianceError().score(untrained, task, None)
    assert found["equivariance_error"] < 1e-12
    net = perceptron(10, 1, 3)
    alone = EquivarianceError().score(trained(task, net, thorough=False), task, None)
    y = trial.test.y.double().var(correction=0)
    own = net.double()(trial.test.x.double()).detach().var(correction=0)
    expected = alone["equivariance_error"] * float((y / own).sqrt())
    assert found["equivariance_error.untrained"] == pytest.approx(expected, rel=1e-9)
    assert "equivariance_error.untrained" not in EquivarianceError().score(trial, task, None)
    nothing = replace(trial, initial=constant(1.0))  # such as a closed form before it is fitted
    assert "equivariance_error.untrained" not in EquivarianceError().score(nothing, task, None)


def test_trials_together_have_the_scores_of_each_alone():
    task = Inertia()
    trials = [
        replace(
            trained(task, perceptron(12, 9, n), seed=n % 2, thorough=False),
            initial=perceptron(12, 9, 10 + n) if n else None,
        )
        for n in range(3)
    ]
    together = EquivarianceError().score_together(trials, task, [None] * 3)
    for trial, found in zip(trials, together, strict=True):
        alone = EquivarianceError().score(replace(trial, memo={}), task, None)
        assert found == pytest.approx(alone, rel=1e-9)
        assert ("equivariance_error.untrained" in found) == (trial.initial is not None)


class Own(Shuffled):
    """Sides of four nodes, without a scale: only the signs of the outputs count."""

    name, loss, chance = "own", "own", 0.5

    def headline_error(self, prediction, test):
        return float(((prediction > 0) != (test.y > 0)).double().mean())


def test_the_scale_of_outputs_has_no_effect_where_the_loss_leaves_it_free():
    task, net = Own(), perceptron(4, 4, 0)
    one = score(EquivarianceError, task, net)["equivariance_error"]
    small = score(EquivarianceError, task, Function(lambda x: 1e-6 * net(x)))["equivariance_error"]
    assert small == pytest.approx(one, rel=1e-6)


@pytest.mark.parametrize("metric", [EquivarianceError, Float32EquivarianceError])
def test_another_function_in_float64_has_no_score(metric):
    class Twofold(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = perceptron(10, 1, 0)

        def forward(self, x):
            return Angle().target(x) if x.dtype == torch.float64 else self.net(x)

    trial = trained(Angle(), Twofold())
    assert metric().score(trial, Angle(), None) == {}
    assert "float64" in trial.notes[metric.name]


@pytest.mark.statistics
def test_few_pairs_estimate_the_same_mean_as_many():
    task = Linear()
    many, few = seeds_of(task, 20), seeds_of(task, 60, thorough=False)
    assert float(few.mean() / many.mean()) == pytest.approx(1, abs=0.01)
    assert float(few.std()) < 0.05 * float(few.mean())


def test_a_function_that_overflows_at_moved_inputs_has_no_score():
    task = Linear()
    largest = float(task.sample(256, 0, "test").x[:, 0].max())
    trial = trained(task, Function(lambda x: task.target(x) / (x[:, :1] <= largest)))
    assert EquivarianceError().score(trial, task, None) == {}
    assert "not finite" in trial.notes["equivariance_error"]


def test_an_untrained_network_that_raises_has_a_note():
    def raises(x):
        raise LookupError("fit me first")

    task = Angle()
    trial = replace(trained(task, Function(task.target), thorough=False), initial=Function(raises))
    found = EquivarianceError().score(trial, task, None)
    assert "equivariance_error" in found
    assert "equivariance_error.untrained" not in found
    assert "LookupError" in trial.notes["equivariance_error.untrained"]

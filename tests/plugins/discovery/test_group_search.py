"""The search for group elements: its predictor, its statistic and what it finds."""

from __future__ import annotations

import math

import pytest
import torch
from known_tasks import trained
from symbench_discovery.group_search import (
    Excess,
    GroupSearch,
    GroupSearchConfig,
    apart,
    every_permutation,
    neighbours,
)
from symbench_discovery.leave_one_out import LeaveOneOut
from symbench_images.rotation_tasks import RotationAngle
from symbench_symmetry.finite import FiniteBlocks, FiniteSevenfold
from symbench_symmetry.poses import FiniteArrow, FiniteNone, FiniteTetrahedral
from symbench_symmetry.spiral import SpiralCorrect
from symbench_vectors.tasks import O5Invariant

import symbench
from symbench.contract import Context
from symbench.groups import SO, elements_of, geodesic
from symbench.metrics.announced_elements import verdicts


def fitted(task, n, seed=0, **config):
    model = GroupSearch(GroupSearchConfig(**config))
    data = task.sample(n, seed, "train")
    generator = torch.Generator().manual_seed(seed)
    context = Context(n, seed, 10, torch.device("cpu"), data, generator, data)
    problem = symbench.problem(task, model)
    return model, model.fit(problem, data, context), problem


def scores(task, n, **config):
    model, module, _ = fitted(task, n, **config)
    return verdicts(trained(task, module, model), task)


def test_the_prediction_without_an_example_is_that_of_a_fit_without_it():
    data = FiniteArrow().sample(30, 0, "train", torch.float64)
    fit = LeaveOneOut(data.x, data.y)
    at, probe = torch.tensor([4, 17]), FiniteArrow().sample(5, 0, "test", torch.float64).x
    found = fit.without(at)(probe.expand(2, -1, -1))
    K = fit.kernel(data.x / fit.unit, data.x / fit.unit)
    ridge = float(torch.linalg.inv(fit.inverse)[0, 0] - K[0, 0])
    for row, i in enumerate(at.tolist()):
        rest = [j for j in range(30) if j != i]
        left = K[rest][:, rest] + ridge * torch.eye(29).double()
        weights = torch.linalg.solve(left, data.y[rest] - fit.mean)
        value = fit.kernel(probe / fit.unit, data.x[rest] / fit.unit) @ weights + fit.mean
        assert torch.allclose(found[row], value, atol=1e-8)


def test_the_network_is_the_fit_and_does_not_depend_on_the_unit():
    data = FiniteArrow().sample(50, 0, "train", torch.float64)
    probe = FiniteArrow().sample(5, 0, "test", torch.float64).x
    first = LeaveOneOut(data.x, data.y).net()(probe)
    second = LeaveOneOut(1e3 * data.x, data.y).net()(1e3 * probe)
    assert torch.allclose(first, second, atol=1e-9)
    assert float((first - FiniteArrow().target(probe)).square().mean()) < 0.05


def test_the_excess_is_zero_for_the_group_and_positive_for_others():
    task = FiniteTetrahedral()
    data = task.sample(200, 0, "train")
    excess = Excess(LeaveOneOut(data.x, data.y), task.layout(), 200)
    true = excess(elements_of(task.symmetry.group))
    assert float(true[0].abs().max()) < 1e-4  # the identity
    error = true.std(1) / math.sqrt(200)
    assert float((true.mean(1)[1:] / error[1:]).abs().max()) < 4
    other = excess(SO(3).sample(20, torch.Generator().manual_seed(0)))
    assert float((other.mean(1) / (other.std(1) / math.sqrt(200))).median()) > 10


def test_it_finds_all_quarter_turns_of_the_arrow():
    found = scores(FiniteArrow(), 200, starts=64, kept=16, points=64)
    assert found["elements_precision"] == found["elements_recall"] == 1
    assert found["elements_wasserstein"] < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("task", "n"), [(FiniteTetrahedral(), 300), (FiniteBlocks(), 600)])
def test_it_finds_all_elements_of_other_groups(task, n):
    found = scores(task, n)
    assert found["elements_precision"] == found["elements_recall"] == 1


def test_it_announces_nothing_where_there_is_nothing():
    assert scores(FiniteNone(), 200, starts=64, kept=16, points=64)["elements_count"] == 1


@pytest.mark.slow
def test_a_thousand_examples_show_the_seven_turns_but_not_yet_that_mirrors_are_none():
    """The predictor has learned the first harmonic of the angle, which D(7) preserves."""
    found = scores(FiniteSevenfold(), 1000)
    assert found["elements_recall"] == 1
    assert found["elements_count"] <= 14


def test_same_seed_same_result():
    first, second = (fitted(FiniteArrow(), 100, starts=16, kept=4, points=32)[1] for _ in range(2))
    assert torch.equal(first.g, second.g)
    x = FiniteArrow().sample(5, 0, "test").x
    assert torch.equal(first(x), second(x))


def test_before_training_it_predicts_zero_and_announces_nothing():
    model, _, problem = fitted(FiniteArrow(), 50, starts=4, kept=2, points=16)
    module = model.build(problem)
    x = FiniteArrow().sample(5, 0, "test").x
    assert torch.equal(module(x), torch.zeros(5, 26))
    assert model.elements(module).shape == (0, 2, 2)
    assert model.elements(torch.nn.Identity()) is None


def test_it_declines_what_it_cannot_search():
    model = GroupSearch()
    assert model.accepts(symbench.problem(FiniteArrow(), model)) is None
    assert model.accepts(symbench.problem(O5Invariant(), model)) is None
    assert "layout" in model.accepts(symbench.problem(RotationAngle(), model))
    assert "layout" in model.accepts(symbench.problem(SpiralCorrect(), model))


def test_the_steps_of_the_descent_are_angles():
    moves = neighbours(3, 0.25)
    assert len(moves) == 7
    assert torch.allclose(geodesic(moves[1:], moves[:1]), torch.full((6, 1), 0.25).double())
    assert len(every_permutation(4)) == 24
    assert len(apart(every_permutation(4), 0.1)) == 24
    assert len(apart(torch.cat([moves, moves]), 0.1)) == 7
    assert len(apart(moves, 1.0)) == 1

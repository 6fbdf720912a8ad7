"""Scores of announced group elements, against finite and infinite groups and controls."""

import math
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from known_tasks import AnyModel, Control, perceptron, score, trained

from symbench.contract import Data, Symmetry, Task
from symbench.errors import ShapeError
from symbench.groups import GL, SO, C, S, Scalar, Trivial, V, elements_of
from symbench.metrics import CORE
from symbench.metrics.announced_elements import wasserstein
from symbench.metrics.counting import FalseFinding, GeneratorsFound
from symbench.metrics.elements import (
    ElementScore,
    ElementsCount,
    ElementsPrecision,
    ElementsRecall,
    ElementsWasserstein,
)


class Sevenfold(Task):
    """cos 7θ plus the third coordinate: the symmetry is C(7) about the third axis."""

    name, version, threshold = "sevenfold-test", "1", 0.1
    summary = "seven-fold"
    sizes: ClassVar = {"smoke": (16,), "quick": (16,), "full": (16,)}
    input_shape, output_shape, test_size = (3,), (1,), 512

    @property
    def symmetry(self):
        group = C(7) * Trivial(1)
        return Symmetry(group, V(group), Scalar(group))

    def target(self, x):
        angle = torch.atan2(x[:, 1], x[:, 0])
        return (torch.cos(7 * angle) + x[:, :2].norm(dim=1) ** 2 + x[:, 2])[:, None]

    def sample(self, n, seed, split):
        x = torch.randn(n, 3, generator=self.generator(seed, split))
        return Data(x, self.target(x))


class Axis(Sevenfold):
    name = "axis-test"

    @property
    def symmetry(self):
        group = SO(2) * Trivial(1)
        return Symmetry(group, V(group), Scalar(group))


class Announcing(AnyModel):
    name, prior = "announcing", "discovers"

    def __init__(self, elements):
        super().__init__()
        self._elements = elements

    def elements(self, module):
        return self._elements


METRICS = (ElementsPrecision, ElementsRecall, ElementsCount, ElementsWasserstein)


def scores(elements, task=None, **fields):
    task = task or Sevenfold()
    model, found = Announcing(elements), {}
    trial = replace(trained(task, perceptron(3, 1, 0), model), **fields)
    for metric in METRICS:
        assert metric().applies(task, model)
        found |= metric().score(trial, task, torch.Generator())
    return found, trial.notes


def turn(angle):
    rotation = torch.eye(3).double()
    rotation[:2, :2] = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    return rotation


SEVEN = elements_of(C(7) * Trivial(1))


def test_the_true_group_scores_best_with_and_without_the_identity():
    for elements in (SEVEN, SEVEN[1:], SEVEN[1:].float()):
        found, _ = scores(elements)
        assert found["elements_precision"] == found["elements_recall"] == 1
        assert found["elements_count"] == found["elements_count.truth"] == 7
        assert found["elements_wasserstein"] == pytest.approx(0, abs=1e-3)


def test_announcing_nothing_is_the_guess():
    found, notes = scores(torch.zeros(0, 3, 3))
    assert found["elements_recall"] == 0
    assert found["elements_count"] == 1
    # the mean angle of the seven rotations: 2 (1 + 2 + 3) / 7 steps of a seventh of a turn
    assert found["elements_wasserstein"] == pytest.approx(12 / 7 * 2 * math.pi / 7)
    assert found["elements_wasserstein.guess"] == found["elements_wasserstein"]
    assert "elements_precision" not in found
    assert "only the identity" in notes["elements_precision"]


def test_false_elements_lower_precision_and_missing_ones_recall():
    found, _ = scores(torch.stack([turn(2 * math.pi / 7), turn(1.3), turn(2.5)]))
    assert found["elements_precision"] == pytest.approx(1 / 3)
    assert found["elements_recall"] == pytest.approx(1 / 6)
    assert found["elements_count"] == 4


def test_everything_has_full_recall_and_chance_precision():
    everything = torch.stack([turn(a) for a in torch.linspace(-math.pi, math.pi, 250).tolist()])
    found, _ = scores(everything)
    assert found["elements_recall"] == 1
    assert found["elements_precision"] < 0.3
    # the uniform law on the circle is at 2π / 28 on average from the nearest of seven
    assert found["elements_wasserstein"] == pytest.approx(2 * math.pi / 28, rel=0.05)


def test_repeated_elements_count_once_but_weigh_in_the_law():
    found, _ = scores(torch.cat([SEVEN, SEVEN[1:2].repeat(7, 1, 1)]))
    assert found["elements_precision"] == 1
    assert found["elements_count"] == 7
    assert found["elements_wasserstein"] > 0.3


def test_a_small_error_is_the_distance():
    found, _ = scores(SEVEN @ turn(0.05))
    assert found["elements_precision"] == found["elements_recall"] == 1
    assert found["elements_wasserstein"] == pytest.approx(0.05, abs=1e-3)


def test_an_infinite_group_is_compared_by_its_law():
    found, notes = scores(turn(0.0)[None].repeat(5, 1, 1), Axis())
    assert found["elements_wasserstein"] == pytest.approx(math.pi / 2, rel=0.1)
    assert found["elements_wasserstein.floor"] < 0.3
    assert "infinite" in notes["elements_precision"]
    drawn = Axis().symmetry.group.sample(256, torch.Generator().manual_seed(5))
    assert scores(drawn, Axis())[0]["elements_wasserstein"] < 0.3


def test_any_element_is_false_on_a_control():
    found, _ = scores(turn(1.0)[None], Control())
    assert found["elements_precision"] == 0
    assert found["elements_count"] == 2
    assert found["elements_count.truth"] == 1
    assert "elements_recall" not in found


def test_the_untrained_model_is_the_chance():
    class Later(Announcing):
        def elements(self, module):
            return SEVEN if module.fitted else SEVEN[:1]

    before, after = perceptron(3, 1, 0), perceptron(3, 1, 0)
    before.fitted, after.fitted = False, True
    trial = replace(trained(Sevenfold(), after, Later(None)), initial=before)
    found = ElementsWasserstein().score(trial, Sevenfold(), torch.Generator())
    assert found["elements_wasserstein"] == pytest.approx(0, abs=1e-9)
    assert found["elements_wasserstein.chance"] == found["elements_wasserstein.guess"]


def test_what_has_no_distance_is_absent_with_a_reason():
    assert "singular" in scores(torch.zeros(1, 3, 3))[1]["elements_wasserstein"]
    assert "not finite" in scores(torch.full((1, 3, 3), math.nan))[1]["elements_count"]
    with pytest.raises(ShapeError, match=r"\[k, 3, 3\]"):
        scores(torch.zeros(1, 2, 2))

    class Large(Sevenfold):
        @property
        def symmetry(self):
            group = GL(3)
            return Symmetry(group, V(group), Scalar(group))

    assert "orthogonal" in scores(SEVEN, Large())[1]["elements_count"]


def test_a_model_without_elements_has_no_such_scores():
    assert scores(None) == ({}, {})
    other = AnyModel()
    assert not any(metric().applies(Sevenfold(), other) for metric in METRICS)
    assert all(metric in CORE and issubclass(metric, ElementScore) for metric in METRICS)


def test_the_optimal_plan_is_that_of_sorted_angles():
    """On a circle's arc the least cost pairs both sorted samples."""
    a = torch.tensor([0.1, 0.5, 0.9]).double()
    b = torch.tensor([0.3, 0.2, 1.2]).double()
    plan = wasserstein(
        torch.stack([turn(v) for v in a.tolist()]), torch.stack([turn(v) for v in b.tolist()])
    )
    expected = (a.sort().values - b.sort().values).abs().mean()
    assert plan == pytest.approx(float(expected))


def test_a_finite_group_is_a_control_for_generators():
    task = Sevenfold()
    assert FalseFinding().applies(task, AnyModel())
    assert score(GeneratorsFound, task, perceptron(3, 1, 0))["generators_found.truth"] == 0
    assert score(FalseFinding, task, perceptron(3, 1, 0))["false_finding"] in (0.0, 1.0)
    assert not FalseFinding().applies(Axis(), AnyModel())


def test_graphs_and_images_of_finite_groups_are_no_controls():
    class Graph(Sevenfold):
        kind = "graph"

        @property
        def symmetry(self):
            group = S(4)
            return Symmetry(group, V(group), Scalar(group))

    assert not FalseFinding().applies(Graph(), AnyModel())

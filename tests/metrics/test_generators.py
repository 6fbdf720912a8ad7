"""Extracted generators, and how many are found."""

import math

import pytest
import torch
from known_tasks import (
    Angle,
    Control,
    Discovering,
    Function,
    Inertia,
    Minkowski,
    Nothing,
    algebra_scores,
    constant,
    perceptron,
)

from symbench.contract import Symmetry
from symbench.groups import GL, Scalar, V
from symbench.metrics import CORE, GeneratorCosine
from symbench.metrics.counting import GeneratorsFound
from symbench.metrics.infinitesimal import AlgebraMetric

PARTS = ("", ".at_02", ".at_10", ".truth", ".floor")


@pytest.mark.parametrize("task", [Angle(), Inertia(), Minkowski()], ids=lambda task: task.name)
def test_the_exact_target_keeps_the_true_generators(task):
    found = algebra_scores(task, Function(task.target))
    for name in ("cosine", "cosine_frobenius", "overlap", "worst_cosine", "precision", "recall"):
        assert found[f"generator_{name}"] == pytest.approx(1, abs=1e-9)
    assert found["generators_found"] == found["generators_found.truth"] == len_true(task)
    assert found["generator_closure"] == pytest.approx(0, abs=1e-9)
    assert found["generators_found.floor"] == 0
    assert found["generator_cosine.reference"] == pytest.approx(1, abs=1e-9)


def len_true(task):
    return {"angle": 10, "inertia": 4, "minkowski": 6}[task.name]


def test_untrained_networks_are_at_chance_on_average():
    found = [algebra_scores(Minkowski(), perceptron(12, 1, seed)) for seed in range(50)]
    overlap = torch.tensor([s["generator_overlap"] for s in found])
    error = float(overlap.std()) / 50**0.5
    assert error < 0.02
    assert float(overlap.mean()) == pytest.approx(0, abs=3 * error)
    assert found[0]["generator_cosine.chance"] == pytest.approx(math.sqrt(6 / 16))


def test_a_model_that_announces_none_is_extracted():
    found = algebra_scores(Angle(), Function(Angle().target), Discovering(None))
    assert found["generator_overlap"] == pytest.approx(1, abs=1e-9)


def test_a_constant_model_has_no_extracted_scores():
    assert algebra_scores(Angle(), constant(1.0)) == {}


NOTHING = dict.fromkeys(("false_finding", *(f"generators_found{part}" for part in PARTS)), 0.0)


def test_a_control_without_symmetry_keeps_no_generator():
    task = Control()
    assert algebra_scores(task, Function(task.target)) == NOTHING
    assert GeneratorsFound().applies(task, None)
    assert not GeneratorCosine().applies(task, None)


def test_a_group_without_algebra_is_only_a_control():
    applied = {
        metric.name
        for metric in CORE
        if issubclass(metric, AlgebraMetric) and metric().applies(Nothing(), Discovering(None))
    }
    assert {"generators_found", "false_finding", "announced_count"} <= applied
    assert not any(name.startswith(("generator_", "lie_")) for name in applied)


def test_a_linear_function_keeps_what_moves_nothing_along_its_gradient():
    # w·a: A is a symmetry where w A = 0, 20 of the 25 dimensions of gl(5)
    found = algebra_scores(Angle(), Function(lambda x: x[:, :5].sum(1, keepdim=True)))
    assert found["generators_found"] == 20
    assert found["generator_overlap"] < 0.9


def test_a_missing_rotation_is_found_missing():
    # invariant under rotations of the first four coordinates only: 6 of the 10 generators
    def partial(x):
        v = x.view(-1, 2, 5)
        return (v[:, 0, :4].square() + v[:, 0, :4] * v[:, 1, :4]).sum(1, keepdim=True) + (
            v[:, :, 4].exp().sum(1, keepdim=True)
        )

    found = algebra_scores(Angle(), Function(partial))
    assert found["generators_found"] == 6
    assert found["generator_precision"] == pytest.approx(1, abs=1e-9)
    assert found["generator_recall"] == pytest.approx(0.6, abs=1e-9)
    assert found["generator_worst_cosine"] < 0.9


def test_a_control_that_says_its_layout_is_searched_in_all_of_gl():
    class Unsymmetric(Angle):
        name = "unsymmetric"

        @property
        def symmetry(self):
            return None

        def layout(self):
            return Symmetry(GL(5), (2 * V)(GL(5)), Scalar(GL(5)))

        def target(self, x):
            powers = torch.arange(1, 11, dtype=x.dtype)
            return ((x * powers).sin() + x * x.roll(1, -1) * powers).sum(-1, keepdim=True)

    found = algebra_scores(Unsymmetric(), Function(Unsymmetric().target))
    assert found == NOTHING

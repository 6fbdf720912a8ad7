"""O(5) behind a coupling map, and the score of vector fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from symbench_discovery.field_fit import FieldFitCubic
from symbench_symmetry.coupling import FieldOverlap, HiddenCoupling, _bent, _parts, _unbent
from torch import nn

from symbench.contract import Context, Model, Problem, Trained, seeded
from symbench.groups import SO
from symbench.metrics.truth import true_algebra

TASK = HiddenCoupling()


def problem() -> Problem:
    return Problem("vectors", "mse", (10,), (1,), candidate=TASK.layout())


@dataclass
class Announcing(Model):
    """Announces given fields, or given generators."""

    announced: Any = None
    matrices: Any = None
    name, version, prior = "announcing", "1", "discovers"

    def build(self, problem):
        return nn.Linear(10, 1)

    def fields(self, module, x):
        return None if self.announced is None else self.announced(x)

    def generators(self, module):
        return self.matrices


def scores(model: Model, module: nn.Module | None = None) -> dict[str, float]:
    test = TASK.sample(600, 0, "test")
    module = nn.Linear(10, 1) if module is None else module
    trained = Trained(module, model, problem(), 10, 0, test, module(test.x))
    return FieldOverlap().score(trained, TASK, seeded("score"))


def coupled(z: torch.Tensor) -> torch.Tensor:
    a, b = _parts(z)
    return torch.cat([a, b + _bent(a)], -1).flatten(-2)


def test_the_map_is_inverted():
    z = torch.randn(20, 10, generator=seeded("z")).double()
    assert torch.allclose(_unbent(coupled(z)).flatten(-2), z)


def test_rotations_before_the_map_keep_the_target():
    z = torch.randn(20, 10, generator=seeded("z")).double()
    g = SO(5).sample(1, seeded("g"))[0]
    turned = (z.view(20, 2, 5) @ g.mT).flatten(1)
    assert torch.allclose(TASK.target(coupled(turned)), TASK.target(coupled(z)))


def test_the_fields_are_the_derivatives_of_the_rotated_points():
    z = torch.randn(7, 10, generator=seeded("z")).double()
    x = coupled(z)
    for A, field in zip(SO(5).algebra, TASK.fields(x), strict=True):

        def moved(t, A=A):
            g = torch.linalg.matrix_exp(t * A)
            return coupled((z.view(7, 2, 5) @ g.mT).flatten(1))

        _, slope = torch.func.jvp(moved, (torch.zeros(()).double(),), (torch.ones(()).double(),))
        assert torch.allclose(field, slope)


def test_the_fields_annihilate_the_target_and_are_pulled_back_to_rotations():
    x = TASK.sample(20, 0, "test", torch.float64).x
    for field in TASK.fields(x):
        _, slope = torch.func.jvp(TASK.target, (x,), (field,))
        assert float(slope.abs().max()) < 1e-10
    pulled = TASK.pulled_back(x, TASK.fields(x)).unflatten(-1, (2, 5))
    expected = torch.einsum("kij,ncj->knci", SO(5).algebra, _unbent(x))
    assert torch.allclose(pulled, expected)


def test_no_linear_generator_is_kept():
    truth = true_algebra(TASK, TASK.sample(600, 0, "test").x)
    assert truth.is_zero
    assert float(truth.bounds(truth.target).min()) > 0.09


def test_true_fields_score_one_and_further_ones_lower_it():
    assert scores(Announcing(TASK.fields))["field_overlap"] == pytest.approx(1)

    def more(x):
        return torch.cat([TASK.fields(x), torch.ones(10, len(x), 10).double() * x.sin()[None] ** 3])

    both = scores(Announcing(more))
    assert both["field_overlap.count"] == 11
    assert both["field_overlap"] == pytest.approx(10 / 11)


def test_linear_fields_cannot_pass_their_ceiling():
    announced = scores(Announcing(matrices=SO(5).algebra.double()))
    assert announced["field_overlap.linear"] < announced["field_overlap.reference"] < 0.8
    assert 0.3 < announced["field_overlap"] <= announced["field_overlap.linear"]


def test_announcing_nothing_scores_zero_and_not_announcing_has_no_score():
    assert scores(Announcing(matrices=torch.zeros(0, 5, 5)))["field_overlap"] == 0
    assert scores(Announcing()) == {}


@pytest.mark.slow
def test_field_fit_cubic_finds_the_ten_fields_from_3000_examples():
    model, data = FieldFitCubic(), TASK.sample(3000, 0, "train")
    context = Context(3000, 0, 1, torch.device("cpu"), data, seeded("fit"), data)
    found = scores(model, model.fit(problem(), data, context))
    assert found["field_overlap.count"] == 10
    assert found["field_overlap"] > 0.95

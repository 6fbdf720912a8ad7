"""Cosines of learned pixel generators with the true and with the published generator."""

from __future__ import annotations

import math

import pytest
import torch
from symbench_images.pixel_metric import PixelGenerator
from symbench_images.rotation import published_rotation_generator, rotation_generator
from symbench_images.rotation_tasks import RotationAngle, RotationFixed
from symbench_images.tasks import Plain, RotatedScrambled
from torch import Tensor, nn

from symbench import Model, Problem
from symbench.contract import Trained
from symbench.groups import SO

PARTS = ("raw", "skew", "masked", "skew_masked", "paper", "paper_skew")
GENERATOR = torch.Generator().manual_seed(0)


class Holder(nn.Module):
    def __init__(self, L: Tensor | None) -> None:
        super().__init__()
        self.L = L

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :1]


class Holding(Model):
    name, version, prior = "holding", "1", "discovers"

    def build(self, problem: Problem) -> nn.Module:
        return Holder(None)

    def generators(self, module: nn.Module) -> Tensor | None:
        return module.L


class Linear(Holding):
    parametrisation = "linear"


class Told(Holding):
    prior = "told"


def scores(L: Tensor | None, task=None, model: Model | None = None) -> dict[str, float]:
    task, model = task or RotationAngle(), model or Holding()
    test = task.sample(2, 0, "test")
    view = Problem(task.kind, task.loss, task.input_shape, task.output_shape)
    trained = Trained(Holder(L), model, view, 2, 0, test, test.y)
    return PixelGenerator().score(trained, task, GENERATOR)


def part(found: dict[str, float], name: str) -> float:
    return found[f"{PixelGenerator.name}.{name}"]


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_the_true_generator_scores_one_and_its_own_cosine_with_the_published():
    found = scores(-3 * rotation_generator(7)[None])
    for name in ("raw", "skew", "masked", "skew_masked"):
        assert part(found, name) == pytest.approx(1, abs=1e-12)
    assert part(found, "paper") == pytest.approx(0.9701, abs=5e-5)
    assert part(found, "paper_skew") == pytest.approx(0.9701, abs=5e-5)


def test_the_published_generator_scores_one_against_itself():
    found = scores(published_rotation_generator(7)[None])
    assert part(found, "paper") == pytest.approx(1, abs=1e-12)
    assert part(found, "raw") == pytest.approx(0.9701, abs=5e-5)


def test_symmetric_junk_costs_the_raw_score_alone():
    L, junk = rotation_generator(7), noise(49, 49)
    junk = junk + junk.mT
    found = scores((L + junk * L.norm() / junk.norm())[None])
    assert part(found, "raw") == pytest.approx(math.sqrt(0.5), abs=1e-9)
    assert part(found, "skew") == pytest.approx(1, abs=1e-12)


def test_what_happens_to_the_corners_does_not_count_when_they_are_masked():
    L = rotation_generator(7).clone()
    L[0] = noise(49)
    L[:, 48] = noise(49)
    found = scores(L[None])
    assert part(found, "masked") == pytest.approx(1, abs=1e-12)
    assert part(found, "raw") < 0.99


def test_of_several_generators_the_nearest_combination_counts_and_each_costs():
    L, junk = rotation_generator(7), noise(49, 49)
    both = part(scores(torch.stack([L + junk, L - 2 * junk])), "raw")
    assert both == pytest.approx(math.sqrt(1 / 2))
    assert part(scores((L + junk)[None]), "raw") < 0.9


def test_announcing_all_antisymmetric_matrices_is_at_chance():
    class Small(RotationFixed):
        side, input_shape, output_shape = 3, (1, 3, 3), (1, 3, 3)

    found = scores(SO(9).algebra, Small())
    assert part(found, "skew") == pytest.approx(part(found, "skew.chance"))
    assert part(found, "raw") == pytest.approx(1 / 6)


def test_random_generators_are_at_chance_in_every_part():
    many = [scores(L[None]) for L in noise(300, 49, 49)]
    for name in PARTS:
        square = sum(part(found, name) ** 2 for found in many) / len(many)
        # a squared cosine near chance is χ²₁: the mean of 300 has a relative sd of 0.08
        assert math.sqrt(square) == pytest.approx(part(many[0], f"{name}.chance"), rel=0.2)


def test_the_reference_is_what_the_parametrisation_can_attain():
    found = scores(rotation_generator(7)[None], RotationFixed(), Linear())
    assert part(found, "paper.reference") == pytest.approx(0.270, abs=5e-4)
    assert part(found, "raw.reference") == pytest.approx(0.278, abs=5e-4)
    assert part(found, "skew_masked.reference") == pytest.approx(0.840, abs=5e-4)
    assert not any(name.endswith("reference") for name in scores(rotation_generator(7)[None]))


def test_a_scrambled_task_compares_with_the_scrambled_generator():
    task = RotatedScrambled()
    L = task.symmetry.group.algebra
    assert part(scores(L, task), "raw") == pytest.approx(1, abs=1e-12)
    assert part(scores(L, task), "skew_masked") == pytest.approx(1, abs=1e-12)
    assert part(scores(rotation_generator(8)[None], task), "raw") < 0.2
    published = task.symmetry.group.scrambled(published_rotation_generator(8))
    assert part(scores(published[None], task), "paper") == pytest.approx(1, abs=1e-12)


def test_it_applies_to_models_that_discover_on_rotated_images_alone():
    metric = PixelGenerator()
    assert metric.applies(RotationAngle(), Holding())
    assert metric.applies(RotatedScrambled(), Holding())
    assert not metric.applies(RotationAngle(), Told())
    assert not metric.applies(Plain(), Holding())


def test_what_cannot_be_compared_has_no_score():
    assert scores(None) == {}
    assert scores(torch.full((1, 49, 49), math.nan)) == {}
    assert scores(torch.eye(5)[None]) == {}


def test_a_vanishing_generator_scores_nothing():
    assert part(scores(torch.zeros(1, 49, 49)), "raw") == 0.0

"""Two guesses that read no label: the rotations, and the isometries of the inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from known_tasks import algebra_scores
from symbench_discovery.guesses import GuessCovariance, GuessSO
from symbench_images.controls import HiddenConjugate, NoSymmetry
from symbench_images.rotation_tasks import RotationAngle
from symbench_vectors.chiral import SO2Anisotropic
from symbench_vectors.tasks import LorentzScattering, O5Invariant

import symbench
from symbench.contract import Context, Data


def fitted(model, task, labels=1.0):
    data = task.sample(1000, 0, "train")
    data = Data(data.x, labels * data.y)
    generator = torch.Generator().manual_seed(0)
    context = Context(1000, 0, 10, torch.device("cpu"), data, generator, data)
    problem = symbench.problem(task, model)
    return model.fit(problem, data, context), model.build(problem)


def overlap(model, task):
    module, initial = fitted(model, task)
    return algebra_scores(task, module, model, initial=initial)


@pytest.mark.parametrize(
    ("model", "task", "low", "high"),
    [
        (GuessSO(), O5Invariant(), 0.999, 1), (GuessCovariance(), O5Invariant(), 0.98, 1),
        (GuessCovariance(), HiddenConjugate(), 0.98, 1), (GuessSO(), HiddenConjugate(), -1, 0.9),
        (GuessSO(), LorentzScattering(), -1, 0.5), (GuessSO(), SO2Anisotropic(), 0.1, 0.3),
    ],
)  # fmt: skip
def test_the_guess_is_as_good_as_the_inputs_tell(model, task, low, high):
    found = overlap(model, task)
    assert low <= found["announced_overlap"] <= high
    assert found["announced_overlap"] <= found["announced_overlap.guess"] + 0.02
    assert found["announced_unconnected"] == found["announced_count"]
    assert "announced_own_defect" not in found
    assert "generator_overlap" not in found


def test_a_guess_that_needs_no_data_is_as_good_before_training():
    found = overlap(GuessSO(), O5Invariant())
    assert found["announced_overlap.chance"] == pytest.approx(found["announced_overlap"])


def test_the_isometries_keep_the_second_moment_of_the_training_inputs():
    task = HiddenConjugate()
    module, _ = fitted(GuessCovariance(), task)
    v = task.sample(1000, 0, "train").x.double().view(-1, 5)
    S = v.mT @ v / len(v)
    assert module.L.shape == (10, 5, 5)
    assert torch.allclose(module.L @ S + S @ module.L.mT, torch.zeros(5, 5).double(), atol=1e-9)


def test_no_label_changes_the_generators():
    for model in (GuessSO(), GuessCovariance()):
        one, other = (fitted(model, O5Invariant(), labels)[0].L for labels in (1.0, -3.0))
        assert torch.equal(one, other)


def test_the_prediction_is_the_mean_of_the_targets():
    task = O5Invariant()
    module, _ = fitted(GuessSO(), task)
    y = task.sample(1000, 0, "train").y
    assert torch.allclose(module(torch.zeros(3, 10)), y.mean(0).expand(3, 1))
    assert module.double()(torch.zeros(3, 10).double()).dtype == torch.float64


def test_a_guess_on_a_control_is_a_false_finding():
    for model in (GuessSO(), GuessCovariance()):
        found = overlap(model, NoSymmetry())
        assert found["false_finding"] == 1
        assert found["announced_count"] == 10
        assert found["announced_defect"] > 0.1


def test_they_decline_what_has_no_layout():
    problem = symbench.problem(RotationAngle(), GuessSO())
    assert "declared layout" in GuessSO().accepts(problem)
    vectors = symbench.problem(O5Invariant(), GuessSO())
    assert GuessSO().accepts(vectors) is None
    assert GuessSO().accepts(replace(vectors, loss="cross-entropy"))

"""Two symmetries of labels by two laws of inputs."""

from __future__ import annotations

from itertools import product

import pytest
import symbench_symmetry
import torch
from symbench_symmetry.law import O3Anisotropic, O3Isotropic, SO2Anisotropic, SO2Isotropic

from symbench import Symmetry
from symbench.contract import seeded
from symbench.groups import SO, O, Scalar, Trivial, V
from symbench.metrics.inputs import inputs_invariant, inputs_told_apart, told_apart
from symbench.metrics.truth import true_algebra
from symbench.registry import Registry

ROUND, AXIS = O(3), SO(2) * Trivial(1)
LABELS = {O3Isotropic: ROUND, O3Anisotropic: ROUND, SO2Isotropic: AXIS, SO2Anisotropic: AXIS}
INPUTS = {O3Isotropic: ROUND, O3Anisotropic: AXIS, SO2Isotropic: ROUND, SO2Anisotropic: AXIS}


@pytest.fixture(params=LABELS, ids=lambda task: task.name)
def task(request):
    return request.param()


def law(group):
    return Symmetry(group, (2 * V)(group), Scalar(group))


def violation(task, group):
    """Largest change of the labels under sampled elements, relative to the largest label."""
    x = task.sample(200, 0, "test", dtype=torch.float64).x
    g = group.sample(200, seeded("elements"))
    change = task.target(law(group).input.act(g, x)) - task.target(x)
    return float(change.abs().max() / task.target(x).abs().max())


def test_the_truth_is_the_symmetry_of_the_labels(task):
    group = LABELS[type(task)]
    assert task.symmetry == task.told == law(group)
    truth = true_algebra(task, task.sample(task.test_size, 0, "test").x)
    assert truth.is_exact
    assert len(truth.Q) == len(group.algebra)
    assert violation(task, group) < 1e-10


@pytest.mark.parametrize("cls", [SO2Isotropic, SO2Anisotropic], ids=lambda task: task.name)
@pytest.mark.parametrize("group", [O(3), SO(3), O(2) * Trivial(1), SO(2) * O(1)], ids=str)
def test_labels_with_an_axis_keep_no_mirror_and_no_other_rotation(cls, group):
    assert violation(cls(), group) > 0.1


def test_the_law_of_the_inputs_has_the_stated_symmetry(task):
    x = task.sample(20_000, 1, "test").x
    for group in (ROUND, AXIS):
        invariant = inputs_invariant(told_apart(x, law(group), seeded("inputs")))
        assert invariant is not (group is ROUND and INPUTS[type(task)] is AXIS)


def test_only_one_task_of_the_four_shows_inputs_less_symmetric_than_its_labels():
    invariant = {cls: inputs_invariant(inputs_told_apart(cls())) for cls in LABELS}
    assert [cls for cls in LABELS if not invariant[cls]] == [O3Anisotropic]


def test_the_inputs_have_the_variances_of_the_law(task):
    x = task.sample(100_000, 0, "train").x
    assert x.var(0).tolist() == pytest.approx(2 * list(task.variances), rel=0.03)
    covariance = torch.cov(x.mT) - torch.diag(x.var(0))
    assert float(covariance.abs().max()) < 0.02


def test_the_field_in_a_case_done_by_hand():
    x = torch.tensor([[1.0, 0, 2.0, 0, 1.0, 0]], dtype=torch.float64)
    by_the_field = SO2Isotropic().target(x) - O3Isotropic().target(x)
    assert float(by_the_field) == pytest.approx(3 * 2 + 2 * 1)


def test_the_four_tasks_are_all_combinations_and_agree_with_their_cards():
    registry = Registry()
    registry.add(symbench_symmetry, "symbench_symmetry", "1", "tests")
    for labels, inputs in product(("o3", "so2"), ("isotropic", "anisotropic")):
        name = f"law-{labels}-{inputs}"
        task, card = registry.task(name), registry.tasks[name]
        assert (LABELS[type(task)] is ROUND) is (labels == "o3")
        assert (INPUTS[type(task)] is ROUND) is (inputs == "isotropic")
        assert (card.summary, card.details["threshold"]) == (task.summary, task.threshold)

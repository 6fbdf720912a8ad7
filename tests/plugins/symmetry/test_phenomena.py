"""What a wrong prior costs, and what training in one pose hides: real trainings, fixed seeds."""

from __future__ import annotations

from functools import lru_cache
from statistics import median

import pytest
import symbench_baselines
import symbench_discovery
import symbench_emlp
import symbench_scalars
import symbench_symmetry
import symbench_vectors

from symbench.registry import Registry
from symbench.runs.cell import run_cell
from symbench.runs.plan import Selection, make_plan

pytestmark = [pytest.mark.slow, pytest.mark.statistics]
PLUGINS = (
    symbench_baselines, symbench_discovery, symbench_emlp, symbench_scalars, symbench_symmetry,
    symbench_vectors,
)  # fmt: skip


@lru_cache
def trained(task, model):
    """The median of each score over three seeds, at n = 1,000 after 350 updates."""
    registry = Registry()
    for plugin in PLUGINS:
        registry.add(plugin, plugin.__name__, "1", "tests")
    selection = Selection((task,), (model,), "quick", sizes=(1000,), seeds=3, updates=350)
    (cell,) = make_plan(registry, selection)
    record = run_cell(registry, cell)
    assert record.status == "ok", record.error
    names = set.intersection(*(set(trial.scores) for trial in record.trials))
    return {name: median(trial.scores[name] for trial in record.trials) for name in names}


@pytest.mark.parametrize("model", ["scalars", "emlp"])
@pytest.mark.parametrize(
    ("task", "floor"),
    [("broken-o5-0", 0), ("broken-o5-0.1", 0.01), ("broken-o5-cubic-0.1", 0.01),
     ("broken-o5-0.3", 0.09)],
)  # fmt: skip
def test_exact_models_are_just_above_the_floor(task, floor, model):
    scores = trained(task, model)
    # the floor of the finite test split is that of its mean h², which is within 10 % of 1
    assert 0.85 * floor <= scores["error"] < 1.2 * floor + 0.006
    assert scores["equivariance_error"] < 1e-5  # under the true group, which is smaller


def test_exactness_wins_without_a_break_and_loses_from_a_tenth_on():
    perceptron = trained("broken-o5-0", "mlp")["error"]
    assert trained("broken-o5-0", "scalars")["error"] < perceptron / 8
    for task, ratio in (("broken-o5-0.1", 1.2), ("broken-o5-0.3", 8)):
        assert trained(task, "scalars")["error"] > ratio * trained(task, "mlp")["error"]


@pytest.mark.parametrize("model", ["mlp-augmented", "mlp-penalty"])
def test_moving_the_examples_by_a_wrong_group_costs_the_same(model):
    assert trained("broken-o5-0.3", model)["error"] > 0.03
    assert trained("broken-o5-0.3", "mlp")["error"] < 0.02


def test_a_perceptron_that_saw_one_pose_fails_in_the_others():
    scores = trained("posed-o5-invariant", "mlp")
    assert scores["pose.error"] < 0.02
    assert scores["error"] > 0.2
    assert scores["pose.ratio"] > 100


def test_exact_models_do_not_notice_the_poses():
    scores = trained("posed-o5-invariant", "scalars")
    assert scores["error"] < 0.002
    assert scores["pose.ratio"] == pytest.approx(1, abs=1e-3)


def test_augmentation_makes_all_poses_alike():
    assert 0.5 < trained("posed-o5-invariant", "mlp-augmented")["pose.ratio"] < 3


def test_liegan_announces_the_symmetry_of_the_inputs_for_that_of_the_labels():
    scores = trained("law-so2-isotropic", "liegan")
    guess = trained("law-so2-isotropic", "guess-covariance")  # reads no label
    assert scores["announced_overlap"] == pytest.approx(guess["announced_overlap"], abs=0.1)
    assert scores["generator_overlap"] > 0.9  # its function has the symmetry of the labels


def test_a_perceptron_learns_the_symmetry_of_the_labels_under_either_law():
    for task in ("law-so2-isotropic", "law-o3-anisotropic"):
        assert trained(task, "mlp")["generator_overlap"] > 0.95

"""The same law in other units gives every built-in model the same outputs and scores.

A model is tested because it is registered. Each has a task with units, so that there are no
exemptions: graphs, classes and angles have no unit, but the targets of graphs, the pixels of
classified images and the times of angles do.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import pytest
from several import two_a_plugin
from torch import Tensor

from symbench.contract import Task
from symbench.draws import Draws
from symbench.metrics import CORE, ConservationError, PaperError
from symbench.registry import load
from symbench.registry.problem import make_problem
from symbench.runs.score import predict, score
from symbench.testing.conformance import Subject
from symbench.testing.laws import difference
from symbench.testing.units import FAR, Units, changes_of_units, in_units, trained

REGISTRY = load()
# Networks on graphs in space are built for tasks that train nothing, so that no target has a unit.
UNTRAINED = [name for name, card in REGISTRY.models.items() if card.plugin == "symbench_geometry"]
MODELS = [
    name
    for name, card in REGISTRY.models.items()
    if card.plugin != "symbench_example" and name not in UNTRAINED
]
SCORED = {name for name in two_a_plugin(REGISTRY, MODELS) if isinstance(name, str)}
DECIMAL = 1e12  # unlike powers of two, it rounds the data
TASK_UNITS = (ConservationError, PaperError)  # scores in units of the task, or of its constants
# The logarithm of a fitted matrix with eigenvalues near the negative axis amplifies the rounding of
# the data: the angles of single pairs differ by 1 %. torch-geometric's GPS normalises by the
# statistics of small batches.
AMPLIFYING = {"matrix-log", "pyg-gps"}


class Outcome(NamedTuple):
    """The outputs of a model before and after a few updates, in units of 1, and its scores."""

    first: Tensor
    last: Tensor
    scores: dict[str, float]


def outcome(subject: Subject, task: Task, units: Units = Units(), *, scored: bool = False):  # noqa: B008
    other = in_units(task, units)
    vars(other)["test_size"] = 60
    trial = trained(subject, other, updates=3)
    draws, scores = Draws(other, f"units {units}"), {}
    assert not trial.diverged
    if scored:
        model = subject.model.for_tier("smoke")
        metrics = [metric() for metric in CORE if metric not in TASK_UNITS]
        metrics = [metric for metric in metrics if metric.applies(other, model)]
        view = make_problem(REGISTRY, other, model)
        scores = score([trial], draws, view, metrics, thorough=False).trials[0].scores
    last = predict(trial.module, draws.valid(0))
    return Outcome(trial.first_output / units.targets, last / units.targets, scores)


def family(task: Task) -> tuple[object, ...]:
    same_shape = task.input_shape == task.output_shape
    return task.kind, task.loss, bool(task.times), any(task.periods), same_shape


@cache
def families(name: str) -> tuple[Subject, list[Task]]:
    """The smallest task with units of each family that the model accepts."""
    subject = Subject(REGISTRY, REGISTRY.models[name])
    tasks = [task for task in reversed(subject.accepted) if changes_of_units(task, FAR)]
    return subject, list({family(task): task for task in tasks}.values())


def require_same(usual: Outcome, other: Outcome, rel: float) -> None:
    """Require equal outputs and scores."""
    assert difference(usual.first, other.first) <= rel
    assert difference(usual.last, other.last) <= rel
    assert other.scores.keys() ^ usual.scores.keys() <= {"equivariance_error.untrained"}
    # before training, the network of a model that trains itself has seen no unit
    compared = [name for name in usual.scores if name != "equivariance_error.untrained"]
    # a score that is zero but for rounding stays so
    expected = {name: usual.scores[name] for name in compared}
    found = {name: other.scores[name] for name in compared}
    assert found == pytest.approx(expected, rel=10 * rel, abs=1e-6)


@pytest.mark.parametrize("name", two_a_plugin(REGISTRY, MODELS))
def test_a_task_in_other_units_is_learned_alike(name):
    subject, tasks = families(name)
    task = tasks[-1]  # the smallest
    usual = outcome(subject, task)
    for units in changes_of_units(task, FAR)[:2]:
        require_same(usual, outcome(subject, task, units), 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_nothing_depends_on_the_units_of_a_task(name):
    subject, tasks = families(name)
    position = MODELS.index(name)  # models take turns with the units of a family
    task = tasks[-1]  # the smallest
    usual = outcome(subject, task, scored=name in SCORED)
    far, decimal = (
        changes[position % len(changes)]
        for changes in (changes_of_units(task, FAR), changes_of_units(task, DECIMAL))
    )
    require_same(usual, outcome(subject, task, far, scored=name in SCORED), 1e-6)
    outputs = usual._replace(scores={})  # scores of rounded data differ where they say little
    require_same(outputs, outcome(subject, task, decimal), 5e-2 if name in AMPLIFYING else 5e-3)
    for task in tasks[:-1]:
        usual = outcome(subject, task)
        for units in changes_of_units(task, FAR):
            require_same(usual, outcome(subject, task, units), 1e-6)


def test_every_model_has_a_task_with_units():
    assert [name for name in MODELS if not families(name)[1]] == []


def test_models_without_units_accept_only_tasks_that_train_nothing():
    assert UNTRAINED
    for name in UNTRAINED:
        assert {task.loss for task in families(name)[0].accepted} == {"none"}

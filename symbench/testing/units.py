"""The law that a task in other units is the same task."""

from __future__ import annotations

import math
from copy import copy
from functools import partial

import torch
from torch import Tensor

from symbench.contract import Data, Split, Task
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import difference, require
from symbench.training.setup import TrainingSetup, TrialKey
from symbench.training.train import train

_UPDATES = 4
_NEAR, FAR = 2.0**4, 2.0**40  # powers of two rescale data without rounding
_SAME = 5e-3  # relative difference after a few steps of Adam
Units = tuple[float, float]


def in_units(task: Task, units: Units) -> Task:
    """Return the task with its inputs and its targets multiplied by ``units``."""
    a, b = units

    def sample(n: int, seed: int, split: Split) -> Data:
        data = task.sample(n, seed, split)
        return Data(a * data.x, b * data.y)

    scaled = copy(task)
    vars(scaled)["sample"] = sample  # a task that holds a function is not cached on disk
    return scaled


def changes_of_units(task: Task, factor: float) -> list[Units]:
    """Return the factors of inputs and targets that leave the law of a task the same law.

    Pixels, graphs and angles have natural units. States and their rates of change, and images and
    their images, have one unit.
    """
    if task.loss != "mse" or any(task.periods):
        return []
    if task.kind == "trajectory" or (
        task.kind == "image" and task.input_shape == task.output_shape
    ):
        return [(factor, factor), (1 / factor, 1 / factor)]
    targets = [(1.0, factor), (1.0, 1 / factor)]
    if task.kind != "vectors":
        return targets
    return [(factor, 1.0), (1.0, factor), (1 / factor, 1 / factor)]


def learned(subject: Subject, task: Task, units: Units = (1.0, 1.0)) -> Tensor:
    """Return the outputs of the model after a few updates, divided by the unit of the targets."""
    model, other = subject.model.for_tier("smoke"), in_units(task, units)
    problem = partial(make_problem, subject.registry, other, model)
    setup = TrainingSetup(
        Draws(other, "units"), model, problem, _UPDATES, torch.device("cpu"), 1, "off"
    )
    (trial,) = train(setup, [TrialKey(max(8, min(64, task.sizes["smoke"][0])), 0)])
    with torch.no_grad():
        y: Tensor = trial.module(other.sample(5, 0, "valid").x)
    return y / units[1]


def largest_change(subject: Subject, task: Task, factor: float) -> float:
    """Return the largest relative difference of the outputs in other units, possibly infinite."""
    usual = learned(subject, task)
    others = [learned(subject, task, units) for units in changes_of_units(task, factor)]
    changes = [difference(usual, other) for other in others]
    return max(change if math.isfinite(change) else math.inf for change in changes)


def other_units_change_nothing(subject: Subject) -> None:
    """Inputs or targets in units of 2⁴⁰ and 2⁻⁴⁰ are learned like those in units of 1."""
    tasks = [task for task in subject.accepted if changes_of_units(task, FAR)]
    if not tasks:
        raise Skipped("it accepts no task that has units")
    task = tasks[0]
    if (far := largest_change(subject, task, FAR)) <= _SAME:
        return
    if (near := largest_change(subject, task, _NEAR)) > _SAME:
        raise Skipped(
            f"its outputs depend on the units of {task.name} (they change by {near:.1g}): "
            "standardise inputs and targets (symbench.groups.Standardised), "
            "or say in the docstring which units it reads"
        )
    require(
        False,
        f"{task.name}: the outputs change by {far:.1e} if inputs or targets are in units of 2⁴⁰ or "
        "2⁻⁴⁰, but not in units of 16: use symbench.groups.Standardised, or replace absolute "
        "thresholds on variances and norms by symbench.groups.positive_scale",
    )


LAWS: tuple[Law, ...] = (other_units_change_nothing,)

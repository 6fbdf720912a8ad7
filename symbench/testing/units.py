"""The law that a task in other units is the same task."""

from __future__ import annotations

import math
from copy import copy
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from symbench.contract import Data, Split, Task
from symbench.draws import Draws
from symbench.registry.problem import make_problem
from symbench.testing.conformance import Law, Skipped, Subject
from symbench.testing.laws import difference, require
from symbench.training.setup import TrainingSetup, Trial, TrialKey
from symbench.training.train import train

_UPDATES = 4
_NEAR, FAR = 2.0**4, 2.0**40  # powers of two rescale data without rounding
_SAME = 5e-3  # relative difference after a few steps of Adam


class Units(NamedTuple):
    """The factors by which the numbers of a law grow in other units."""

    inputs: float = 1.0
    targets: float = 1.0
    time: float = 1.0


def in_units(task: Task, units: Units) -> Task:
    """Return the task with its inputs, targets and times multiplied by ``units``.

    Rates of change are targets, whose factor the caller divides by that of time.
    """
    a, b, time = units

    def sample(n: int, seed: int, split: Split) -> Data:
        data = task.sample(n, seed, split)
        return Data(a * data.x, b * data.y if data.y.is_floating_point() else data.y)

    def target(x: Tensor) -> Tensor | None:
        exact = task.target(x / a)
        return exact if exact is None else b * exact

    scaled = copy(task)
    grids = {name: tuple(time * t for t in getattr(task, name)) for name in ("times", "rollout")}
    # a task that holds a function is not cached on disk
    vars(scaled).update(sample=sample, target=target, **grids)
    return scaled


def changes_of_units(task: Task, factor: float) -> list[Units]:
    """Return the changes of units that leave the law of a task, and its error, the same.

    Classes, graphs and angles have no unit. States share one unit with their rates of change, and
    so do images with their images, because the error adds the squares of all coordinates.
    """
    each = (factor, 1 / factor)
    if task.kind == "image" and task.loss == "cross-entropy":
        return [Units(inputs=f) for f in each]
    if task.loss != "mse":
        return []
    joint = [] if any(task.periods) else [Units(f, f) for f in each]
    if task.kind == "trajectory":
        return joint + [Units(time=f) if task.times else Units(1, f, 1 / f) for f in each]
    if task.kind == "image" and task.input_shape == task.output_shape:
        return joint
    if task.kind == "graph" or any(task.periods):
        return [Units(targets=f) for f in each]
    return [Units(inputs=factor), Units(targets=factor), joint[1]]


def trained(subject: Subject, task: Task, updates: int = _UPDATES) -> Trial:
    """Return one trial of the model after a few updates of the smoke tier."""
    model = subject.model.for_tier("smoke")
    problem = partial(make_problem, subject.registry, task, model)
    setup = TrainingSetup(
        Draws(task, "units"), model, problem, updates, torch.device("cpu"), 1, "off"
    )
    (trial,) = train(setup, [TrialKey(max(8, min(64, task.sizes["smoke"][0])), 0)])
    return trial


def learned(subject: Subject, task: Task, units: Units = Units()) -> Tensor:  # noqa: B008
    """Return the outputs of the model after a few updates, divided by the unit of the targets."""
    other = in_units(task, units)
    module = trained(subject, other).module
    with torch.no_grad():
        y: Tensor = module(other.sample(5, 0, "valid").x)
    return y / units.targets


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

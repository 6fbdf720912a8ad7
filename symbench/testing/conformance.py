"""The subject of a check, and the type of a law."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from symbench.contract import Model, Problem, Task
from symbench.registry import Card, Registry
from symbench.registry.problem import make_problem
from symbench.training.outside import Outside


class Skipped(unittest.SkipTest):
    """The law does not apply to this subject; the message says why."""


@dataclass(frozen=True)
class Subject:
    """The task, model or metric under test, with the registry that holds it.

    ``most`` is the largest number of tasks on which a model is checked, the smallest tasks first.
    """

    registry: Registry
    card: Card
    most: int | None = None

    @cached_property
    def model(self) -> type[Model]:
        """The model class under test."""
        return self.registry.model(self.card.name)

    @cached_property
    def task(self) -> Task:
        """The task under test."""
        return self.registry.task(self.card.name)

    @cached_property
    def outside(self) -> Outside:
        """What the model keeps outside of its networks, as it is at the first access."""
        return Outside(self.model())

    def problem(self, task: Task, model: Model | None = None) -> Problem:
        """Return what the model under test sees of a task."""
        return make_problem(self.registry, task, model or self.model)

    @cached_property
    def here(self) -> list[Task]:
        """The tasks that load and whose data are on this machine, the smallest first."""
        names = self.registry.drop_broken("task", list(self.registry.tasks))
        tasks = [self.registry.task(name) for name in names]
        local = [task for task in tasks if task.is_local() and task.available() is None]
        return sorted(local, key=_size)

    @cached_property
    def accepted(self) -> list[Task]:
        """The tasks that the model under test accepts in the smoke tier, at most ``most``.

        One task of every kind and loss comes first, so that a small number covers them all.
        """
        model = self.model.for_tier("smoke")
        tasks = [task for task in self.here if model.accepts(self.problem(task, model)) is None]
        first = {(task.kind, task.loss): task for task in reversed(tasks)}
        tasks.sort(key=lambda task: (task not in first.values(), _size(task)))
        return tasks[: self.most]


def _size(task: Task) -> tuple[int, str]:
    """Return the numbers in one example, and the name to break ties."""
    numbers = 1
    for length in (*task.input_shape, *task.output_shape):
        numbers *= length
    return numbers, task.name


Law = Callable[[Subject], None]
"""Raises AssertionError if the subject breaks the law; the function's name states the law."""

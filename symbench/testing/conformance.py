"""What a check is, and which checks a registered name has."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from symbench.contract import Model, Problem, Task
from symbench.errors import UnknownNameError
from symbench.registry import Registry, load
from symbench.registry.card import Card, CardKind
from symbench.registry.view import make_problem

_KINDS: tuple[CardKind, ...] = ("task", "model", "metric")


class Skipped(unittest.SkipTest):
    """The check says nothing of this subject; the message tells why."""


@dataclass(frozen=True)
class Subject:
    """One registered thing under test, with all else that is registered.

    ``most`` bounds the number of tasks that a model is tried on (the cheapest to draw first).
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

    def view(self, task: Task, model: Model | None = None) -> Problem:
        """Return what the model under test sees of a task."""
        return make_problem(self.registry, task, model or self.model)

    @cached_property
    def here(self) -> list[Task]:
        """The working tasks whose data are on this machine, the smallest first."""
        names = self.registry.drop_broken("task", list(self.registry.tasks))
        tasks = [self.registry.task(name) for name in names]
        local = [task for task in tasks if task.is_local() and task.available() is None]
        return sorted(local, key=_size)

    @cached_property
    def accepted(self) -> list[Task]:
        """The tasks that the model under test accepts in the smoke tier, at most ``most``.

        One task of every kind comes first, so that a small number still shows the variety.
        """
        model = self.model.for_tier("smoke")
        able = [task for task in self.here if model.accepts(self.view(task, model)) is None]
        first = {(task.kind, task.loss): task for task in reversed(able)}
        able.sort(key=lambda task: (task not in first.values(), _size(task)))
        return able[: self.most]


def _size(task: Task) -> tuple[int, str]:
    numbers = 1
    for length in (*task.input_shape, *task.output_shape):
        numbers *= length
    return numbers, task.name


Law = Callable[[Subject], None]


@dataclass(frozen=True)
class Check:
    """One law applied to one subject; calling it raises AssertionError where the law is broken."""

    law: Law
    subject: Subject

    def __call__(self) -> None:
        """Hold the subject to the law.

        Raises:
            AssertionError: it is broken; the message says how.
            Skipped: it does not apply.
        """
        self.law(self.subject)

    def __str__(self) -> str:
        return f"{self.subject.card.name}-{self.law.__name__}"

    @property
    def title(self) -> str:
        """The law as a sentence."""
        return self.law.__name__.replace("_", " ")


def checks(
    name: str,
    plugin_files: Sequence[Path | str] = (),
    registry: Registry | None = None,
    most: int | None = 4,
) -> list[Check]:
    """Return the conformance checks of a registered task, model or metric.

    Raises:
        UnknownNameError: nothing is registered under the name.
    """
    from symbench.testing import handling, metrics, models, tasks

    laws: dict[str, tuple[Law, ...]] = {
        "task": tasks.LAWS, "model": models.LAWS, "metric": metrics.LAWS,
    }  # fmt: skip
    found = registry or load(plugin_files)
    cards = {
        "task": found.tasks, "model": found.models, "metric": found.metrics,
    }  # fmt: skip
    chosen = [(kind, cards[kind][name]) for kind in _KINDS if name in cards[kind]]
    if not chosen:
        known = [other for kind in _KINDS for other in cards[kind]]
        raise UnknownNameError("name", name, known)
    return [
        Check(law, Subject(found, card, most))
        for kind, card in chosen
        for law in (*laws[kind], *handling.LAWS)
    ]

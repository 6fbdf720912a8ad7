"""What the registry knows of the tasks and models of a publication."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from symbench.contract import Model, Task
from symbench.contract.values import Published
from symbench.registry import Registry
from symbench.registry.card import Card


@dataclass(frozen=True)
class TaskCard:
    """A task in words; empty where its plugin is not installed or broken."""

    family: str = ""
    group: str = ""
    summary: str = ""
    definition: str = ""
    reference: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """A model in words; empty where its plugin is not installed or broken."""

    family: str = ""
    summary: str = ""
    definition: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Details:
    """Cards by name, and PNG heat maps of learned generators by the key of their record."""

    tasks: Mapping[str, TaskCard] = field(default_factory=dict)
    models: Mapping[str, ModelCard] = field(default_factory=dict)
    pictures: Mapping[str, list[bytes]] = field(default_factory=dict)


def describe(
    registry: Registry,
    tasks: Iterable[str],
    models: Iterable[str],
    pictures: Mapping[str, list[bytes]] | None = None,
) -> Details:
    """Return what is registered under the names; a broken plugin gives its card's summary."""
    cards = {name: registry.tasks[name] for name in set(tasks) & set(registry.tasks)}
    others = {name: registry.models[name] for name in set(models) & set(registry.models)}
    return Details(
        tasks={name: _task_card(card) for name, card in cards.items()},
        models={name: _model_card(card) for name, card in others.items()},
        pictures=pictures or {},
    )


def _family(card: Card) -> str:
    return card.plugin.removeprefix("symbench_")


def _task_card(card: Card) -> TaskCard:
    try:
        task: Task = card.load()
        group = "" if task.symmetry is None else str(task.symmetry.group.name)
        facts, published = tuple(_facts(task)), tuple(task.published)
    except Exception:  # a plugin may raise anything when it is asked
        return TaskCard(family=_family(card), summary=card.summary)
    return TaskCard(
        family=_family(card),
        group=group,
        summary=task.summary,
        definition=inspect.getdoc(type(task)) or "",
        reference=task.reference,
        facts=facts,
        published=published,
    )


def _facts(task: Task) -> list[tuple[str, str]]:
    symmetry = task.symmetry
    told = [("symmetry", "none: a control")]
    if symmetry is not None:
        told = [
            ("group", str(symmetry.group.name)),
            ("generators", str(int(symmetry.group.algebra.shape[0]))),
            ("input transforms as", str(symmetry.input)),
            ("output transforms as", str(symmetry.output)),
        ]
        if symmetry.bodies > 1:
            told.append(("bodies permuted", str(symmetry.bodies)))
    return [
        *told,
        ("data", task.kind),
        ("loss", task.loss),
        ("input shape", " × ".join(map(str, task.input_shape)) or "a number"),
        ("output shape", " × ".join(map(str, task.output_shape)) or "a number"),
        ("test examples", str(task.test_size)),
        ("baseline", task.baseline),
    ]


def _model_card(card: Card) -> ModelCard:
    try:
        model: type[Model] = card.load()
        definition, reference = inspect.getdoc(model) or "", model.reference
    except Exception:  # a plugin may raise anything on import
        return ModelCard(family=_family(card), summary=card.summary)
    return ModelCard(
        family=_family(card), summary=card.summary, definition=definition, reference=reference
    )

"""The JSON documents of ``list`` and ``show``: what they say about each registered name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from symbench.cli import glossary
from symbench.contract import Metric, Model, Task
from symbench.errors import UnknownNameError
from symbench.publish.descriptions import describe_model, describe_task
from symbench.registry import Registry
from symbench.registry.card import Card, one_line
from symbench.registry.problem import make_problem
from symbench.runs.executors import BUILT_IN

SECTIONS = ("tasks", "models", "metrics", "suites", "boards", "executors", "plugins")
_TIER = "quick"  # the configuration with which a model is asked what it accepts

Document = dict[str, Any]


def section(registry: Registry, name: str) -> list[Document]:
    """Return the entries of one of ``SECTIONS``, made from cards without importing the classes."""
    if name == "plugins":
        return [asdict(info) for info in registry.plugins]
    if name == "metrics":
        return [*map(_metric_card, _core_metrics()), *map(_card, registry.metrics.values())]
    if name == "boards":
        return [_board(registry, name) for name in registry.boards]
    if name == "executors":
        return [*map(_card, _executors(registry).values())]
    cards: Mapping[str, Card] = getattr(registry, name)
    return [_card(card) for card in cards.values()]


def show(registry: Registry, name: str) -> list[Document]:
    """Return the document of everything with that name; a task and a model may share one.

    Names are registered ones, and the words and columns of the glossary.

    Raises:
        UnknownNameError: nothing has the name.
        PluginError: its plugin is broken.
    """
    documents = list(_matching(registry, name))
    if not documents:
        registered = {entry["name"] for one in SECTIONS for entry in section(registry, one)}
        explained = {text for one in glossary.entries() for text in (one.name, one.score) if text}
        raise UnknownNameError("name", name, registered | explained)
    return documents


def _matching(registry: Registry, name: str) -> Iterator[Document]:
    if name in registry.tasks:
        yield _task(registry, registry.tasks[name])
    if name in registry.models:
        yield _model(registry, registry.models[name])
    if name in registry.metrics:
        yield _metric(registry.metrics[name].load(), registry.metrics[name].plugin)
    yield from (_metric(metric, "symbench") for metric in _core_metrics() if metric.name == name)
    if name in registry.suites:
        card = registry.suites[name]
        yield {"kind": "suite", **_card(card), "content": dict(card.load())}
    if (executor := _executors(registry).get(name)) is not None:
        yield {"kind": "executor", **_card(executor)}
    yield from ({"kind": "plugin", **asdict(i)} for i in registry.plugins if i.name == name)
    yield from map(_explained, glossary.find(name))


def _explained(entry: glossary.Entry) -> Document:
    score = {"score": entry.score} if entry.score else {}
    return {"kind": entry.kind, "name": entry.name, "definition": entry.meaning, **score}


def _core_metrics() -> tuple[type[Metric], ...]:
    from symbench.metrics import CORE

    return CORE


def _executors(registry: Registry) -> dict[str, Card]:
    return dict(sorted({**registry.executors, **BUILT_IN}.items()))


def _card(card: Card) -> Document:
    facts = {"name": card.name, "version": card.version, **card.details}
    return {**facts, "plugin": card.plugin, "summary": card.summary}


def _board(registry: Registry, name: str) -> Document:
    board = registry.boards[name]
    facts = {"ranks": board.ranks, "tasks": list(board.tasks)}
    return {**_card(registry.suites[name]), **facts}


def _metric_card(metric: type[Metric]) -> Document:
    facts = {"name": metric.name, "version": metric.version}
    scale = {"unit": metric.unit, "direction": metric.direction}
    return {**facts, **scale, "plugin": "symbench", "summary": metric.summary}


def _metric(metric: type[Metric], plugin: str) -> Document:
    return {
        "kind": "metric",
        **_metric_card(metric),
        "plugin": plugin,
        "definition": inspect.getdoc(metric) or "",
        "reference": metric.reference,
    }


def _task(registry: Registry, card: Card) -> Document:
    task: Task = card.load()
    answers = {name: _answer(registry, task, model) for name, model in registry.models.items()}
    return {
        "kind": "task",
        **describe_task(task, card.plugin),
        **_inputs(task),
        "unavailable": task.available(),
        "models": [name for name, reason in answers.items() if reason is None],
        "declined_by": {name: reason for name, reason in answers.items() if reason is not None},
    }


def _inputs(task: Task) -> Document:
    """Return whether the law of the inputs has the symmetry, if the data are here."""
    from symbench.draws import Draws
    from symbench.metrics.inputs import has_invariant_inputs, inputs_told_apart

    if task.symmetry is None or not task.is_local() or task.available():
        return {}
    if (above := Draws.of(task).kept("inputs", inputs_told_apart)) is None:
        return {}
    told = f"a classifier tells x from gx in {0.5 + above:.0%} of cases"
    if has_invariant_inputs(task, above):
        return {"inputs": f"as symmetric as the task ({told})"}
    return {
        "inputs": f"not symmetric ({told}): equivariance is that of moved inputs, never trained"
    }


def _model(registry: Registry, card: Card) -> Document:
    model: type[Model] = card.load()
    answers = {name: _answer(registry, task, card) for name, task in registry.tasks.items()}
    accepted = [name for name, reason in answers.items() if reason is None]
    return {
        "kind": "model",
        **describe_model(model, card.plugin),
        "recipe": _recipes(registry, model, accepted),
        "tasks": accepted,
        "declines": {name: reason for name, reason in answers.items() if reason is not None},
    }


def _answer(registry: Registry, task: Task | Card, model: Card) -> str | None:
    """Return why the model declines the task, or None; an exception of a plugin is a reason."""
    try:
        asked: Task = task.load() if isinstance(task, Card) else task
        configured = model.load().for_tier(_TIER)
        reason = configured.accepts(make_problem(registry, asked, configured))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything
        return one_line(error)
    return None if reason is None else str(reason)


def _recipes(registry: Registry, model: type[Model], tasks: list[str]) -> list[Document]:
    """Return the model's recipes, each with its tasks unless there is only one recipe."""
    distinct: list[tuple[Document, list[str]]] = []
    configured = model.for_tier(_TIER)
    for name in tasks:
        problem = make_problem(registry, registry.task(name), configured)
        recipe = dataclasses.asdict(configured.recipe(problem))
        same = next((names for known, names in distinct if known == recipe), None)
        if same is None:
            distinct.append((recipe, [name]))
        else:
            same.append(name)
    if len(distinct) == 1:
        return [distinct[0][0]]
    return [{**recipe, "tasks": names} for recipe, names in distinct]

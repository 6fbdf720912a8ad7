"""Descriptions of the tasks and models of a publication, for the pages of a site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from symbench.contract import Model, Task
from symbench.contract.board import Board
from symbench.contract.values import Published
from symbench.publish.descriptions import Description, describe_model, describe_task
from symbench.registry import Registry
from symbench.registry.card import Card


@dataclass(frozen=True)
class TaskCard:
    """A task in words; its fields are empty if its plugin is missing or broken."""

    family: str = ""
    group: str = ""
    summary: str = ""
    definition: str = ""
    reference: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class ModelCard:
    """A model in words; its fields are empty if its plugin is missing or broken."""

    family: str = ""
    summary: str = ""
    definition: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Details:
    """Cards by name, boards, and PNG heat maps of learned generators by the key of their record."""

    boards: Sequence[Board] = ()
    tasks: Mapping[str, TaskCard] = field(default_factory=dict)
    models: Mapping[str, ModelCard] = field(default_factory=dict)
    pictures: Mapping[str, list[bytes]] = field(default_factory=dict)


def describe(
    registry: Registry,
    tasks: Iterable[str],
    models: Iterable[str],
    pictures: Mapping[str, list[bytes]] | None = None,
) -> Details:
    """Return the boards, and the cards of registered tasks and models.

    A card holds only the summary if the plugin is broken.
    """
    cards = {name: registry.tasks[name] for name in set(tasks) & set(registry.tasks)}
    others = {name: registry.models[name] for name in set(models) & set(registry.models)}
    return Details(
        boards=list(registry.boards.values()),
        tasks={name: _task_card(card) for name, card in cards.items()},
        models={name: _model_card(card) for name, card in others.items()},
        pictures=pictures or {},
    )


def _family(card: Card) -> str:
    return card.plugin.removeprefix("symbench_")


def _task_card(card: Card) -> TaskCard:
    try:
        task: Task = card.load()
        known, published = describe_task(task, card.plugin), tuple(task.published)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a plugin may raise any exception
        return TaskCard(family=_family(card), summary=card.summary)
    return TaskCard(
        family=_family(card),
        group="" if known["symmetry"] is None else known["symmetry"]["group"],
        summary=known["summary"],
        definition=known["definition"],
        reference=known["reference"],
        facts=tuple(_facts(known)),
        published=published,
    )


def _facts(known: Description) -> list[tuple[str, str]]:
    facts = [("symmetry", "none: a control")]
    if (symmetry := known["symmetry"]) is not None:
        facts = [
            ("group", symmetry["group"]),
            ("generators", str(symmetry["generators"])),
            ("input transforms as", symmetry["input"]),
            ("output transforms as", symmetry["output"]),
        ]
        if symmetry["bodies"] > 1:
            facts.append(("bodies permuted", str(symmetry["bodies"])))
    facts += [("also symmetric under", further) for further in known["further_symmetries"]]
    if (told := known["told"]) is not None:
        facts.append(("told models are given", told["group"]))
    if known["floor"] is not None:
        facts.append(("least error under a larger symmetry", f"{known['floor']:.3g}"))
    return [
        *facts,
        ("data", known["data"]),
        ("loss", known["loss"]),
        ("input shape", " × ".join(map(str, known["input_shape"])) or "a number"),
        ("output shape", " × ".join(map(str, known["output_shape"])) or "a number"),
        *((f"threshold, {tier}", note) for tier, note in known["threshold_note"].items()),
        ("test examples", str(known["test_size"])),
        ("baseline", known["baseline"]),
    ]


def _model_card(card: Card) -> ModelCard:
    try:
        model: type[Model] = card.load()
        known = describe_model(model, card.plugin)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a plugin may raise any exception
        return ModelCard(family=_family(card), summary=card.summary)
    return ModelCard(
        family=_family(card),
        summary=known["summary"],
        definition=known["definition"],
        reference=known["reference"],
    )

"""The checks of a registered name: the laws of its kind, applied to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from symbench.errors import UnknownNameError
from symbench.registry import CardKind, Registry, load
from symbench.testing import handling, metrics, models, tasks, units
from symbench.testing.conformance import Law, Subject

_LAWS: dict[CardKind, tuple[Law, ...]] = {
    "task": tasks.LAWS,
    "model": (*models.LAWS, *units.LAWS),
    "metric": metrics.LAWS,
}


@dataclass(frozen=True)
class Check:
    """One law applied to one subject; calling it raises AssertionError if the law is broken."""

    law: Law
    subject: Subject

    def __call__(self) -> None:
        """Apply the law to the subject.

        Raises:
            AssertionError: the law is broken; the message says how.
            Skipped: the law does not apply to the subject.
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
    """Return the checks of a registered task, model or metric.

    Args:
        name: of a task, a model or a metric.
        plugin_files: loaded besides the installed plugins.
        registry: used instead of loading plugins.
        most: the largest number of tasks on which a model is checked; None means all.

    Raises:
        UnknownNameError: nothing is registered under the name.
    """
    registry = registry or load(plugin_files)
    cards = {
        "task": registry.tasks, "model": registry.models, "metric": registry.metrics,
    }  # fmt: skip
    matches = [(kind, cards[kind][name]) for kind in _LAWS if name in cards[kind]]
    if not matches:
        known = [registered for kind in _LAWS for registered in cards[kind]]
        raise UnknownNameError("name", name, known)
    subjects = [(kind, Subject(registry, card, most)) for kind, card in matches]
    return [
        Check(law, subject) for kind, subject in subjects for law in (*_LAWS[kind], *handling.LAWS)
    ]

"""Which checks a registered name has: the laws of its kind, applied to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from symbench.errors import UnknownNameError
from symbench.registry import CardKind, Registry, load
from symbench.testing import handling, metrics, models, tasks
from symbench.testing.conformance import Law, Subject

_LAWS: dict[CardKind, tuple[Law, ...]] = {
    "task": tasks.LAWS,
    "model": models.LAWS,
    "metric": metrics.LAWS,
}


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
    found = registry or load(plugin_files)
    cards = {
        "task": found.tasks, "model": found.models, "metric": found.metrics,
    }  # fmt: skip
    chosen = [(kind, cards[kind][name]) for kind in _LAWS if name in cards[kind]]
    if not chosen:
        known = [other for kind in _LAWS for other in cards[kind]]
        raise UnknownNameError("name", name, known)
    return [
        Check(law, Subject(found, card, most))
        for kind, card in chosen
        for law in (*_LAWS[kind], *handling.LAWS)
    ]

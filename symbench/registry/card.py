"""Cards: what is listed of a registered name, and the import of its target on first use."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from symbench.contract import Metric, Model, Task
from symbench.errors import PluginError, message_of
from symbench.registry.settings import guarded
from symbench.tables.source import TableSource

CardKind = Literal["task", "model", "metric", "suite", "executor"]

BASES: dict[str, type] = {"task": Task, "model": Model, "metric": Metric}
DETAILS = {
    "task": ("kind", "loss", "threshold"),
    "model": ("prior",),
    "metric": ("unit", "direction"),
}


@dataclass(frozen=True)
class Card:
    """What is listed of a registered name; ``load`` imports what is registered.

    ``target`` is what is registered, its import string, or the file of a table. ``details``
    depend on the kind: ``prior`` of a model, ``kind``, ``loss`` and ``threshold`` of a task,
    ``unit`` and ``direction`` of a metric.
    """

    kind: CardKind
    name: str
    version: str
    summary: str
    plugin: str
    details: Mapping[str, Any]
    target: Any = field(repr=False)

    def load(self) -> Any:
        """Import the target, once: a Task instance, a Model or Metric class, an executor.

        Raises:
            PluginError: it cannot be imported, or is not what its card says.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> Any:
        with guarded(self.plugin):
            return self._imported()

    def _imported(self) -> Any:
        if isinstance(self.target, Task):
            return self.target
        if isinstance(self.target, TableSource):
            return self.target.task()
        loaded = resolve(self.target) if isinstance(self.target, str) else self.target
        base = BASES.get(self.kind)
        if base is None:
            return loaded
        if not (inspect.isclass(loaded) and issubclass(loaded, base)):
            raise PluginError(f"{self.target} is not a {base.__name__} class")
        actual = getattr(loaded, "name", None), getattr(loaded, "version", None)
        if actual != (self.name, self.version):
            raise PluginError(
                f"the card says {self.name} {self.version}, the class {actual[0]} {actual[1]}"
            )
        return loaded() if self.kind == "task" else loaded


def described(kind: str, cls: object) -> dict[str, Any]:
    """Return what a class or a task states: name, version, summary and the details of its kind.

    The summary is the first line of the attribute ``summary``, or else of the docstring.
    """
    summary = getattr(cls, "summary", "") or inspect.getdoc(cls) or ""
    keys = ("name", "version", *DETAILS.get(kind, ()))
    facts = {key: getattr(cls, key, None) for key in keys}
    return {**facts, "summary": str(summary).split("\n")[0]}


def resolve(target: str) -> Any:
    """Import what ``"package.module:attribute"`` names.

    Raises:
        PluginError: it cannot be imported.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything on import
        raise PluginError(f"{target} cannot be imported: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """Return the type and message of an error in one line of at most 500 characters."""
    return " ".join(f"{type(error).__name__}: {message_of(error)}".split())[:500]

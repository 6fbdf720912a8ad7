"""What a plugin's ``symbench_register`` receives: it collects what the plugin registers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from symbench.contract import Metric, Model, Task
from symbench.errors import PluginError
from symbench.registry.card import Card, CardKind

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_SCORE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as the core's own scores are written
_DETAILS = {
    "task": ("kind", "loss", "threshold"),
    "model": ("prior",),
    "metric": ("unit", "direction"),
}


class Registration:
    """What a plugin's ``symbench_register`` gets; a plugin is taken whole or not at all."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.cards: list[Card] = []
        self.reporters: list[object] = []

    def task(self, target: type[Task] | str, **card: Any) -> None:
        """Register a task class, or ``"package.module:Class"`` with its card."""
        self._add("task", target, card)

    def model(self, target: type[Model] | str, **card: Any) -> None:
        """Register a model class, or ``"package.module:Class"`` with its card."""
        self._add("model", target, card)

    def metric(self, target: type[Metric] | str, **card: Any) -> None:
        """Register a metric; it appears as an extra column and never ranks."""
        self._add("metric", target, card)

    def suite(self, name: str, suite: Mapping[str, Any], summary: str = "") -> None:
        """Register a named choice of tasks, models, tier, sizes and seeds."""
        self._add("suite", dict(suite), {"name": name, "version": "1", "summary": summary})

    def executor(self, target: Callable[..., Any] | str, name: str, summary: str = "") -> None:
        """Register an executor: (cells, settings) -> iterator of (cell, record)."""
        self._add("executor", target, {"name": name, "version": "1", "summary": summary})

    def reporter(self, reporter: object) -> None:
        """Register an object whose methods implement the event hooks."""
        self.reporters.append(reporter)

    def _add(self, kind: CardKind, target: Any, card: dict[str, Any]) -> None:
        if inspect.isclass(target):
            summary = getattr(target, "summary", "") or (inspect.getdoc(target) or "")
            keys = ("name", "version", *_DETAILS.get(kind, ()))
            own = {key: getattr(target, key, None) for key in keys}
            card = {**own, "summary": summary.split("\n")[0], **card}
        name, version = card.pop("name", None), card.pop("version", None)
        summary = card.pop("summary", "")
        pattern = _SCORE_NAME if kind == "metric" else _NAME
        if not isinstance(name, str) or not pattern.fullmatch(name):
            raise PluginError(f"{kind} name {name!r} does not match {pattern.pattern}")
        if not isinstance(version, str) or not version:
            raise PluginError(f"{kind} {name}: the version {version!r} is not a string")
        if kind == "model" and card.get("prior") not in ("none", "told", "discovers"):
            raise PluginError(
                f"model {name}: prior {card.get('prior')!r} is not none, told or discovers"
            )
        self.cards.append(Card(kind, name, version, summary, self.plugin, card, target))

"""Find, import, check and classify plugins; nothing else reads entry points."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache, partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast

import pluggy

from symbench.contract import Metric, Model, Task
from symbench.errors import InputError, PluginError, UnknownNameError
from symbench.hooks import Hooks

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_SCORE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as the core's own scores are written
_OWN_DISTRIBUTION = "symbench"

CardKind = Literal["task", "model", "metric", "suite", "executor"]
_BASES: dict[str, type] = {"task": Task, "model": Model, "metric": Metric}
_DETAILS = {
    "task": ("kind", "loss", "threshold"),
    "model": ("prior",),
    "metric": ("unit", "direction"),
}


@dataclass(frozen=True)
class Card:
    """What is known of a registered thing without importing it."""

    kind: CardKind
    name: str
    version: str
    summary: str
    plugin: str
    details: Mapping[str, Any]
    target: Any = field(repr=False)

    def load(self) -> Any:
        """Import the thing, once: a Task instance, a Model or Metric class, an executor.

        Raises:
            PluginError: it cannot be imported, or is not what its card says.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> Any:
        loaded = _resolve(self.target) if isinstance(self.target, str) else self.target
        base = _BASES.get(self.kind)
        if base is None:
            return loaded
        if not (inspect.isclass(loaded) and issubclass(loaded, base)):
            raise PluginError(f"{self.target} is not a {base.__name__} class")
        own = getattr(loaded, "name", None), getattr(loaded, "version", None)
        if own != (self.name, self.version):
            raise PluginError(
                f"the card says {self.name} {self.version}, the class {own[0]} {own[1]}"
            )
        return loaded() if self.kind == "task" else loaded


def _resolve(target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a plugin may raise anything on import
        raise PluginError(f"{target} cannot be imported: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


@dataclass(frozen=True)
class PluginInfo:
    """One plugin, loaded or not, with the reason if not."""

    name: str
    version: str
    source: str
    status: Literal["ok", "broken", "blocked"]
    reason: str | None = None
    registered: tuple[str, ...] = ()


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


class Registry:
    """All that is registered, sorted by name, and every plugin with its status."""

    def __init__(self) -> None:
        self.plugins: list[PluginInfo] = []
        self._cards: dict[str, dict[str, Card]] = {
            kind: {} for kind in ("task", "model", "metric", "suite", "executor")
        }
        self._manager = pluggy.PluginManager("symbench")
        self._manager.add_hookspecs(Hooks)

    @property
    def tasks(self) -> dict[str, Card]:
        """Task cards by name."""
        return dict(sorted(self._cards["task"].items()))

    @property
    def models(self) -> dict[str, Card]:
        """Model cards by name."""
        return dict(sorted(self._cards["model"].items()))

    @property
    def metrics(self) -> dict[str, Card]:
        """Metric cards by name: those of plugins; the core's stand in ``symbench.metrics``."""
        return dict(sorted(self._cards["metric"].items()))

    @property
    def suites(self) -> dict[str, Card]:
        """Suite cards by name."""
        return dict(sorted(self._cards["suite"].items()))

    @property
    def executors(self) -> dict[str, Card]:
        """Executor cards by name: those of plugins."""
        return dict(sorted(self._cards["executor"].items()))

    def task(self, name: str) -> Task:
        """Return the task.

        Raises:
            UnknownNameError: nothing is registered under the name.
            PluginError: its plugin is broken.
        """
        return cast(Task, self.card("task", name).load())

    def model(self, name: str) -> type[Model]:
        """Return the model class; raises like ``task``."""
        return cast("type[Model]", self.card("model", name).load())

    def card(self, kind: CardKind, name: str) -> Card:
        """Return the card of one registered thing."""
        if name not in self._cards[kind]:
            raise UnknownNameError(kind, name, self._cards[kind])
        return self._cards[kind][name]

    def select(self, kind: CardKind, patterns: Sequence[str]) -> list[str]:
        """Return the names that match any of the patterns (all names for none), sorted.

        Raises:
            InputError: a pattern matches nothing.
        """
        known = sorted(self._cards[kind])
        if not patterns:
            return known
        chosen: set[str] = set()
        for pattern in patterns:
            matched = [name for name in known if fnmatchcase(name, pattern)]
            if not matched:
                raise UnknownNameError(kind, pattern, known)
            chosen.update(matched)
        return sorted(chosen)

    def drop_broken(self, kind: CardKind, names: Iterable[str]) -> list[str]:
        """Return the names that can be imported; report the others as broken plugins."""
        return [name for name in names if self._loads(self.card(kind, name))]

    def _loads(self, card: Card) -> bool:
        try:
            card.load()
        except Exception as error:  # a plugin's constructor may raise anything
            self._report_broken(card.plugin, f"{card.kind} {card.name}: {_one_line(error)}")
            return False
        return True

    def _report_broken(self, plugin: str, reason: str) -> None:
        for position, info in enumerate(self.plugins):
            if info.name == plugin and info.reason is None:
                self.plugins[position] = replace(info, status="broken", reason=reason)
        _log.warning("plugin %s: %s", plugin, reason)

    def emit(self, event: str, **arguments: Any) -> None:
        """Call an event hook of every plugin; what raises is logged, never fatal."""
        for plugin in self._manager.get_plugins():
            others = [other for other in self._manager.get_plugins() if other is not plugin]
            try:
                self._manager.subset_hook_caller(event, remove_plugins=others)(**arguments)
            except Exception:  # the contract: an event hook never stops a run
                _log.warning("hook %s of %r raised:\n%s", event, plugin, traceback.format_exc())

    def add(self, module: object, name: str, version: str, source: str) -> None:
        """Add one imported plugin, whole or not at all.

        Raises:
            PluginError: an unknown hook, an invalid registration, or a name that is taken.
        """
        registration = Registration(name)
        candidate = pluggy.PluginManager("symbench")
        candidate.add_hookspecs(Hooks)
        candidate.register(module)
        if not candidate.get_hookcallers(module):
            raise PluginError("no hook found: decorate symbench_register(registry) with @hookimpl")
        candidate.check_pending()
        candidate.hook.symbench_register(registry=registration)
        taken: set[tuple[str, str]] = set()
        for card in registration.cards:
            if card.name in self._cards[card.kind] or (card.kind, card.name) in taken:
                owner = self._cards[card.kind].get(card.name, card).plugin
                raise PluginError(f"the {card.kind} name {card.name!r} is taken by plugin {owner}")
            taken.add((card.kind, card.name))
        for card in registration.cards:
            self._cards[card.kind][card.name] = card
        for plugin in (module, *registration.reporters):
            self._manager.register(plugin)
        names = tuple(f"{card.kind} {card.name}" for card in registration.cards)
        self.plugins.append(PluginInfo(name, version, source, "ok", None, names))


def load(
    plugin_files: Sequence[Path | str] = (),
    blocked: Sequence[str] = (),
    *,
    discover: bool = True,
) -> Registry:
    """Load every plugin, one at a time: a broken one is listed with its reason, the rest go on.

    Entry points of the group ``symbench`` come first (the built-in ones before others, then by
    name), then ``plugin_files``. ``SYMBENCH_PLUGINS=a,b`` allows only those entry points.
    """
    registry = Registry()
    for name, version, source, find in _sources(plugin_files, discover=discover):
        if name in blocked:
            registry.plugins.append(
                PluginInfo(name, version, source, "blocked", "blocked by request")
            )
            continue
        try:
            registry.add(find(), name, version, source)
        except (Exception, SystemExit) as error:  # a plugin may raise anything on import
            info = PluginInfo(name, version, source, "broken", _one_line(error))
            registry.plugins.append(info)
            _log.debug("plugin %s is broken", name, exc_info=True)
    return registry


_Source = tuple[str, str, str, Callable[[], object]]


def _sources(plugin_files: Sequence[Path | str], *, discover: bool) -> Iterator[_Source]:
    allowed = os.environ.get("SYMBENCH_PLUGINS")
    names = None if allowed is None else {name.strip() for name in allowed.split(",")}
    for entry in _entry_points() if discover else ():
        if names is None or entry.name in names:
            yield entry.name, _named(entry.dist)[1], _named(entry.dist)[0], entry.load
    for file in plugin_files:
        path = Path(file)
        yield path.stem, "", str(path), partial(_import_file, path)


def _entry_points() -> list[EntryPoint]:
    found = entry_points(group="symbench")
    return sorted(found, key=lambda e: (_named(e.dist)[0] != _OWN_DISTRIBUTION, e.name))


@lru_cache
def _named(distribution: Distribution | None) -> tuple[str, str]:
    """Return name and version; the library reads the whole metadata again for each of them."""
    if distribution is None:
        return "unknown", ""
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"plugin file {str(path)!r} does not exist")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]  # the same wherever the file stands
    name = f"symbench_plugin_file_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"plugin file {str(path)!r} is not a Python file (*.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickling and inspect look the module up by its name
    spec.loader.exec_module(module)
    return module

"""The registry: tasks, models, metrics, suites and executors by name, and their plugins."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import pluggy

from symbench.contract import Model, Task
from symbench.contract.board import Board
from symbench.errors import PluginError, UnknownNameError
from symbench.hooks import Hooks
from symbench.registry import suite as suites
from symbench.registry.card import Card, CardKind, one_line
from symbench.registry.listener import LimitedListener, Listener
from symbench.registry.registration import Registration
from symbench.tables.source import TableSource

OWN_DISTRIBUTION = "symbench"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PluginInfo:
    """One plugin: whether it is loaded, the reason if not, and what it has registered."""

    name: str
    version: str
    source: str
    status: Literal["ok", "broken", "blocked"]
    reason: str | None = None
    registered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """The plugin files and tables of a registry, and the names of plugins that were left out.

    ``load(sources.files, sources.blocked, sources.tables)`` makes the same registry in a worker
    process.
    """

    files: tuple[Path, ...] = ()
    blocked: tuple[str, ...] = ()
    tables: tuple[TableSource, ...] = ()


class Registry:
    """All that plugins have registered, sorted by name, and each plugin with its status.

    ``hashes`` holds the hash of the module's file of each loaded plugin, by name.
    """

    def __init__(self, sources: Sources | None = None) -> None:
        self.sources = sources or Sources()
        self.plugins: list[PluginInfo] = []
        self.hashes: dict[str, str] = {}
        self._cards: dict[str, dict[str, Card]] = {
            kind: {} for kind in ("task", "model", "metric", "suite", "executor")
        }
        self._manager = pluggy.PluginManager("symbench")
        self._manager.add_hookspecs(Hooks)
        self._listeners: dict[int, Listener] = {}

    @property
    def tasks(self) -> dict[str, Card]:
        """Task cards by name."""
        return self._cards["task"]

    @property
    def models(self) -> dict[str, Card]:
        """Model cards by name."""
        return self._cards["model"]

    @property
    def metrics(self) -> dict[str, Card]:
        """Metric cards by name: those of plugins; the core's own are ``symbench.metrics.CORE``."""
        return self._cards["metric"]

    @property
    def suites(self) -> dict[str, Card]:
        """Suite cards by name."""
        return self._cards["suite"]

    @property
    def boards(self) -> dict[str, Board]:
        """The boards among the suites by name, in their order."""
        return {board.name: board for board in suites.boards(self.suites)}

    @property
    def executors(self) -> dict[str, Card]:
        """Executor cards by name: those of plugins."""
        return self._cards["executor"]

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
        """Return the card of one registered name."""
        if name not in self._cards[kind]:
            raise UnknownNameError(kind, name, self._cards[kind])
        return self._cards[kind][name]

    def select(self, kind: CardKind, patterns: Sequence[str]) -> list[str]:
        """Return the names that match any of the patterns, sorted; all names without patterns.

        Raises:
            InputError: a pattern matches nothing.
        """
        known = sorted(self._cards[kind])
        if not patterns:
            return known
        selected: set[str] = set()
        for pattern in patterns:
            matched = [name for name in known if fnmatchcase(name, pattern)]
            if not matched:
                raise UnknownNameError(kind, pattern, known)
            selected.update(matched)
        return sorted(selected)

    def metrics_of(self, task: str, model: str, asked: Sequence[str] = ()) -> list[str]:
        """Return the metrics of plugins that may score a pair, sorted by name.

        They are those that were asked for by name, those of symbench's own plugins and of plugin
        files, and those of the plugins of the task and of the model. What an installed package
        registers besides has not been chosen.
        """
        files = {str(file) for file in self.sources.files}
        trusted = {
            info.name
            for info in self.plugins
            if info.source == OWN_DISTRIBUTION or str(Path(info.source).absolute()) in files
        }
        pair = self._cards["task"].get(task), self._cards["model"].get(model)
        trusted |= {card.plugin for card in pair if card is not None}
        metrics = self.metrics.items()
        return [name for name, card in metrics if name in asked or card.plugin in trusted]

    def drop_broken(self, kind: CardKind, names: Iterable[str]) -> list[str]:
        """Return the names that can be imported; report the others as broken plugins."""
        return [name for name in names if self._loads(self.card(kind, name))]

    def _loads(self, card: Card) -> bool:
        try:
            card.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin's constructor may raise anything
            self._report_broken(card.plugin, f"{card.kind} {card.name}: {one_line(error)}")
            return False
        return True

    def _report_broken(self, plugin: str, reason: str) -> None:
        for position, info in enumerate(self.plugins):
            if info.name == plugin and info.reason is None:
                self.plugins[position] = replace(info, status="broken", reason=reason)
        _log.warning("plugin %s: %s", plugin, reason)

    def emit(self, event: str, **arguments: Any) -> None:
        """Call an event hook of every plugin and reporter that has it.

        Exceptions are logged, and a plugin that takes too long is not called again.
        """
        for implementation in getattr(self._manager.hook, event).get_hookimpls():
            call = partial(self._caller(event, implementation.plugin), **arguments)
            self._listeners[id(implementation.plugin)].hear(event, call)

    def add_reporter(self, reporter: object) -> None:
        """Add an object of the caller whose methods implement the event hooks.

        They are called in the caller's thread, without a time limit.
        """
        self._register(reporter, Listener(type(reporter).__name__))

    def _register(self, registrant: object, listener: Listener) -> None:
        self._manager.register(registrant)
        self._listeners[id(registrant)] = listener

    def add(self, module: object, name: str, version: str, source: str) -> None:
        """Add one imported plugin, completely or not at all.

        Raises:
            PluginError: an unknown hook, an invalid registration, or a name that is taken.
        """
        if self._manager.is_registered(module):
            raise PluginError("it is already loaded: name it once")
        added = [module]
        try:
            self._register(module, LimitedListener(name))
            registration = self._ask(module, name)
            self._check_names(registration.cards)
            for reporter in registration.reporters:
                added.append(reporter)
                self._register(reporter, LimitedListener(name))
        except BaseException:
            for registrant in filter(self._manager.is_registered, added):
                self._manager.unregister(registrant)
            raise
        for card in registration.cards:
            known = {**self._cards[card.kind], card.name: card}
            self._cards[card.kind] = dict(sorted(known.items()))
        names = tuple(f"{card.kind} {card.name}" for card in registration.cards)
        self.plugins.append(PluginInfo(name, version, source, "ok", None, names))
        self.hashes[name] = _sha256(module)

    def _ask(self, module: object, name: str) -> Registration:
        """Ask a plugin for what it registers."""
        if not self._manager.get_hookcallers(module):
            raise PluginError("no hook found: decorate symbench_register(registry) with @hookimpl")
        self._manager.check_pending()
        registration = Registration(name, _folder(module))
        self._caller("symbench_register", module)(registry=registration)
        return registration

    def _caller(self, hook: str, plugin: object) -> pluggy.HookCaller:
        """Return a caller of the hook that calls only one plugin."""
        others = [one for one in self._manager.get_plugins() if one is not plugin]
        return self._manager.subset_hook_caller(hook, remove_plugins=others)

    def _check_names(self, cards: Sequence[Card]) -> None:
        taken: set[tuple[str, str]] = set()
        for card in cards:
            if card.name in self._cards[card.kind] or (card.kind, card.name) in taken:
                owner = self._cards[card.kind].get(card.name, card).plugin
                raise PluginError(f"the {card.kind} name {card.name!r} is taken by plugin {owner}")
            taken.add((card.kind, card.name))


def _folder(module: object) -> Path | None:
    """Return the folder of a module's file; None if it has none."""
    file = getattr(module, "__file__", None)
    return Path(file).parent if file else None


def _sha256(module: object) -> str:
    """Return the hash of a module's file; empty if it has none."""
    file = Path(getattr(module, "__file__", None) or "")
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""

"""The object that a plugin's ``symbench_register`` receives."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from symbench.contract import Metric, Model, Task
from symbench.errors import InputError, PluginError
from symbench.registry import suite as suites
from symbench.registry.card import DETAILS, Card, CardKind, described, resolve
from symbench.registry.card_cache import CardCache
from symbench.tables.source import TableSource

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_SCORE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # as the core's own scores are written
_PRIORS = ("none", "told", "discovers")
CORE_SCORES = frozenset({
    "error", "paper_error", "equivariance_error", "equivariance_error_float32", "symmetric_share",
    "decision_change", "lie_derivative", "generator_cosine", "generator_cosine_frobenius",
    "generator_overlap", "generator_worst_cosine", "generator_precision", "generator_recall",
    "generator_closure", "announced_overlap", "announced_cosine", "announced_worst_cosine",
    "announced_precision", "announced_recall", "announced_closure", "announced_count",
    "announced_defect", "announced_own_defect", "announced_unconnected", "announced_unmoved",
    "elements_precision", "elements_recall", "elements_count", "elements_wasserstein",
    "generators_found", "false_finding", "conservation_error", "flops",
})  # fmt: skip


class Registration:
    """Collects what one plugin registers; the registry takes all of it or none.

    A card is what is listed of a registered name. It is made from the class, or from the source of
    the class if an import string is registered. Keywords override single entries.
    """

    def __init__(self, plugin: str, folder: Path | None = None) -> None:
        self.plugin = plugin
        self._folder = folder or Path()
        self.cards: list[Card] = []
        self.reporters: list[object] = []
        self._caches: dict[str, CardCache] = {}

    def task(self, target: type[Task] | Task | str, **card: Any) -> None:
        """Register a task class, the import string ``"package.module:Class"`` of one, or a task."""
        self._add("task", target, card)

    def table(self, path: Path | str, **options: Any) -> None:
        """Register the task of a csv, npz or parquet file, which is read on first use.

        Args:
            path: of the file, relative to the folder of the plugin's module.
            options: keywords of ``TableTask``, such as ``outputs="strength"``.
        """
        source = TableSource((self._folder / path).absolute(), options)
        self._add("task", source, source.facts())

    def model(self, target: type[Model] | str, **card: Any) -> None:
        """Register a model class, or the import string ``"package.module:Class"`` of one."""
        self._add("model", target, card)

    def metric(self, target: type[Metric] | str, **card: Any) -> None:
        """Register a metric; it appears as an extra column and never ranks."""
        self._add("metric", target, card)

    def suite(self, name: str, suite: Mapping[str, Any], summary: str = "") -> None:
        """Register a named choice of tasks, models, tier, sizes and seeds.

        With ``ranks`` it is a board, too; see ``symbench.contract.board``.
        """
        try:
            suites.checked(name, suite)
        except InputError as error:
            raise PluginError(str(error)) from error
        self._add_suite(name, suite, summary)

    def suite_file(self, path: Path | str) -> None:
        """Register the suite of a TOML file, which states its ``name`` and ``summary``.

        The path is relative to the folder of the plugin's module.
        """
        try:
            content = suites.read_file(self._folder / path)
        except (OSError, InputError) as error:
            raise PluginError(f"suite file {str(path)!r}: {error}") from error
        name, summary = content.get("name"), content.get("summary", "")
        if not isinstance(name, str) or not isinstance(summary, str):
            raise PluginError(f"suite file {str(path)!r}: name and summary must be strings")
        self._add_suite(name, content, summary)

    def _add_suite(self, name: str, suite: Mapping[str, Any], summary: str) -> None:
        self._add("suite", dict(suite), {"name": name, "version": "1", "summary": summary})

    def executor(
        self,
        target: Callable[..., Any] | str,
        name: str,
        summary: str = "",
        *,
        remote: bool = False,
    ) -> None:
        """Register an executor, or the import string of one.

        An executor is a callable (cells, desk, options) -> iterator of records; see
        ``symbench.executor``. With ``remote`` it computes on other machines, and gets the options
        as the user gave them.
        """
        card = {"name": name, "version": "1", "summary": summary, "remote": remote}
        self._add("executor", target, card)

    def reporter(self, reporter: object) -> None:
        """Register an object whose methods implement the event hooks."""
        self.reporters.append(reporter)

    def _add(self, kind: CardKind, target: Any, keywords: dict[str, Any]) -> None:
        card = {**self._facts(kind, target, keywords), **keywords}
        name, version = card.pop("name", None), card.pop("version", None)
        summary = card.pop("summary", "")
        pattern = _SCORE_NAME if kind == "metric" else _NAME
        if not isinstance(name, str) or not pattern.fullmatch(name):
            raise PluginError(f"{kind} name {name!r} does not match {pattern.pattern}")
        if kind == "metric" and name.partition(".")[0] in CORE_SCORES:
            raise PluginError(f"metric {name} has the name of a core score: choose another name")
        if not isinstance(version, str) or not version:
            raise PluginError(f"{kind} {name}: the version {version!r} is not a string")
        if kind == "model" and card.get("prior") not in _PRIORS:
            prior = card.get("prior")
            raise PluginError(f"model {name}: unknown prior {prior!r}: use {', '.join(_PRIORS)}")
        self.cards.append(Card(kind, name, version, summary, self.plugin, card, target))

    def _facts(self, kind: CardKind, target: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts that the class states; none if the plugin has written the card."""
        if inspect.isclass(target) or isinstance(target, Task):
            return described(kind, target)
        written = {"name", "version"} <= set(keywords)
        if written or kind not in DETAILS or not isinstance(target, str):
            return {}
        package = target.partition(":")[0].partition(".")[0]
        if package not in self._caches:
            self._caches[package] = CardCache(package)
        card = self._caches[package].card(kind, target)
        return described(kind, resolve(target)) if card is None else card

"""The code of registered classes, found without importing them.

What only an import can tell, such as a model's backbones, is kept on disk under the hash of all
sources that the answer depends on. The next process reads it there.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from symbench import disk_cache
from symbench.contract import Model, Task
from symbench.registry.card import Card
from symbench.registry.code_files import closure, folder_of, module_file
from symbench.registry.edited import edited
from symbench.registry.registry import Registry
from symbench.registry.source_hash import of_files, source_sha256, with_backbones

_CORE = Path(__file__).parents[1]
_OF_FILES = ("fingerprint", "is_local", "available")  # overridden by tasks that read data files


def code_of(card: Card) -> str:
    """Return ``source_sha256`` of the class of a task, a model or a metric."""
    return str(_kept(card, ["code"], lambda: source_sha256(card.load())))


def code_of_model(registry: Registry, card: Card, config: Mapping[str, Any]) -> str | None:
    """Return ``model_sha256`` of a configured model; None if it has no such configuration."""
    backbones = _backbones(card, config)
    if backbones is None:
        return None

    def part(name: str) -> tuple[str, tuple[str, ...]] | None:
        if (known := registry.models.get(name)) is None:
            return None
        return f"{known.version} {code_of(known)}", _backbones(known, {}) or ()

    return with_backbones(code_of(card), backbones, part)


def fingerprint_of(card: Card, tier: str, ask: Callable[[Task], str | None]) -> str | None:
    """Return ``ask(task)`` for a task at a tier: its fingerprint, or None.

    It is asked in every process if the task reads files.
    """

    def answer() -> str | None:
        return ask(card.load().for_tier(tier))

    if _kept(card, ["reads files"], lambda: reads_files(card.load())):
        return answer()
    kept = _kept(card, ["fingerprint", tier, *_surroundings()], answer)
    return None if kept is None else str(kept)


def core_codes(metrics: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Return ``metrics()``, the codes of the core's metrics by name."""
    known: Mapping[str, str] = _answered(
        ("the core's metrics", _core().sha256), lambda: dict(metrics()), keep=not _core().edited
    )
    return known


def _backbones(card: Card, config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the backbones of a configured model; None if it has no such configuration."""

    def ask() -> list[str] | None:
        cls: type[Model] = card.load()
        try:
            return list(cls(cls.Config(**config)).backbones)
        except TypeError:  # its options have changed
            return None

    names = _kept(card, ["backbones", config], ask)
    return None if names is None else tuple(map(str, names))


def reads_files(task: Task) -> bool:
    """Whether the task overrides a method that depends on data files."""
    return any(getattr(type(task), name) is not getattr(Task, name) for name in _OF_FILES)


def _kept(card: Card, question: list[Any], ask: Callable[[], Any]) -> Any:
    """Return the JSON value ``ask()``, from an earlier process if no source has changed since."""
    sources = _sources(card.target) if isinstance(card.target, str) else None
    if sources is None:
        return ask()
    what = card.target, sources.sha256, _core().sha256, json.dumps(question, sort_keys=True)
    return _answered(what, ask, keep=not (sources.edited or _core().edited))


_answers: dict[tuple[str, ...], Any] = {}  # of this process


def _answered(what: tuple[str, ...], ask: Callable[[], Any], *, keep: bool) -> Any:
    if what not in _answers:
        path = disk_cache.path_of("code", what, ".json")
        kept = disk_cache.load(path, json.loads)
        if not (isinstance(kept, list) and len(kept) == 1):
            kept = [ask()]
            if keep:
                disk_cache.save(path, json.dumps(kept).encode())
        _answers[what] = kept[0]
    return _answers[what]


class _Sources(NamedTuple):
    """The hash of source files, and whether one was edited after the process had started."""

    sha256: str
    edited: bool


@cache
def _sources(target: str) -> _Sources | None:
    """Return the sources that ``"package.module:Class"`` depends on; None if there are none."""
    module = target.partition(":")[0]
    root = folder_of(module.partition(".")[0])
    file = None if root is None else module_file(root, module)
    if file is None:
        return None
    files = closure(module, file)
    return _Sources(of_files(files), edited(files.values()))


@cache
def _core() -> _Sources:
    """Return the sources of symbench itself."""
    files = sorted(_CORE.rglob("*.py"))
    digest = hashlib.sha256(version("symbench").encode())
    for file in files:
        digest.update(str(file.relative_to(_CORE)).encode() + b"\0" + file.read_bytes())
    return _Sources(digest.hexdigest(), edited(files))


@cache
def _surroundings() -> list[str]:
    """Return what drawn numbers depend on besides the sources: packages and the processor."""
    names: set[str] = set()
    for entry in filter(os.path.isdir, sys.path):
        names.update(n for n in os.listdir(entry) if n.endswith((".dist-info", ".egg-info")))
    processor = Path("/proc/cpuinfo")
    lines = processor.read_text().splitlines() if processor.is_file() else []
    flags = {line for line in lines if line.startswith(("model name", "flags"))}
    return [sys.version, platform.machine(), platform.processor(), *sorted(flags), *sorted(names)]

"""Finds and imports plugins, one at a time: entry points first, then plugin files."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.machinery import SourceFileLoader
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import CodeType, ModuleType

from symbench.errors import InputError
from symbench.registry.card import one_line
from symbench.registry.given import add_given
from symbench.registry.registry import OWN_DISTRIBUTION, PluginInfo, Registry, Sources
from symbench.registry.settings import guarded
from symbench.tables.source import TableSource

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Candidate:
    """A plugin that was found; ``load`` imports it."""

    name: str
    version: str
    source: str
    load: Callable[[], object]


def load(
    plugin_files: Sequence[Path | str] = (),
    blocked: Sequence[str] = (),
    tables: Sequence[TableSource] = (),
    *,
    discover: bool = True,
) -> Registry:
    """Load all plugins. A broken one is listed with its reason, and the others are loaded.

    Settings of the process that a plugin changes on import are restored.

    Entry points of the group ``symbench`` come first, those of symbench itself before others and
    then by name; ``plugin_files`` and ``tables`` follow, and the tables are read.
    Where the environment variable ``SYMBENCH_PLUGINS=a,b`` is set, only the entry points that it
    names are loaded.

    Raises:
        InputError: a table cannot be used.
    """
    # absolute, because a plugin may change the working directory
    files = tuple(Path(file).absolute() for file in plugin_files)
    registry = Registry(Sources(files, tuple(blocked), tuple(tables)))
    for candidate in _candidates(plugin_files, discover=discover):
        origin = candidate.name, candidate.version, candidate.source
        if candidate.name in blocked:
            registry.plugins.append(PluginInfo(*origin, "blocked", "blocked by request"))
            continue
        try:
            with guarded(candidate.name):
                registry.add(candidate.load(), *origin)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise anything on import
            registry.plugins.append(PluginInfo(*origin, "broken", one_line(error)))
            _log.debug("plugin %s is broken", candidate.name, exc_info=True)
    for table in tables:
        add_given(registry, table)
    return registry


def _candidates(plugin_files: Sequence[Path | str], *, discover: bool) -> Iterator[_Candidate]:
    allowed = os.environ.get("SYMBENCH_PLUGINS")
    names = None if allowed is None else {name.strip() for name in allowed.split(",")}
    for entry in _entry_points() if discover else ():
        if names is None or entry.name in names:
            distribution, version = _named(entry.dist)
            yield _Candidate(entry.name, version, distribution, entry.load)
    for file in plugin_files:
        path = Path(file)
        yield _Candidate(path.stem, "", str(path), partial(_import_file, path.absolute()))


def _entry_points() -> list[EntryPoint]:
    entries = entry_points(group="symbench")
    return sorted(entries, key=lambda e: (_named(e.dist)[0] != OWN_DISTRIBUTION, e.name))


@lru_cache  # importlib reads all metadata again for each of the two
def _named(distribution: Distribution | None) -> tuple[str, str]:
    """Return the name and version of a distribution."""
    if distribution is None:
        return "unknown", ""
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]


class _Source(SourceFileLoader):
    """Executes the content that was read; bytecode from the same second could be outdated."""

    def __init__(self, name: str, path: Path, content: bytes) -> None:
        super().__init__(name, str(path))
        self._content = content

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader has one module
        """Return the compiled content."""
        return self.source_to_code(self._content, self.path)


def _import_file(path: Path) -> ModuleType:
    """Return the module of a plugin file, executed once per process, path and content.

    Its name depends only on the content, so a class has the same name in every process.
    """
    if not path.is_file():
        raise InputError(f"plugin file {str(path)!r} does not exist")
    if path.suffix != ".py":
        raise InputError(f"plugin file {str(path)!r} is not a Python file (*.py)")
    content = path.read_bytes()
    name = f"symbench_plugin_file_{hashlib.sha256(content).hexdigest()[:12]}"
    loader = _Source(name, path, content)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise InputError(f"plugin file {str(path)!r} cannot be imported")
    known = sys.modules.get(name)
    if known is not None and known.__file__ == spec.origin:
        return known
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pickle and inspect look the module up by its name
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module

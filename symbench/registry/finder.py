"""Find and import plugins, one at a time: entry points first, then plugin files."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from symbench.errors import InputError
from symbench.registry.card import one_line
from symbench.registry.registry import PluginInfo, Registry, Sources

_log = logging.getLogger(__name__)
_OWN_DISTRIBUTION = "symbench"


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
    registry = Registry(Sources(tuple(map(Path, plugin_files)), tuple(blocked)))
    for name, version, source, find in _sources(plugin_files, discover=discover):
        if name in blocked:
            registry.plugins.append(
                PluginInfo(name, version, source, "blocked", "blocked by request")
            )
            continue
        try:
            registry.add(find(), name, version, source)
        except (Exception, SystemExit) as error:  # a plugin may raise anything on import
            info = PluginInfo(name, version, source, "broken", one_line(error))
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

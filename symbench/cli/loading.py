"""The plugins and stores that the verbs load."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from symbench import registry as registries
from symbench.registry.card import one_line
from symbench.results.report.escape import plain

if TYPE_CHECKING:
    from symbench.records.record import Record
    from symbench.registry import Registry
    from symbench.tables import TableSource


@contextmanager
def registered(
    plugin_files: Sequence[Path] | None,
    blocked: Sequence[str] | None,
    tables: Sequence[TableSource] = (),
) -> Iterator[Registry]:
    """Load the plugins and the tables, and send stdout to stderr while the block runs.

    Plugins may print, and stdout is for the verb's output. Broken plugins are named on stderr.

    Raises:
        InputError: a table cannot be used.
    """
    with redirect_stdout(sys.stderr):
        registry = registries.load(plugin_files or (), blocked or (), tables)
        for info in registry.plugins:
            if info.status == "broken":
                _warn(f"plugin {info.name}: {info.reason}")
        yield registry


def name_broken_files(registry: Registry) -> None:
    """Name on stderr the plugin files that could not be used, after all other output."""
    files = {str(file) for file in registry.sources.files}
    for info in registry.plugins:
        if info.status == "broken" and str(Path(info.source).absolute()) in files:
            _warn(f"not used: --plugin {info.source}: {info.reason}")


def staleness(registry: Registry) -> Callable[[Record], bool]:
    """Return the function that says whether a record is stale.

    Where a plugin raises, the record counts as current, with a warning on stderr.
    """
    from symbench.runs.staleness import is_outdated

    def stale(record: Record) -> bool:
        try:
            return is_outdated(registry, record)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may raise anything
            pair = f"{record.identity.task} {record.identity.model}"
            _warn(f"{pair}: staleness unknown: {one_line(error)}")
            return False

    return stale


def matcher(patterns: Sequence[str] | None) -> Callable[[str], bool]:
    """Return whether a name matches one of the globs; every name does if there are none."""
    return lambda name: not patterns or any(fnmatchcase(name, one) for one in patterns)


def _warn(message: str) -> None:
    typer.echo(f"symbench: warning: {plain(message)}", err=True)

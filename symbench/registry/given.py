"""Plugins made of what the caller gives: the file of a table, or a task."""

from __future__ import annotations

from symbench.contract import Task
from symbench.errors import InputError
from symbench.hooks import hookimpl
from symbench.registry.registration import Registration
from symbench.registry.registry import Registry
from symbench.tables.source import TableSource


class _Given:
    """Registers one task."""

    def __init__(self, given: TableSource | Task) -> None:
        self._given = given

    @hookimpl
    def symbench_register(self, registry: Registration) -> None:
        """Register the task."""
        if isinstance(self._given, TableSource):
            registry.table(self._given.path, **self._given.options)
        else:
            registry.task(self._given)


def add_given(registry: Registry, given: TableSource | Task) -> None:
    """Add a table, which is read, or a task to the registry.

    Raises:
        InputError: the table cannot be used, or the name of the task is taken.
    """
    name = given.name
    if name in registry.tasks:
        owner = registry.tasks[name].plugin
        fix = "rename the file" if isinstance(given, TableSource) else "give it another name"
        raise InputError(f"{owner} has a task {name!r} already: {fix}")
    path = str(given.path) if isinstance(given, TableSource) else "given by the caller"
    registry.add(_Given(given), f"table {name}", "", path)
    registry.task(name)

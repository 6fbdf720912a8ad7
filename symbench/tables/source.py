"""A table's file and how it becomes a task, without reading it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbench.tables.task import TableTask

VERSION = "1"
THRESHOLD = 0.1  # the error that counts as solved, unless stated


@dataclass(frozen=True)
class TableSource:
    """A file and the keywords of its ``TableTask``; ``task`` reads it.

    A registry and its worker processes exchange it, because each of them reads the file itself.
    """

    path: Path
    options: Mapping[str, Any] = field(default_factory=dict)

    def task(self) -> TableTask:
        """Read the file and return its task.

        Raises:
            InputError: the file or one of the options cannot be used.
        """
        from symbench.tables.task import TableTask

        return TableTask(self.path, **self.options)

    @property
    def name(self) -> str:
        """The name of its task."""
        return self.options.get("name") or name_of(self.path)

    def facts(self) -> dict[str, Any]:
        """Return what is listed of the task: all that is known before the file is read."""
        classes = self.options.get("classes", False)
        return {
            "name": self.name,
            "version": self.options.get("version") or VERSION,
            "summary": self.options.get("summary") or summary_of(self.path),
            "kind": "vectors",
            "loss": "cross-entropy" if classes else "mse",
            "threshold": self.options.get("threshold", THRESHOLD),
        }


def name_of(path: Path) -> str:
    """Return the name of a file's task: the file's name without its ending, as names are written.

    ``Yarn strength.csv`` becomes ``yarn-strength``.
    """
    words = re.sub(r"[^a-z0-9.-]+", "-", path.stem.lower()).strip("-.")
    return words[:64] or "table"


def summary_of(path: Path) -> str:
    """Return the summary of a file's task."""
    return f"the table {path.name}"

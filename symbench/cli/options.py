"""The options that several verbs share, and what the terminal can show."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STORE = Path("symbench-results")
_WIDTH = 120  # where the output is not a terminal

PluginFiles = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE.py", help="Add a plugin module; repeatable."),
]
BlockedPlugins = Annotated[
    list[str] | None,
    typer.Option("--no-plugin", metavar="NAME", help="Leave a plugin out; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]
TaskPatterns = Annotated[
    list[str] | None,
    typer.Option("-t", "--task", metavar="TASK", help="Task name or glob; repeatable."),
]
ModelPatterns = Annotated[
    list[str] | None,
    typer.Option("-m", "--model", metavar="MODEL", help="Model name or glob; repeatable."),
]
StoreDirectory = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="Where the records stand.")
]
StoreDirectories = Annotated[
    list[Path] | None,
    typer.Option("--store", metavar="DIR", help="A store; repeat to merge several."),
]


def terminal_width() -> int:
    """Return the columns of the terminal (``COLUMNS`` comes first); 120 without one."""
    return shutil.get_terminal_size((_WIDTH, 24)).columns


def coloured() -> bool:
    """Whether to colour the output: only on a terminal, and not where NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")

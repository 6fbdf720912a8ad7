"""How every verb prints: the width and colours of the terminal, and JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any

import typer

_WIDTH = 120  # where the output is not a terminal


def terminal_width() -> int:
    """Return the columns of the terminal (``COLUMNS`` comes first); 120 without one."""
    return shutil.get_terminal_size((_WIDTH, 24)).columns


def coloured() -> bool:
    """Whether to colour the output: only on a terminal, and not where NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def print_json(document: Any) -> None:
    """Print a document as indented JSON."""
    typer.echo(json.dumps(document, indent=1, allow_nan=False, default=str))

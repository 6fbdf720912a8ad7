"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symbench.cli import completion

DEFAULT_STORE = Path("symbench-results")
TIERS = "smoke|quick|standard|full"

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
    typer.Option(
        "-t",
        "--task",
        metavar="TASK",
        help="Task name or glob; repeatable.",
        autocompletion=completion.tasks,
    ),
]
ModelPatterns = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--model",
        metavar="MODEL",
        help="Model name or glob; repeatable.",
        autocompletion=completion.models,
    ),
]
TierToRun = Annotated[
    str | None,
    typer.Option("--tier", metavar=TIERS, help="Default: quick."),
]
StoredTier = Annotated[
    str | None,
    typer.Option("--tier", metavar=TIERS, help="Default: the tier of the newest record."),
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda", help="Device to train on.")
]
CellTimeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="Time limit per cell; 0: none "
        "(default: 10 min smoke, 1 h quick, 4 h standard, 24 h full).",
    ),
]
StoreDirectory = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="Directory of the result store.")
]
StoreDirectories = Annotated[
    list[Path] | None,
    typer.Option("--store", metavar="DIR", help="A store; repeat to merge several."),
]

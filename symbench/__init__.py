"""symbench: a benchmark of neural networks that respect or discover symmetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symbench.contract import (
    Calibrates,
    Context,
    Data,
    Direction,
    Fits,
    FitsTogether,
    Flows,
    Metric,
    Model,
    Prior,
    Problem,
    Published,
    Recipe,
    Scores,
    Split,
    Symmetry,
    Task,
    Trained,
    seeded,
)
from symbench.errors import InputError, SymbenchError
from symbench.hooks import hookimpl

if TYPE_CHECKING:
    from symbench.api import Result, list_metrics, model, models, problem, run, task, tasks
    from symbench.discovery import Findings, discover
    from symbench.inspection import Inspection, inspect
    from symbench.stored import Stored, load
    from symbench.tables import TableTask

    __version__: str

__all__ = [
    "Calibrates", "Context", "Data", "Direction", "Findings", "Fits", "FitsTogether", "Flows",
    "InputError", "Inspection", "Metric", "Model", "Prior", "Problem", "Published", "Recipe",
    "Result", "Scores", "Split", "Stored", "SymbenchError", "Symmetry", "TableTask", "Task",
    "Trained", "__version__", "discover", "hookimpl", "inspect", "list_metrics", "load", "model",
    "models", "problem", "run", "seeded", "task", "tasks",
]  # fmt: skip

_LAZY = {  # names by module
    **dict.fromkeys(
        ("Result", "list_metrics", "model", "models", "problem", "run", "task", "tasks"), "api"
    ),
    **dict.fromkeys(("Stored", "load"), "stored"),
    **dict.fromkeys(("Inspection", "inspect"), "inspection"),
    **dict.fromkeys(("Findings", "discover"), "discovery"),
    "TableTask": "tables",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"symbench.{_LAZY[name]}"), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("symbench")
    raise AttributeError(f"module 'symbench' has no attribute {name!r}")

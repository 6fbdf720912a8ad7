"""symbench: which neural networks respect, or discover, symmetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symbench.contract import (
    Context,
    Data,
    Metric,
    Model,
    Problem,
    Published,
    Recipe,
    Symmetry,
    Task,
    Trained,
    seeded,
)
from symbench.errors import InputError, SymbenchError
from symbench.hooks import hookimpl

if TYPE_CHECKING:
    from symbench.api import Result, metrics, model, models, problem, run, task, tasks

__version__ = "0.1.0"

__all__ = [
    "Context", "Data", "InputError", "Metric", "Model", "Problem", "Published", "Recipe",
    "Result", "SymbenchError", "Symmetry", "Task", "Trained", "__version__", "hookimpl",
    "metrics", "model", "models", "problem", "run", "seeded", "task", "tasks",
]  # fmt: skip

_LAZY = {"Result", "metrics", "model", "models", "problem", "run", "task", "tasks"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from symbench import api

        return getattr(api, name)
    raise AttributeError(f"module 'symbench' has no attribute {name!r}")

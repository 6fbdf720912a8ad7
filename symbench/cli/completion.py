"""The names that a shell completes: those of registered tasks, models and suites.

The cards are read without importing a task or a model, so that the shell does not wait.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout

from symbench.errors import SymbenchError


def tasks(incomplete: str) -> list[str]:
    """Return the tasks whose names begin so."""
    return _beginning("tasks", incomplete)


def models(incomplete: str) -> list[str]:
    """Return the models whose names begin so."""
    return _beginning("models", incomplete)


def boards(incomplete: str) -> list[str]:
    """Return the boards whose names begin so."""
    return _beginning("boards", incomplete)


def suites(incomplete: str) -> list[str]:
    """Return the suites whose names begin so."""
    return _beginning("suites", incomplete)


def names(incomplete: str) -> list[str]:
    """Return the tasks, models and suites that ``symbench show`` describes."""
    return sorted({*tasks(incomplete), *models(incomplete), *suites(incomplete)})


def _beginning(kind: str, incomplete: str) -> list[str]:
    from symbench import registry

    try:
        with redirect_stdout(sys.stderr):  # the shell reads stdout, and plugins may print
            cards = getattr(registry.load(), kind)
    except SymbenchError:  # the command itself says what is wrong
        return []
    return [name for name in cards if name.startswith(incomplete)]

"""Errors raised on purpose; a message says what is wrong, what is allowed and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SymbenchError(Exception):
    """Base of every error that symbench raises on purpose."""


class InputError(SymbenchError, ValueError):
    """The caller's input cannot be used; the message names the value and how to fix it."""


class UnknownNameError(InputError):
    """There is nothing of that name; the message suggests similar names or a command."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], command: str = "symbench list"
    ) -> None:
        self.name = name
        near = get_close_matches(name, sorted(known))
        hint = f"did you mean {', '.join(near)}?" if near else f"`{command}` shows all"
        super().__init__(f"unknown {kind} {name!r}: {hint}")


class PluginError(SymbenchError):
    """A plugin registered something that breaks the contract."""


class StoreError(SymbenchError):
    """The result store cannot be read or written."""


class ShapeError(SymbenchError):
    """A model returned a tensor of the wrong shape."""


def message_of(error: BaseException) -> str:
    """Return the message of any error, also of one whose ``__str__`` raises."""
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as worse:
        return f"(no message: its __str__ raises {type(worse).__name__})"

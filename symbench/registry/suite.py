"""Suites: named choices of tasks, models, tier, sizes and seeds, as mappings or TOML files.

A suite that says what it ranks by is a board.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symbench.contract.board import Board
from symbench.errors import InputError
from symbench.registry.card import Card

KEYS = frozenset({
    "name", "summary", "tasks", "models", "tier", "sizes", "seeds", "ranks", "order", "findings",
})  # fmt: skip


def read_file(path: Path) -> Mapping[str, Any]:
    """Return the content of a suite's file, checked.

    Raises:
        OSError: the file cannot be read.
        InputError: it is not TOML, or no suite.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or nested too deeply
        raise InputError(f"suite {str(path)!r} is not TOML: {error}") from error
    return checked(str(path), content)


def checked(name: str, suite: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a suite.

    Raises:
        InputError: it has an unknown key or a value of the wrong type, or is no sound board.
    """
    if unknown := sorted(set(suite) - KEYS):
        known = ", ".join(sorted(KEYS))
        raise InputError(f"suite {name!r} has no key {unknown[0]!r}: choose one of {known}")
    for key, kind in (("tasks", str), ("models", str), ("sizes", int)):
        values = suite.get(key, [])
        if not isinstance(values, list | tuple) or not all(type(v) is kind for v in values):
            raise InputError(f"suite {name!r}: {key} must be a list of {kind.__name__}")
    if type(suite.get("tier", "")) is not str or type(suite.get("seeds", 1)) is not int:
        raise InputError(f"suite {name!r}: tier must be a string, seeds a whole number")
    Board.of(name, suite)
    return suite


def boards(cards: Mapping[str, Card]) -> list[Board]:
    """Return the boards among registered suites, in their order."""
    found = [Board.of(name, {"summary": card.summary, **card.load()})
             for name, card in cards.items()]  # fmt: skip
    return sorted((one for one in found if one is not None), key=lambda one: (one.order, one.name))

"""Detects that a plugin has replaced functions that compute scores.

A plugin can evade this deliberately, because it runs in the same process.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any

_MAKERS = sys.stdlib_module_names | {"torch"}
_LAYERS = 5  # decorators around a function, at most
_SCORING = (
    "symbench.contract", "symbench.draws", "symbench.metrics", "symbench.runs", "symbench.training",
)  # fmt: skip

_own: dict[tuple[str, int], CodeType] = {}  # what was found in a file; to hash code takes long


def replaced() -> str | None:
    """Return the name of a function between data and scores whose code is not of its module."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_SCORING):
            for place, function in _functions(module):
                if not _is_own(name, function) and not _is_generated(place, function):
                    return f"{name}.{place}"
    return None


def _is_own(module: str, function: FunctionType) -> bool:
    """Whether the code of a function is of the module's file."""
    code = function.__code__
    if _own.get((module, id(code))) is code:
        return True
    if code not in _codes_of(module):
        return False
    _own[module, id(code)] = code
    return True


@lru_cache(maxsize=256)
def _codes_of(name: str) -> frozenset[CodeType]:
    """Return the code objects of the functions in a module's file."""
    code = SourceFileLoader(name, str(sys.modules[name].__file__)).get_code(name)
    return frozenset() if code is None else frozenset(_inside(code))


def _inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inside(constant)


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that are bound in a module, methods of its classes included."""
    for name, value in list(vars(module).items()):
        if inspect.isclass(value) and value.__module__ == module.__name__:
            for part, method in list(vars(value).items()):
                yield from _of(f"{name}.{part}", method)
        elif name in _names_in(module.__name__):
            yield from _of(name, value)


@lru_cache(maxsize=256)
def _names_in(module: str) -> frozenset[str]:
    """Return the names of the functions that a module's own code defines."""
    return frozenset(code.co_name for code in _codes_of(module))


def _of(place: str, value: object) -> Iterator[tuple[str, FunctionType]]:
    parts: list[Any] = [value]
    if not isinstance(value, FunctionType):
        parts = [getattr(value, name, None) for name in ("__func__", "fget", "func", "__wrapped__")]
    for layer in parts:
        for _ in range(_LAYERS):
            if layer is None:
                break
            if isinstance(layer, FunctionType):
                yield place, layer
            layer = getattr(layer, "__wrapped__", None)  # noqa: PLW2901


def _is_generated(place: str, function: FunctionType) -> bool:
    """Whether Python or torch has made the function, as ``dataclass`` makes ``__init__``."""
    special = place.rpartition(".")[2].startswith("__")
    made = special and function.__code__.co_filename == "<string>"
    return made or str(function.__globals__.get("__name__")).partition(".")[0] in _MAKERS

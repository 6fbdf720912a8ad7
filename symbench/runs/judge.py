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

_MAKERS = sys.stdlib_module_names | {"torch"}
_LAYERS = 5  # decorators around a function, at most
_SCORING = ("symbench.metrics", "symbench.runs.score")


def replaced() -> str | None:
    """Return the name of a function of the core's scores whose code is not that of its module."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_SCORING):
            known = _codes_of(name)
            for place, function in _functions(module):
                if function.__code__ not in known and not _is_generated(place, function):
                    return f"{name}.{place}"
    return None


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
        elif _defined_in(module, name):
            yield from _of(name, value)


def _defined_in(module: ModuleType, name: str) -> bool:
    """Whether the module's own code defines a function of that name."""
    return any(code.co_name == name for code in _codes_of(module.__name__))


def _of(place: str, value: object) -> Iterator[tuple[str, FunctionType]]:
    for part in (value, *(getattr(value, name, None) for name in ("__func__", "fget", "func"))):
        layer = part
        for _ in range(_LAYERS):
            if isinstance(layer, FunctionType):
                yield place, layer
            layer = getattr(layer, "__wrapped__", None)


def _is_generated(place: str, function: FunctionType) -> bool:
    """Whether Python or torch has made the function, as ``dataclass`` makes ``__init__``."""
    special = place.rpartition(".")[2].startswith("__")
    made = special and function.__code__.co_filename == "<string>"
    return made or str(function.__globals__.get("__name__")).partition(".")[0] in _MAKERS

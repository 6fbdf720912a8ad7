"""Detects that a plugin has replaced functions that all models share.

These are functions of the core that draw, train and score, those of torch's layers, initialisers
and optimisers, and those of another plugin. A plugin can evade this deliberately, because it runs
in the same process.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from symbench.registry.code_files import imported_packages, is_module, source_files

_MAKERS = sys.stdlib_module_names | {"torch", "typing_extensions"}
_LAYERS = 5  # decorators around a function, at most
_CORE = (
    "symbench.contract", "symbench.draws", "symbench.groups", "symbench.metrics", "symbench.runs",
    "symbench.training",
)  # fmt: skip
_TORCH = ("torch.nn.init", "torch.nn.functional", "torch.nn.modules.", "torch.optim")
_HOOKED = ("torch.nn.modules.module", "torch.optim.optimizer")

_original: dict[tuple[str, int], CodeType] = {}  # found in files; to hash code takes long


def replaced() -> str | None:
    """Return the name of a function that is not the original, and the file that it is from."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_CORE):
            for place, function in _functions(module):
                if not _is_original(name, function) and not _is_generated(place, function):
                    return _described(f"{name}.{place}", function)
        elif name.startswith(_TORCH):
            for place, function in _all_functions(module):
                if not _is_generated(place, function):
                    return _described(f"{name}.{place}", function)
    return None


def hooked() -> str | None:
    """Return the name of the hooks that torch calls for all modules or optimisers, if any."""
    for module in _HOOKED:
        for name, value in vars(sys.modules[module]).items():
            if name.startswith("_global_") and isinstance(value, dict) and value:
                return f"{module}.{name}"
    return None


def replaced_in(cls: type) -> str | None:
    """Return the name of a function of a plugin's class that another plugin has put there.

    The other plugin is one that the files of the class do not import.
    """
    names, known = _own_modules(cls)
    for name in filter(sys.modules.__contains__, names):
        for place, function in _all_functions(sys.modules[name]):
            if (maker := _maker(function)) not in known and _is_plugin(maker):
                return _described(f"{name}.{place}", function)
    return None


@lru_cache(maxsize=256)
def _own_modules(cls: type) -> tuple[list[str], set[str]]:
    """Return the modules of a class, and the top-level packages that they are in or import."""
    files = {name: file for name, file in source_files(cls).items() if is_module(file)}
    return list(files), imported_packages(files) | {name.partition(".")[0] for name in files}


def _is_plugin(package: str) -> bool:
    return hasattr(sys.modules.get(package), "symbench_register")


def _described(name: str, function: FunctionType) -> str:
    return f"{name} (now of {Path(function.__code__.co_filename).name})"


def _all_functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions that are bound in any module, methods of its classes included."""
    for name, value in list(vars(module).items()):
        if isinstance(value, FunctionType):
            yield name, value
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for part, method in list(vars(value).items()):
                if isinstance(method, FunctionType):
                    yield f"{name}.{part}", method


def _is_original(module: str, function: FunctionType) -> bool:
    """Whether the code of a function is of the module's file."""
    code = function.__code__
    if _original.get((module, id(code))) is code:
        return True
    if code not in _codes_of(module):
        return False
    _original[module, id(code)] = code
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
    return made or _maker(function) in _MAKERS


def _maker(function: FunctionType) -> str:
    """Return the top-level package that defines the function."""
    return str(function.__globals__.get("__name__")).partition(".")[0]

"""What a plugin keeps outside of its modules: in classes and in globals.

All trials of a cell share it, so a trial that changes it may change the results of others.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from symbench.contract import Model
from symbench.contract.modules import difference, equal, parts_of
from symbench.registry.code_files import is_module, source_files

_DEPTH = 3  # of containers inside containers
_MOST = 1000  # entries of a container whose entries are compared
_NUMBERS = 2**12  # of a tensor whose content is compared; of a larger one, its version
_CONTAINERS = (dict, list, tuple, set, deque)
_SCALARS = (bool, int, float, complex, str, bytes)

Place = tuple[str, str]  # the name of the owner and of the attribute
Values = dict[Place, Any]


class _Whole(NamedTuple):
    """A tensor or an array with a copy of its content; of a large one, a number changes with it."""

    thing: Any
    content: Any


class _Container(NamedTuple):
    """A container, with a copy of its entries."""

    container: Any
    entries: dict[Any, Any]


class Outside:
    """The values outside of a model's modules, as they are when this is made.

    They are the globals of the model's source files, and the attributes of the classes that these
    define. What ``functools.cache`` holds does not count.
    """

    def __init__(self, model: Model) -> None:
        self._owners: dict[str, Any] = {}
        for module in _modules(type(model)):
            self._owners[module.__name__] = module
            for cls in _classes(module):
                self._owners.setdefault(f"{module.__name__}.{cls.__qualname__}", cls)
        self._before = self.read()

    def read(self) -> Values:
        """Return the values as they are now, with copies of containers and small tensors."""
        return {
            (owner, name): _kept(value, _DEPTH)
            for owner, thing in self._owners.items()
            for name, value in list(vars(thing).items())
            if not name.startswith("__") and not isinstance(value, ModuleType)
        }

    def changed(self) -> list[Place]:
        """Return the places whose values have changed."""
        now, before = self.read(), self._before
        return [place for place in {**before, **now} if not _same_at(place, before, now)]

    def restore(self) -> None:
        """Put the values back."""
        for owner, name in self.changed():
            if (owner, name) in self._before:
                setattr(self._owners[owner], name, _restored(self._before[owner, name]))
            else:
                delattr(self._owners[owner], name)


def conflict(ends: Sequence[Values]) -> str | None:
    """Return the name of a value that trials have left different; None if there is none.

    Args:
        ends: what each trial has left, where each began with the same values.
    """
    first = ends[0]
    for other in ends[1:]:
        for place in {**first, **other}:
            if not _same_at(place, first, other) and difference(first.get(place), other.get(place)):
                return ".".join(place)
    return None


@cache
def _files(cls: type) -> tuple[str, ...]:
    return tuple(name for name, file in source_files(cls).items() if is_module(file))


def _modules(cls: type) -> list[ModuleType]:
    return [sys.modules[name] for name in _files(cls) if name in sys.modules]


def _classes(module: ModuleType) -> list[type]:
    """Return the classes that a module defines, also inside other classes."""
    found: dict[type, None] = {}
    waiting: list[Any] = [module]
    while waiting:
        for value in vars(waiting.pop()).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and value not in found:
                found[value] = None
                waiting.append(value)
    return list(found)


def _kept(value: Any, depth: int) -> Any:
    if isinstance(value, Tensor):
        return _Whole(value, _content(value))
    if isinstance(value, np.ndarray):
        return _Whole(value, value.copy() if value.size <= _NUMBERS else 0)
    if not isinstance(value, _CONTAINERS) or not depth:
        return value
    if len(value) > _MOST:
        return _Whole(value, len(value))
    parts = dict(enumerate(value)) if isinstance(value, deque) else parts_of(value)
    return _Container(value, {key: _kept(part, depth - 1) for key, part in parts.items()})


def _content(tensor: Tensor) -> Tensor | int | None:
    try:
        if tensor.numel() <= _NUMBERS:
            return tensor.detach().clone()
        return 0 if tensor.is_inference() else tensor._version
    except RuntimeError:  # a tensor of vmap, which cannot be read outside
        return None


def _same_at(place: Place, a: Values, b: Values) -> bool:
    return place in a and place in b and _same(a[place], b[place])


def _same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, _Whole):
        return a.thing is b.thing and _same_content(a.content, b.content)
    if isinstance(a, _Container):
        known = a.container is b.container and a.entries.keys() == b.entries.keys()
        return known and all(_same(part, b.entries[key]) for key, part in a.entries.items())
    return a is b or (isinstance(a, _SCALARS) and equal(a, b))


def _same_content(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    return type(a) is type(b) and equal(a, b)


def _restored(kept: Any) -> Any:
    """Return the value that was kept, with the content that it had."""
    if isinstance(kept, _Whole):
        _write(kept.thing, kept.content)
        return kept.thing
    if not isinstance(kept, _Container):
        return kept
    container, entries = kept
    values = {key: _restored(entry) for key, entry in entries.items()}
    if not isinstance(container, tuple):
        container.clear()
        if isinstance(container, dict | set):
            container.update(values)
        else:
            container.extend(values.values())
    return container


def _write(array: Any, content: Any) -> None:
    if isinstance(content, Tensor) and not equal(array.detach(), content):
        with torch.no_grad():
            array.copy_(content)
    elif isinstance(content, np.ndarray) and not _same_content(array, content):
        array[...] = content

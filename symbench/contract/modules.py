"""Modules of several trials: what distinguishes them, what they share, and copies of them.

Trials are stacked by their parameters and buffers. Everything else that a module keeps (plain
attributes, closures, classes made inside ``build``) is then that of the first trial. So modules are
stacked only if ``difference`` finds nothing else.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial, singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import GraphModule

_TORCH_OWN = {"_parameters", "_buffers", "_modules", "training"}
_HOOKS = ("_hooks", "_hooks_with_kwargs", "_hooks_always_called")
_TRACED = {"_graph"}  # of a traced module, whose code is what runs
_LEAVES = (
    type(None), bool, int, float, complex, str, bytes, range, slice, np.generic,
    torch.dtype, torch.device, types.ModuleType, types.BuiltinFunctionType, Tensor,
)  # fmt: skip


def difference(a: Any, b: Any) -> str:
    """Return the path to the first thing in which two modules differ; "" if they can be stacked.

    Parameters and buffers may have different values. A plain attribute that is a parameter, or a
    view of one, counts as a difference, because stacking does not replace it.
    """
    path = _Comparison(a).difference(a, b)
    return "" if path is None else f"{type(a).__name__}{path}"


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and the buffers of a module by name."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def shared_tensors(modules: list[nn.Module]) -> dict[str, Tensor]:
    """Return the parameters and buffers, by name, whose memory two of the modules share."""
    owners: dict[int, int] = {}
    shared = {}
    for place, module in enumerate(modules):
        for name, tensor in named_tensors(module).items():
            if tensor.numel() and owners.setdefault(_memory(tensor), place) != place:
                shared[name] = tensor
    return shared


def equal(a: Any, b: Any) -> bool:
    """Whether numbers, texts or tensors are equal; NaN equals NaN."""
    if not isinstance(a, Tensor):
        return bool(a == b or (a != a and b != b))  # noqa: PLR0124
    if (a.dtype, a.shape, a.device, a.layout) != (b.dtype, b.shape, b.device, b.layout):
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())  # noqa: PLR0124


def copied(module: nn.Module) -> nn.Module:
    """Return a deep copy; parts that cannot be copied (locks, open files) are shared."""
    try:
        return deepcopy(module)
    except Exception:  # any type can refuse to be copied in its own way
        memo: dict[int, Any] = {}
        for part in module.modules():
            for name, value in vars(part).items():
                if name not in _TORCH_OWN and not _can_be_copied(value):
                    memo[id(value)] = value
        return deepcopy(module, memo)


def _can_be_copied(value: Any) -> bool:
    try:
        deepcopy(value)
    except Exception:  # as above
        return False
    return True


def _memory(tensor: Tensor) -> int:
    return 0 if tensor.layout != torch.strided else tensor.untyped_storage().data_ptr()


class _Comparison:
    """A walk through two objects side by side; its methods return where they differ, or None."""

    def __init__(self, root: Any) -> None:
        self._seen: dict[tuple[int, int], tuple[Any, Any]] = {}  # held, so no id is reused
        tensors = root.parameters() if isinstance(root, nn.Module) else ()
        self._stacked = {_memory(tensor) for tensor in tensors if tensor.numel()}

    def difference(self, a: Any, b: Any) -> str | None:
        """Return the path to the first difference, "" for a and b themselves."""
        if isinstance(a, Tensor) and a.numel() and _memory(a) in self._stacked:
            return ""
        if a is b or (id(a), id(b)) in self._seen:
            return None
        if isinstance(a, _LEAVES) and type(a) is type(b):
            return None if equal(a, b) else ""
        self._seen[id(a), id(b)] = a, b
        if isinstance(a, type) and isinstance(b, type):
            return self._of_classes(a, b)
        if type(a) is not type(b) and self._of_classes(type(a), type(b)) is not None:
            return ""
        return self._of_parts(parts_of(a), parts_of(b))

    def _of_parts(self, ours: dict[Any, Any], theirs: dict[Any, Any]) -> str | None:
        if ours.keys() != theirs.keys():
            return ""
        for name, value in ours.items():
            if (path := self.difference(value, theirs[name])) is not None:
                return f".{name}{path}"
        return None

    def _of_classes(self, a: type, b: type) -> str | None:
        """Compare classes; one statement, executed twice, makes two classes that can be equal."""
        if a is b:
            return None
        if _importable(a) or _importable(b) or a.__qualname__ != b.__qualname__:
            return ""
        own = ({**vars(cls), "__bases__": cls.__bases__} for cls in (a, b))
        ours, theirs = ({k: v for k, v in o.items() if k not in _OF_CLASS} for o in own)
        return self._of_parts(ours, theirs)


_OF_CLASS = {"__dict__", "__weakref__", "__module__", "__doc__", "__static_attributes__"}


def _importable(cls: type) -> bool:
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


@singledispatch
def parts_of(thing: Any) -> dict[Any, Any]:
    """Return the parts of an object, by name."""
    slots = [name for cls in type(thing).__mro__ for name in _slots(cls)]
    held = {name: getattr(thing, name) for name in slots if hasattr(thing, name)}
    return {**held, **getattr(thing, "__dict__", {})} or _reduced(thing)


def _reduced(thing: Any) -> dict[Any, Any]:
    """Return the parts of an object of a compiled type (deque, count, …), as pickle sees them."""
    try:
        parts = thing.__reduce_ex__(4)
    except Exception:  # such as a lock, which has no parts
        return {}
    if isinstance(parts, str):
        return {}
    return {i: list(part) if isinstance(part, Iterator) else part for i, part in enumerate(parts)}


def _slots(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


@parts_of.register
def _(thing: nn.Module) -> dict[Any, Any]:
    left_out = _TORCH_OWN | (_TRACED if isinstance(thing, GraphModule) else set())
    plain = {name: value for name, value in vars(thing).items() if name not in left_out}
    hooks = {name: list(plain.pop(name).values()) for name in [*plain] if _is_hooks(name, plain)}
    hooks = {name: held for name, held in hooks.items() if held}
    tensors = {**thing._parameters, **thing._buffers}
    shapes = {
        f"{name}.shape": t if t is None else (t.shape, t.dtype) for name, t in tensors.items()
    }
    return {**shapes, **thing._modules, **plain, **hooks}


def _is_hooks(name: str, attributes: dict[str, Any]) -> bool:
    """Whether an attribute holds hooks; their keys count all hooks of the process."""
    return name.endswith(_HOOKS) and isinstance(attributes[name], dict)


@parts_of.register(dict)
@parts_of.register(types.MappingProxyType)
def _(thing: Any) -> dict[Any, Any]:
    return dict(thing)


@parts_of.register(list)
@parts_of.register(tuple)
def _(thing: Any) -> dict[Any, Any]:
    return dict(enumerate(thing))


@parts_of.register(set)
@parts_of.register(frozenset)
def _(thing: Any) -> dict[Any, Any]:
    return dict.fromkeys(thing)


@parts_of.register
def _(thing: types.FunctionType) -> dict[Any, Any]:
    cells = {f"closure{i}": _content(cell) for i, cell in enumerate(thing.__closure__ or ())}
    defaults = {"defaults": thing.__defaults__, "keywords": thing.__kwdefaults__}
    return {"code": thing.__code__, **defaults, **cells, **vars(thing)}


@parts_of.register
def _(thing: types.CodeType) -> dict[Any, Any]:
    """Return what is executed; the file name of generated code can contain a counter."""
    return {"code": thing.co_code, "constants": thing.co_consts, "names": thing.co_names}


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


@parts_of.register
def _(thing: types.MethodType) -> dict[Any, Any]:
    return {"self": thing.__self__, "function": thing.__func__}


@parts_of.register
def _(thing: partial) -> dict[Any, Any]:  # type: ignore[type-arg]
    return {"function": thing.func, "arguments": thing.args, "keywords": thing.keywords}


@parts_of.register
def _(thing: property) -> dict[Any, Any]:
    return {"get": thing.fget, "set": thing.fset}


@parts_of.register(classmethod)
@parts_of.register(staticmethod)
def _(thing: Any) -> dict[Any, Any]:
    return {"function": thing.__func__}


@parts_of.register
def _(thing: np.ndarray) -> dict[Any, Any]:
    numbers = thing.tolist() if thing.dtype.hasobject else thing.tobytes()
    return {"type": (str(thing.dtype), thing.shape), "numbers": numbers}


def _by_state(state: Callable[[Any], Any]) -> Callable[[Any], dict[Any, Any]]:
    return lambda thing: {"state": state(thing)}


parts_of.register(torch.Generator, _by_state(lambda generator: generator.get_state()))
parts_of.register(random.Random, _by_state(lambda generator: generator.getstate()))
parts_of.register(np.random.Generator, _by_state(lambda g: g.bit_generator.state))
parts_of.register(np.random.RandomState, _by_state(lambda g: g.get_state(legacy=False)))

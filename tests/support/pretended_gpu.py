"""A pretended GPU: tensors that say that they are on another device, and hold values on the CPU.

Networks are trained and scored there as they are on a GPU, without one. The device is called
"meta", because torch has autograd and vmap for that device everywhere. Operations are carried out
on the CPU. ``PretendedGPU`` lists those that CUDA would refuse:

- an operation on tensors of both devices; a number on the CPU, positions of an index and copies are
  allowed;
- a generator of the CPU that is to fill a tensor of the device.

Streams, kernels, memory and branches of torch's own code for CUDA are not pretended.
"""

from __future__ import annotations

import traceback
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

from symbench.contract import modules

DEVICE, CPU = torch.device("meta"), torch.device("cpu")
COPIES = {"aten::copy_", "aten::_to_copy", "aten::_foreach_copy_", "aten::lift_fresh"}
optimisers, memory_of = import_module("torch.optim.optimizer"), modules._memory
INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class There(Tensor):
    """A tensor of the pretended device; ``held`` are its values on the CPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held):
        made = Tensor._make_wrapper_subclass(
            cls, held.shape, held.stride(), held.storage_offset(), dtype=held.dtype, device=DEVICE
        )
        made.held = held
        return made

    def tolist(self):
        return self.cpu().tolist()

    def __repr__(self):
        return f"There({self.held!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return Operation(func, args, kwargs or {}).result()


class PretendedGPU(TorchDispatchMode):
    """Inside, there is a pretended GPU; ``refused`` lists what CUDA would refuse."""

    def __init__(self):
        super().__init__()
        self.refused, self._inside = set(), ExitStack()

    def __enter__(self):
        patch = self._inside.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(modules, "_memory", lambda tensor: memory_of(getattr(tensor, "held", tensor)))
        patch.setattr(optimisers, "_get_fused_kernels_supported_devices", lambda: ["cpu", "meta"])
        patch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
        self._inside.enter_context(Making())
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._inside.close()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        operation = Operation(func, args, kwargs or {})
        if why := operation.refusal():
            self.refused.add(f"{operation.name} {why}, in {place()}")
        return operation.result()


class Making(TorchFunctionMode):
    """Makes tensors of numbers on the CPU first, as for CUDA; meta tensors would have no values."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and is_there(kwargs.get("device")):
            return func(*args, **{**kwargs, "device": CPU}).to(DEVICE)
        if func is Tensor.new_tensor and is_there(kwargs.get("device", args[0].device)):
            return torch.tensor(args[1], dtype=kwargs.get("dtype", args[0].dtype)).to(DEVICE)
        return func(*args, **kwargs)


class Operation:
    """An operation, with its tensors of the device (by the ``id`` of what they hold) and others."""

    def __init__(self, func, args, kwargs):
        self.func, self.name, self.args, self.kwargs = func, func._schema.name, args, kwargs
        self.there, self.here, self.generators = {}, [], []
        self.inner = [self._inner(value) for value in args]
        self.inner_named = {name: self._inner(value) for name, value in kwargs.items()}
        asked = kwargs.get("device")
        self.on_device = bool(self.there) if asked is None else is_there(asked)

    def _inner(self, value):
        """The value with what tensors of the device hold; tensors and generators are noted."""
        if isinstance(value, There):
            self.there[id(value.held)] = value
            return value.held
        if isinstance(value, Tensor):
            self.here.append(value)
        elif isinstance(value, list | tuple):
            return type(value)([self._inner(part) for part in value])
        elif isinstance(value, torch.Generator):
            self.generators.append(value)
        return CPU if isinstance(value, torch.device) else value

    def result(self):
        """The result, on the device if it is asked for there or comes from tensors there."""
        if self.name.startswith("aten::_fused_") and isinstance(self.kwargs.get("lr"), Tensor):
            self.inner_named["lr"] = self.inner_named["lr"].double()  # for the kernels of the CPU
        result = self.func(*self.inner, **self.inner_named)
        if not self.on_device:
            return result
        if torch.Tag.inplace_view in self.func.tags:
            with no_dispatch():
                self.func(*self.args, **self.kwargs)
        return self._placed(result)

    def _placed(self, value):
        if isinstance(value, list | tuple):
            return type(value)([self._placed(part) for part in value])
        if not isinstance(value, Tensor) or any(value is tensor for tensor in self.here):
            return value
        return self.there.get(id(value)) if id(value) in self.there else There(value)

    def refusal(self):
        """Why CUDA refuses the operation; "" if it does not."""
        if self.on_device and any(generator.device == CPU for generator in self.generators):
            return "draws from a generator of the CPU"
        here = self.here if self.there and self.name not in COPIES else []
        if here and self.name in INDEXED:
            here = [tensor for tensor in here if all(tensor is not at for at in self.args[1])]
        numbers = torch.Tag.pointwise in self.func.tags or self.name in INDEXED
        mixed = [tuple(tensor.shape) for tensor in here if tensor.ndim or not numbers]
        return f"mixes devices, with {mixed} on the CPU" if mixed else ""


def is_there(device):
    return device is not None and torch.device(device) == DEVICE


def place():
    """The innermost line of symbench or of a plugin that is being executed."""
    own = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_stack()
        if "symbench" in frame.filename and "tests" not in Path(frame.filename).parts
    ]
    return own[-1] if own else "torch"

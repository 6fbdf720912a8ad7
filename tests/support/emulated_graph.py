"""CUDA graphs emulated on a CPU: recorded calls that are repeated on the recorded memory."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def tensors(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def memory(tensor):
    return tensor.untyped_storage().data_ptr()


class EmulatedGraph(TorchDispatchMode):
    """Records every operation with its arguments and results; ``replay`` repeats them in place.

    As on a GPU, a capture executes nothing: the tensors that it wrote to are restored, and its new
    tensors hold NaN (or zero) until the first replay. Python numbers, slices and branches remain as
    they were during the capture.
    """

    def __init__(self):
        super().__init__()
        self.calls, self.replays = [], 0
        self._before, self._inputs, self._made = {}, {}, {}

    def capture_begin(self):
        self.__enter__()

    def capture_end(self):
        self.__exit__(None, None, None)
        for storage, content in self._before.values():
            storage.copy_(content)
        with torch.no_grad():
            for made in self._made.values():
                made.fill_(torch.nan if made.is_floating_point() or made.is_complex() else 0)

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for func, args, kwargs, results in self.calls:
            again = tensors(func(*args, **kwargs))
            for new, recorded in zip(again, results, strict=True):
                if memory(new) != memory(recorded):
                    recorded.copy_(new)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = {memory(t): t for t in tensors((args, kwargs)) if memory(t) not in self._made}
        self._inputs.update(given)
        if func._schema.is_mutable:  # all arguments, not only those that the schema marks
            for address in given.keys() - self._before.keys():
                storage = given[address].untyped_storage()
                self._before[address] = storage, storage.clone()
        result = func(*args, **kwargs)
        new = {memory(t): t for t in tensors(result) if memory(t) not in self._inputs}
        self._made = new | self._made
        if not func.is_view:
            self.calls.append((func, args, kwargs, tensors(result)))
        return result

    def forget(self):
        """Release all tensors; return weak references to those that were not made inside."""
        inputs = [StorageWeakRef(tensor.untyped_storage()) for tensor in self._inputs.values()]
        for tensors_held in (self.calls, self._before, self._inputs, self._made):
            tensors_held.clear()
        return inputs

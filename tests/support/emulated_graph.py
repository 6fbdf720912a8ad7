"""A CUDA graph's semantics on a CPU: recorded calls, repeated on the memory of their recording."""

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
    """Records every operation with its very arguments and results; ``replay`` repeats them there.

    As on the device, a capture carries nothing out: what it wrote to is put back, and its new
    tensors hold NaN (or zero) until the first replay. A number that Python computed, a slice that
    it chose or a branch that it took stays as it was during the capture.
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
            for new, kept in zip(again, results, strict=True):
                if memory(new) != memory(kept):
                    kept.copy_(new)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = {memory(t): t for t in tensors((args, kwargs)) if memory(t) not in self._made}
        self._inputs.update(given)
        if func._schema.is_mutable:  # all that is given, rather than what the schema says it writes
            for place in given.keys() - self._before.keys():
                storage = given[place].untyped_storage()
                self._before[place] = storage, storage.clone()
        result = func(*args, **kwargs)
        new = {memory(t): t for t in tensors(result) if memory(t) not in self._inputs}
        self._made = new | self._made
        if not func.is_view:
            self.calls.append((func, args, kwargs, tensors(result)))
        return result

    def forget(self):
        """Let go of all tensors; return weak references to those that were not made inside."""
        kept = [StorageWeakRef(tensor.untyped_storage()) for tensor in self._inputs.values()]
        for held in (self.calls, self._before, self._inputs, self._made):
            held.clear()
        return kept

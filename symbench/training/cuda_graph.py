"""Updates as a CUDA graph: captured once, then replayed without work on the host.

A step of small networks consists of dozens of kernels, each of which takes less time than its
launch. A graph launches them together. The capture fixes its operations, so all values that change
between updates are in tensors that the graph reads; ``Update.prepare`` writes them. See "CUDA
graphs" in PyTorch's notes on CUDA semantics.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from symbench.training.setup import Capture, Graph
from symbench.training.update import Update

_log = logging.getLogger(__name__)
_EAGER = 3  # updates before the capture; they create caches, workspaces and optimiser state
_HOST = {  # of the decompositions, the kernel itself reads the status
    "aten::lift_fresh", "aten::_linalg_check_errors", "aten::linalg_matrix_exp",
    "aten::_linalg_eigh", "aten::_linalg_eigvals", "aten::linalg_eig", "aten::_linalg_svd",
    "aten::linalg_lstsq", "aten::linalg_pinv",
}  # fmt: skip
_COPIES = {"aten::copy_", "aten::_to_copy"}  # also a number that is copied waits for its device
_INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
_broken: list[Graph] = []  # never freed: the allocator may still refer to a failed capture's graph


class Replay:
    """Takes the updates of a stack of trials; call it with update = 0, 1, 2, …

    The first three are executed eagerly, on the stream of the capture; the others are replayed.
    Updates that draw random numbers or synchronise with the host are never captured. They are
    detected in the third update, because a failed capture corrupts torch's allocator. Neither are
    updates in which the network assigns attributes, because a replay executes no Python code;
    ``assigns`` says so.
    """

    def __init__(
        self,
        stack: Update,
        device: torch.device,
        make: Callable[[], Graph] | None = None,
        assigns: Callable[[], bool] = bool,
    ) -> None:
        cuda = device.type == "cuda"
        self._stack, self._device = stack, device
        self._graph: Graph | None = None
        self._make: Callable[[], Graph] | None = torch.cuda.CUDAGraph if cuda else None
        if make is not None:
            self._make = make
        self._side = _stream(device) if cuda else None
        self.capture = Capture(False, "device" if self._make is None else "short")
        if self._make is not None and _broken:  # the allocator counts it as still under way
            self._decline("an earlier capture of this process failed")
        elif self._make is not None and assigns():
            self._decline("state: a call assigns attributes")

    def __call__(self, update: int) -> None:
        """Take one step of every trial."""
        self._stack.prepare(update)
        if self._graph is None and self._make is not None:
            with self._capture_stream():
                if update < _EAGER:
                    self._warm_up(watched=update == _EAGER - 1)
                    return
                self._record(self._make)
        if self._graph is None:
            self._stack.step()
        else:
            self._graph.replay()

    @contextmanager
    def _capture_stream(self) -> Iterator[None]:
        """Switch to the stream of the capture, ordered with the work before and after."""
        if self._side is None:
            yield
            return
        self._side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._side):
            yield
        torch.cuda.current_stream(self._device).wait_stream(self._side)

    def _warm_up(self, *, watched: bool) -> None:
        with _Watch(self._device) if watched else nullcontext() as watch:
            self._stack.step()
        if watch is not None and watch.obstacle:
            self._decline(watch.obstacle)

    def _record(self, make: Callable[[], Graph]) -> None:
        """Capture the next update, without executing it."""
        graph = make()
        try:
            if self._side is not None:
                torch.cuda.synchronize(self._device)
                torch.cuda.empty_cache()  # the graph has a pool of its own
            graph.capture_begin()
            try:
                self._stack.step(capturable=True)
            finally:
                graph.capture_end()
        except Exception as error:  # executed eagerly instead, which raises a real error again
            _broken.append(graph)
            first = error.__context__ or error  # the cause, not the failed capture_end after it
            self._decline(f"{type(first).__name__}: {first}".partition("\n")[0][:200])
        else:
            self._graph, self.capture = graph, Capture(True, "replayed")

    def _decline(self, reason: str) -> None:
        _log.warning("updates are not captured as a CUDA graph: %s", reason)
        self._make, self.capture = None, Capture(False, reason)


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream of all captures: each stream has a workspace and a cache of its own."""
    return torch.cuda.Stream(device)


class _Watch(TorchDispatchMode):
    """Finds the first operation that a graph would freeze or that breaks its capture."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device, self.obstacle = device, ""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.obstacle:
            self.obstacle = self._obstacle_in(func, args, kwargs or {}, result)
        return result

    def _obstacle_in(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> str:
        name = func._schema.name
        if torch.Tag.nondeterministic_seeded in func.tags:
            return f"{name} draws random numbers"
        tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
        own, copies = self._device.type, name in _COPIES
        kinds = {t.device.type for t in tensors if t.device.type == own or t.ndim or copies}
        if own not in kinds:
            return ""
        if len(kinds) > 1:
            return f"{name} copies between devices"
        if name in _HOST or torch.Tag.data_dependent_output in func.tags:
            return f"{name} needs the host"
        if _has_dynamic_shape(func, args, kwargs):
            return f"{name} has a result whose size is known on the device only"
        return ""


def _has_dynamic_shape(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if func._schema.name in _INDEXED:  # by a mask; positions give a known size
        return any(t.dtype in (torch.bool, torch.uint8) for t in args[1] if t is not None)
    known = kwargs.get("output_size") is not None
    return torch.Tag.dynamic_output_shape in func.tags and not known

"""The update of a group as a CUDA graph: captured once, then replayed without the host's part.

A step of small networks is dozens of kernels that each take less time than their launch. A graph
launches them together; what it does is fixed with its capture, so that whatever changes from one
update to the next stands in tensors that the graph reads (``Update.prepare`` writes them). See
CUDA graphs in PyTorch's notes on CUDA semantics.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from symbench.training.update import Update

_log = logging.getLogger(__name__)
_EAGER = 3  # updates before the capture: caches, workspaces and optimiser state are there then
_HOST = {"aten::lift_fresh", "aten::_linalg_check_errors", "aten::linalg_matrix_exp"}
_broken: list[Graph] = []  # the allocator may go on asking a graph whose capture has failed


class Graph(Protocol):
    """What ``torch.cuda.CUDAGraph`` does."""

    def capture_begin(self) -> None:
        """Record, and do not carry out, what follows on the current stream."""

    def capture_end(self) -> None:
        """End the recording."""

    def replay(self) -> None:
        """Carry out what was recorded, on the same memory."""


@dataclass(frozen=True)
class Capture:
    """Whether the updates of a training were replayed from a graph, and if not, why.

    ``reason`` is ``replayed``, ``device`` (it has no graphs), ``short`` (no update was left to
    replay), or what in the update stands against it.
    """

    captured: bool
    reason: str


class Replay:
    """The updates of a group; to be called with update = 0, 1, 2, …

    The first three are taken step by step, on the stream of the capture; the others are replayed.
    What draws random numbers or lets the host look at the device goes on step by step: found in
    the third update, since a failed capture leaves torch's allocator in disorder.
    """

    def __init__(
        self, group: Update, device: torch.device, make: Callable[[], Graph] | None = None
    ) -> None:
        cuda = device.type == "cuda"
        self._group, self._device = group, device
        self._graph: Graph | None = None
        self._make: Callable[[], Graph] | None = torch.cuda.CUDAGraph if cuda else None
        if make is not None:
            self._make = make
        self._side = torch.cuda.Stream(device) if cuda else None
        self.capture = Capture(False, "device" if self._make is None else "short")

    def __call__(self, update: int) -> None:
        """Take one step of every trial."""
        self._group.prepare(update)
        if self._graph is None and self._make is not None:
            with self._aside():
                if update < _EAGER:
                    self._warm_up(watched=update == _EAGER - 1)
                    return
                self._record(self._make)
        if self._graph is None:
            self._group.step()
        else:
            self._graph.replay()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Work on a stream of its own, after all that came before and before all that follows."""
        if self._side is None:
            yield
            return
        self._side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._side):
            yield
        torch.cuda.current_stream(self._device).wait_stream(self._side)

    def _warm_up(self, *, watched: bool) -> None:
        with _Watch(self._device) if watched else nullcontext() as watch:
            self._group.step()
        if watch is not None and watch.found:
            self._decline(watch.found)

    def _record(self, make: Callable[[], Graph]) -> None:
        """Capture the update that comes next, which is not taken by that."""
        graph = make()
        try:
            if self._side is not None:
                torch.cuda.synchronize(self._device)
            graph.capture_begin()
            try:
                self._group.step(capturable=True)
            finally:
                graph.capture_end()
        except Exception as error:  # the update goes on step by step, and raises there if it must
            _broken.append(graph)
            first = error.__context__ or error  # what broke it, not that it then could not end
            self._decline(f"{type(first).__name__}: {first}".partition("\n")[0][:200])
        else:
            self._graph, self.capture = graph, Capture(True, "replayed")

    def _decline(self, reason: str) -> None:
        _log.warning("updates are not captured as a CUDA graph: %s", reason)
        self._make, self.capture = None, Capture(False, reason)


class _Watch(TorchDispatchMode):
    """Looks in an update for what a graph would freeze, or that breaks its capture."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device, self.found = device, ""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.found:
            self.found = self._obstacle(func, args, result)
        return result

    def _obstacle(self, func: Any, args: tuple[Any, ...], result: Any) -> str:
        name = func._schema.name
        if torch.Tag.nondeterministic_seeded in func.tags:
            return f"{name} draws random numbers"
        asks = torch.Tag.data_dependent_output in func.tags or name in _HOST
        there = [t for t in (*args, result) if isinstance(t, Tensor)]
        if asks and any(t.device.type == self._device.type for t in there):
            return f"{name} needs the host"
        return ""

"""Split a batch into parts that fit the CPU cache, or the memory of a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_GPU_BYTES = 2**24  # of inputs; layers of convolutions hold some hundred times more


def in_parts(x: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
    """Split x along ``axis`` into parts that are fast to evaluate on a CPU.

    A part has at most 2048 examples and 2¹⁷ input numbers (but at least 64 examples), so that the
    hidden layers of convolutions still fit the cache. On a GPU, which gains from large operations,
    it has at most 16 MiB of inputs (but at least one example).
    """
    if x.device.type == "cpu":
        at_once = min(2048, max(64, 2**17 // max(1, x.shape[axis + 1 :].numel())))
    else:
        at_once = max(1, _GPU_BYTES * x.shape[axis] // max(1, x.nbytes))
    parts: tuple[Tensor, ...] = x.split(at_once, axis)
    return parts

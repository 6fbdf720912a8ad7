"""Split a batch into parts that fit the CPU cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def in_parts(x: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
    """Split x along ``axis`` into parts that are fast to evaluate on a CPU.

    A part has at most 2048 examples and 2¹⁷ input numbers (but at least 64 examples), so that the
    hidden layers of convolutions still fit the cache. On other devices x is not split.
    """
    if x.device.type != "cpu":
        return (x,)
    at_once = min(2048, max(64, 2**17 // max(1, x.shape[axis + 1 :].numel())))
    parts: tuple[Tensor, ...] = x.split(at_once, axis)
    return parts

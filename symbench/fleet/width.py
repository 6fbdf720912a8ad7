"""Whether the products of a training are large enough to gain by the processor's full width."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_PRODUCTS = {
    torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm,
}  # fmt: skip
_LEAST = 2**13  # operations; smaller products never leave torch's own routine
_WORTH = 3 * 2**20  # operations a product, in the mean, that make up for the dearer call


class Products(TorchDispatchMode):
    """Counts the products in single precision inside, and their operations.

    What it counts follows from shapes alone, so that a machine always decides alike.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.number, self.operations = 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in _PRODUCTS and result.dtype == torch.float32:
            operations = 2 * result.numel() * args[-1].shape[-2]
            if operations > _LEAST:
                self.number += 1
                self.operations += operations
        return result

    @property
    def are_large(self) -> bool:
        """Whether full width pays: each product costs a million operations more to begin."""
        return self.operations > _WORTH * self.number

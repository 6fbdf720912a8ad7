"""Whether the products of a training are large enough to gain by the processor's full width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from symbench.processor import has_wide_products, wide_products

WATCHED = 2  # updates at the start of a training
_PRODUCTS = {
    torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm,
}  # fmt: skip
_LEAST = 2**13  # operations; smaller products never leave torch's own routine
_WORTH = 3 * 2**20  # operations a product, in the mean, that make up for the dearer call


class Products(TorchDispatchMode):
    """Counts the products in single precision inside, and their operations.

    What it counts follows from shapes alone, so that a machine always decides alike. Products with
    a vector count as calls without operations: they wait for the memory, and gain nothing.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[int] = []
        self.shapes: list[tuple[torch.Size, int]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in _PRODUCTS and result.dtype == torch.float32:
            inner = args[-1].shape[-2]
            operations = 2 * result.numel() * inner
            if operations > _LEAST:
                self.shapes.append((result.shape, inner))
                self.operations.append(operations if min(result.shape[-2:]) > 1 else 0)
        return result

    @property
    def are_large(self) -> bool:
        """Whether full width pays: each product costs a million operations more to begin."""
        return sum(self.operations) > _WORTH * len(self.operations)


class Width:
    """Watches the first two updates of a training, and decides for the others.

    ``full`` says that their products are large, and of the same shapes in every update: oneDNN
    prepares itself for each new shape.
    """

    def __init__(self, *, decides: bool) -> None:
        self.full = False
        self._seen: list[Products] = []
        self._left = WATCHED if decides and has_wide_products() else 0

    @contextmanager
    def update(self) -> Iterator[None]:
        """Compute an update inside."""
        if not self._left:
            with wide_products() if self.full else nullcontext():
                yield
            return
        with Products() as products:
            yield
        self._left -= 1
        self._seen.append(products)
        same = products.shapes == self._seen[0].shapes
        self.full = not self._left and same and products.are_large

"""The processor, and products in single precision at its full width.

torch hands products to MKL, which uses no AVX-512 on processors of another maker. oneDNN, which
torch carries as well, uses it there, and takes half the time where matrices are large. But torch
lets it have products in single precision only where their factors may be rounded to bfloat16.
oneDNN does not make use of that leave on a processor without units for it (AMX): so on AMD's it is
given, after a look that nothing is rounded.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


@cache
def processor() -> str:
    """Return the processor's name."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


# None in versions of torch that have one precision for all backends
_SETTING: Any = getattr(torch.backends.mkldnn, "matmul", None)


@contextmanager
def wide_products() -> Iterator[None]:
    """Let oneDNN compute products in single precision; only where ``has_wide_products``."""
    before, _SETTING.fp32_precision = _SETTING.fp32_precision, "bf16"
    try:
        yield
    finally:
        _SETTING.fp32_precision = before


def has_wide_products() -> bool:
    """Whether ``wide_products`` are not torch's own here, are as exact, and nobody has chosen."""
    return _widens() and _SETTING.fp32_precision in ("none", "ieee")


@cache
def _widens() -> bool:
    narrow = processor().startswith("AMD") and torch.backends.cpu.get_cpu_capability() == "AVX512"
    if _SETTING is None or not (narrow and torch.backends.mkldnn.is_available()):
        return False
    with wide_products():
        return keeps_every_bit(torch.matmul)


def keeps_every_bit(product: Callable[[Tensor, Tensor], Tensor]) -> bool:
    """Whether numbers of 24 bits come out of a product with the identity, on either side, whole."""
    x, one = torch.linspace(1, 2, 2**13).view(2, 64, 64), torch.eye(64).expand(2, 64, 64)
    single = product(x[0], one[0]), product(one[0], x[0])
    batched = product(x, one), product(one, x)
    return all(y.equal(x[0]) for y in single) and all(y.equal(x) for y in batched)

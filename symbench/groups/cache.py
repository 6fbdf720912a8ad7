"""Cache solved bases on disk, one safetensors file each, named by what it depends on."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import torch as safetensors
from torch import Tensor

from symbench import disk_cache


def path_of(*parts: str) -> Path:
    """Return the path of the basis that depends only on ``parts``."""
    return disk_cache.path_of("bases", parts, ".safetensors")


def load(path: Path, width: int) -> Tensor | None:
    """Return the stored basis [r, width], or None if it is missing or cannot be read."""

    def parse(content: bytes) -> Tensor | None:
        basis = safetensors.load(content)["basis"]
        sound = basis.dtype == torch.float64 and basis.ndim == 2 and basis.shape[1] == width
        return basis if sound and bool(basis.isfinite().all()) else None

    return disk_cache.load(path, parse)


def save(path: Path, basis: Tensor) -> None:
    """Store a basis atomically; errors of writing are ignored."""
    disk_cache.save(path, safetensors.save({"basis": basis.contiguous()}))

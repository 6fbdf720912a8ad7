"""Solved bases on disk: one safetensors file each, named by what it depends on."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import torch
from platformdirs import user_cache_dir
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

log = logging.getLogger(__name__)


def directory() -> Path:
    """Return the folder of stored bases: ``$SYMBENCH_CACHE/bases``, or the user's cache folder."""
    return Path(os.environ.get("SYMBENCH_CACHE") or user_cache_dir("symbench")) / "bases"


def key(*parts: str) -> str:
    """Return the SHA-256 of the parts, in hex."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fetch(name: str, width: int) -> Tensor | None:
    """Return the stored basis [r, width], or None if there is none that can be read."""
    path = directory() / f"{name}.safetensors"
    try:
        basis = load(path.read_bytes())["basis"]
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        log.debug("stored basis %s cannot be read and is solved again: %s", path, error)
        return None
    sound = basis.dtype == torch.float64 and basis.ndim == 2 and basis.shape[1] == width
    return basis if sound and bool(basis.isfinite().all()) else None


def keep(name: str, basis: Tensor) -> None:
    """Store a basis, whole or not at all; a folder that cannot be written is left alone."""
    path = directory() / f"{name}.safetensors"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, save({"basis": basis.contiguous()}))
    except OSError as error:
        log.debug("basis is not stored in %s: %s", path, error)


def _replace(path: Path, content: bytes) -> None:
    """Write beside ``path`` and rename, so that no reader ever sees half a file."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise

"""Task data for (task, size, seed, split), drawn once per process; dear draws are kept on disk."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import torch
from platformdirs import user_cache_dir
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from symbench.contract import Data, Split, Task
from symbench.errors import InputError
from symbench.sources import source_sha256

TEST_SEED = 0  # one test set for every trial: seed error and test-set error stay apart

_log = logging.getLogger(__name__)
_VERSION = "1"  # of what a draw is kept under
_DEAR = 0.05  # processor seconds from which on a draw is kept
_LARGEST = 2**26  # bytes of a draw that is kept


@lru_cache(maxsize=64)
def _draw(task: Task, fingerprint: str, n: int, seed: int, split: Split) -> Data:
    path = _path(task, fingerprint, n, seed, split)
    data = _kept(path)
    if data is None:
        started = time.process_time()
        data = task.sample(n, seed, split)
        if time.process_time() - started >= _DEAR:
            _keep(path, data)
    for name, tensor, shape in (("x", data.x, task.input_shape), ("y", data.y, task.output_shape)):
        if tensor.is_floating_point() and tuple(tensor.shape[1:]) != shape:
            raise InputError(
                f"task {task.name} drew {name} of shape {tuple(tensor.shape[1:])} per example, "
                f"but declares {shape}"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise InputError(f"task {task.name} drew {name} with NaN or infinite entries")
    return data


def _path(task: Task, fingerprint: str, n: int, seed: int, split: Split) -> Path:
    """Return where a draw is kept: under all that it depends on, the task's source included."""
    what = [
        _VERSION, torch.__version__, torch.backends.cpu.get_cpu_capability(),
        task.name, task.version, fingerprint, source_sha256(task), n, seed, split,
    ]  # fmt: skip
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    folder = Path(os.environ.get("SYMBENCH_CACHE") or user_cache_dir("symbench"))
    return folder / "draws" / f"{digest[:32]}.safetensors"


def _kept(path: Path) -> Data | None:
    """Return the draw kept at ``path``, or None if there is none that can be read."""
    try:
        found = load(path.read_bytes())
        return Data(found["x"], found["y"])
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        _log.debug("draw %s cannot be read and is taken again: %s", path, error)
        return None


def _keep(path: Path, data: Data) -> None:
    """Keep a draw, whole or not at all; a cache that cannot be written is left alone."""
    if data.x.nbytes + data.y.nbytes > _LARGEST:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as place:
            whole = Path(place) / path.name
            whole.write_bytes(save({"x": data.x.contiguous(), "y": data.y.clone().contiguous()}))
            whole.replace(path)
    except (OSError, SafetensorError, ValueError) as error:
        _log.debug("draw is not kept in %s: %s", path, error)


def draw(task: Task, n: int, seed: int, split: Split) -> Data:
    """Return the data; equal arguments give the same tensors, cached by the task's fingerprint."""
    return _draw(task, task.fingerprint(), n, seed, split)


def test_data(task: Task) -> Data:
    """Return the test split, the same for every model and every trial."""
    return draw(task, task.test_size, TEST_SEED, "test")


def in_parts(x: Tensor, axis: int = 0) -> tuple[Tensor, ...]:
    """Split examples, along ``axis`` of x, into parts that are quick to evaluate on a CPU.

    At most 2048 examples and 2¹⁷ input numbers (but 64 examples at least): hidden layers of
    convolutions then still fit the cache. Elsewhere the examples stay together.
    """
    if x.device.type != "cpu":
        return (x,)
    at_once = min(2048, max(64, 2**17 // max(1, x.shape[axis + 1 :].numel())))
    return torch.split(x, at_once, axis)

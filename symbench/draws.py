"""Task data for (task, size, seed, split), drawn once per process; dear draws are kept on disk."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from symbench import disk_cache
from symbench.contract import Data, Split, Task
from symbench.errors import InputError
from symbench.registry.source_hash import source_sha256

TEST_SEED = 0  # one test set for every trial: seed error and test-set error stay apart

_VERSION = "1"  # of what a draw is kept under
_DEAR = 0.05  # processor seconds from which on a draw is kept
_LARGEST = 2**26  # bytes of a draw that is kept


@lru_cache(maxsize=64)
def _draw(task: Task, fingerprint: str, n: int, seed: int, split: Split) -> Data:
    path = _path(task, fingerprint, n, seed, split)
    data = disk_cache.load(path, _parsed)
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
    return disk_cache.path_of("draws", what, ".safetensors")


def _parsed(content: bytes) -> Data:
    found = load(content)
    return Data(found["x"], found["y"])


def _keep(path: Path, data: Data) -> None:
    if data.x.nbytes + data.y.nbytes <= _LARGEST:
        disk_cache.save(path, save({"x": data.x.contiguous(), "y": data.y.clone().contiguous()}))


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

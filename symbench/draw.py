"""Task data for (task, size, seed, split), drawn once per process."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from symbench.contract import Data, Split, Task
from symbench.errors import InputError

TEST_SEED = 0  # one test set for every trial: seed error and test-set error stay apart


@lru_cache(maxsize=64)
def _draw(task: Task, fingerprint: str, n: int, seed: int, split: Split) -> Data:  # noqa: ARG001
    data = task.sample(n, seed, split)
    for name, tensor, shape in (("x", data.x, task.input_shape), ("y", data.y, task.output_shape)):
        if tensor.is_floating_point() and tuple(tensor.shape[1:]) != shape:
            raise InputError(
                f"task {task.name} drew {name} of shape {tuple(tensor.shape[1:])} per example, "
                f"but declares {shape}"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise InputError(f"task {task.name} drew {name} with NaN or infinite entries")
    return data


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

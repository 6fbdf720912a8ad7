"""The trained function as the metrics evaluate it: in float64 where the module allows it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from symbench.contract import Trained
from symbench.draw import in_parts
from symbench.errors import ShapeError

Function = Callable[[Tensor], Tensor]
T = TypeVar("T")

_FEW, _DIRECTIONS = 8, 2**14  # examples and numbers whose derivatives are taken at once
_ROUNDING = 100.0  # a spread of so many rounding errors is none


def once(owner: object, name: str, compute: Callable[[], T]) -> T:
    """Return ``compute()``, kept with ``owner`` for as long as it lives (a cached property)."""
    memory = vars(owner)
    key = f"_metrics_{name}"
    if key not in memory:
        memory[key] = compute()
    return memory[key]  # type: ignore[no-any-return]


def spaced(x: Tensor, count: int) -> Tensor:
    """Return ``count`` examples of x [n, ...] (all, if there are no more), evenly spaced."""
    count = min(count, len(x))
    return x[torch.linspace(0, len(x) - 1, count).round().long()]


@dataclass(frozen=True)
class Network:
    """A frozen copy of the module on the CPU, of one floating-point type."""

    module: nn.Module
    dtype: torch.dtype

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs [n, *output_shape] for x [n, *input_shape], in chunks."""
        return torch.cat([self.module(part) for part in in_parts(x.to(self.dtype))])


def double_network(trained: Trained) -> Network:
    """Return the float64 network, or the float32 one of a module that has no float64 version."""

    def build() -> Network:
        try:
            network = Network(trained.double.requires_grad_(False), torch.float64)
            network(trained.test.x[:2].cpu())
        except (RuntimeError, TypeError, NotImplementedError):  # layers that fix their own type
            return single_network(trained)
        return network

    return once(trained, "double", build)


def single_network(trained: Trained) -> Network:
    """Return the float32 network."""
    module = deepcopy(trained.module).cpu().float().eval()
    return Network(module.requires_grad_(False), torch.float32)


def directional_derivative(f: Function, x: Tensor, v: Tensor) -> Tensor:
    """Return Df(x)[v], example by example: x, v [n, ...] -> [n, *output_shape].

    Forward-mode differentiation; a layer that lacks it is differentiated in reverse mode twice.
    Few large examples at a time, since many directions v may be on their way together.
    """
    at_once = max(_FEW, _DIRECTIONS // max(1, x.shape[1:].numel()))
    parts = zip(torch.split(x, at_once), torch.split(v, at_once), strict=True)
    return torch.cat([_derivative(f, some, along) for some, along in parts])


def _derivative(f: Function, x: Tensor, v: Tensor) -> Tensor:
    try:
        return torch.func.jvp(f, (x,), (v,))[1]  # type: ignore[no-any-return]
    except RuntimeError:
        return torch.autograd.functional.jvp(f, x, v)[1]  # type: ignore[no-any-return]


def variance(values: Tensor) -> float:
    """Return the total variance E||v - E v||² over the first axis of values [n, ...]."""
    flat = values.flatten(1).double()
    return float((flat - flat.mean(0)).square().sum(1).mean())


def varies(values: Tensor) -> bool:
    """Whether values [n, ...] differ by more than the rounding of their own type."""
    size = float(values.double().square().flatten(1).sum(1).mean())
    return variance(values) > rounding(values.dtype) ** 2 * size


def rounding(dtype: torch.dtype) -> float:
    """Return the relative size below which a difference between two values is rounding."""
    return _ROUNDING * torch.finfo(dtype).eps


def in_blocks(values: Tensor, size: int) -> Tensor:
    """Return values [n, ...] as vectors [n, blocks, size] that a representation acts on.

    One block for a vector or an image, one a time for a trajectory.

    Raises:
        ShapeError: the size of the representation does not divide that of an example.
    """
    if values[0].numel() % size:
        raise ShapeError(
            f"a representation of size {size} cannot act on examples of shape "
            f"{tuple(values.shape[1:])}: let the task's symmetry match its shapes"
        )
    return values.reshape(len(values), -1, size)

"""The trained function as the metrics evaluate it: in float64 where the module allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from symbench.contract import Trained
from symbench.contract.batches import in_parts
from symbench.errors import ShapeError

Function = Callable[[Tensor], Tensor]
T = TypeVar("T")
Evaluation = Callable[..., Tensor]
"""(module, *inputs) -> values of one trial; inputs and values are batched over examples."""

_FEW, _DIRECTIONS = 8, 2**14  # examples and numbers whose derivatives are taken at once
_SMALL = 2**15  # input numbers a network, above which arithmetic and not overhead takes the time
_ROUNDING = 100.0  # a spread of so many rounding errors is none


def once(trained: Trained, name: str, compute: Callable[[], T]) -> T:
    """Return ``compute()``, computed once for a trial and then read from its ``memo``."""
    return once_each([trained], name, lambda _: [compute()])[0]


def once_each(
    trials: Sequence[Trained], name: str, compute: Callable[[Sequence[Trained]], Sequence[T]]
) -> list[T]:
    """Return one value for each trial; ``compute`` is asked once for the missing ones together."""
    missing = [trained for trained in trials if name not in trained.memo]
    for trained, value in zip(missing, compute(missing) if missing else (), strict=True):
        trained.memo[name] = value
    return [trained.memo[name] for trained in trials]


def once_per_cell(trained: Trained, name: str, compute: Callable[[], T]) -> T:
    """Return ``compute()``, computed once for all trials of a cell."""
    if name not in trained.cell_memo:
        trained.cell_memo[name] = compute()
    value: T = trained.cell_memo[name]
    return value


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


class Networks:
    """Frozen copies of the modules of several trials, of one floating-point type.

    Trials of one architecture are evaluated together, by ``vmap`` over their stacked parameters,
    because overhead dominates the cost of a small network. Where ``vmap`` fails they are evaluated
    one by one; the values are the same to rounding.
    """

    def __init__(self, singles: Sequence[Network]) -> None:
        self.singles, self.dtype = tuple(singles), singles[0].dtype
        kinds = {(type(single.module), single.dtype) for single in singles}
        self._together = len(singles) > 1 and len(kinds) == 1

    @classmethod
    def of(cls, trials: Sequence[Trained], *, double: bool = True) -> Networks:
        """Return the networks of trials of one cell; the first answers whether float64 works."""
        if not double:
            return cls([single_network(trained) for trained in trials])
        dtype = double_network(trials[0]).dtype
        return cls([_double(trained, dtype) for trained in trials])

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Return outputs [T, n, *output_shape] for x [T, n, *input_shape], in chunks."""
        parts = in_parts(x.to(self.dtype), axis=1)
        sizes = [part[0].numel() for part in parts]
        outputs = [
            self.each(lambda module, some: module(some), part, numbers=size)
            for part, size in zip(parts, sizes, strict=True)
        ]
        return torch.cat(outputs, 1)

    def each(self, evaluate: Evaluation, *inputs: Tensor, numbers: int = 0) -> Tensor:
        """Return evaluate(module, *inputs) of every trial, [T, ...].

        Args:
            evaluate: may call the module and its methods, and differentiate.
            inputs: one slice a trial, [T, ...].
            numbers: how many input numbers a network is called with at once; above 2¹⁵ the
                networks are evaluated one by one, because stacked they exceed the CPU cache.
        """
        if self._together and numbers <= _SMALL:
            with suppress(RuntimeError):  # what vmap raises for what it cannot do
                return self._stacked(evaluate, *inputs)
            self._together = False  # nor will it do the next evaluation
        slices = zip(self.singles, *inputs, strict=True)
        return torch.stack([evaluate(single.module, *some) for single, *some in slices])

    def _stacked(self, evaluate: Evaluation, *inputs: Tensor) -> Tensor:
        applied = [_Applied(single.module, evaluate) for single in self.singles]
        parameters, buffers = stack_module_state(applied)
        frozen = {name: tensor.detach() for name, tensor in parameters.items()}

        def one(own: dict[str, Tensor], fixed: dict[str, Tensor], *some: Tensor) -> Tensor:
            return functional_call(applied[0], (own, fixed), some)  # type: ignore[no-any-return]

        return vmap(one, randomness="error")(frozen, buffers, *inputs)


class _Applied(nn.Module):
    """An evaluation of a module as a module, for ``functional_call``."""

    def __init__(self, module: nn.Module, evaluate: Evaluation) -> None:
        super().__init__()
        self.module, self.evaluate = module, evaluate

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.evaluate(self.module, *inputs)


def double_network(trained: Trained) -> Network:
    """Return the float64 network, or the float32 one of a module that has no float64 version."""

    def build() -> Network:
        try:
            network = Network(trained.double.requires_grad_(False), torch.float64)
            network(trained.test.x[:2].cpu())
        except (RuntimeError, TypeError):  # layers that fix their own type
            return single_network(trained)
        return network

    return once(trained, "double", build)


def _double(trained: Trained, dtype: torch.dtype) -> Network:
    """Return ``double_network``, of which another trial of the cell has shown the ``dtype``."""
    if dtype == torch.float32:
        return double_network(trained)

    def build() -> Network:
        return Network(trained.double.requires_grad_(False), dtype)

    return once(trained, "double", build)


def single_network(trained: Trained) -> Network:
    """Return the float32 network."""

    def build() -> Network:
        module = deepcopy(trained.module).cpu().float().eval()
        return Network(module.requires_grad_(False), torch.float32)

    return once(trained, "single", build)


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

"""Trained functions as the metrics evaluate them, in float64 if the module allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from symbench.contract import Trained
from symbench.contract.batches import in_parts
from symbench.contract.modules import copied, difference
from symbench.errors import ShapeError
from symbench.groups import Representation, rounding_of

Function = Callable[[Tensor], Tensor]
T = TypeVar("T")
Evaluation = Callable[..., Tensor]
"""(module, *inputs) -> values of one trial; inputs and values are batched over examples."""

_FEW, _DIRECTIONS = 8, 2**14  # examples, or input numbers, differentiated at once
_SMALL = 2**15  # input numbers per network, above which arithmetic dominates overhead
_COMPARED = 1024  # test inputs on which two functions are compared
_DISTINCT, _CHAOTIC = 1e-2, 10.0  # their distance, in units of deviation and of rounded inputs
_ROUNDING = 100.0  # multiples of the rounding error that still count as rounding


def once(trained: Trained, name: str, compute: Callable[[], T]) -> T:
    """Return ``compute()``, computed once per trial and then read from its ``memo``."""
    return once_each([trained], name, lambda _: [compute()])[0]


def once_each(
    trials: Sequence[Trained], name: str, compute: Callable[[Sequence[Trained]], Sequence[T]]
) -> list[T]:
    """Return one value per trial; ``compute`` is called once for all missing values."""
    missing = [trained for trained in trials if name not in trained.memo]
    for trained, value in zip(missing, compute(missing) if missing else (), strict=True):
        trained.memo[name] = value
    return [trained.memo[name] for trained in trials]


def once_per_cell(trained: Trained, name: str, compute: Callable[[], T]) -> T:
    """Return ``compute()``, computed once per cell."""
    if name not in trained.cell_memo:
        trained.cell_memo[name] = compute()
    value: T = trained.cell_memo[name]
    return value


def spaced(x: Tensor, count: int) -> Tensor:
    """Return ``count`` evenly spaced examples of x [n, ...], or all if there are fewer."""
    count = min(count, len(x))
    return x[torch.linspace(0, len(x) - 1, count).round().long()]


@dataclass(frozen=True)
class Network:
    """A frozen copy of a module on the CPU, in one floating-point type."""

    module: nn.Module
    dtype: torch.dtype
    _same: dict[nn.Module, bool] = field(default_factory=dict, repr=False, compare=False)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Return the outputs [n, *output_shape] for x [n, *input_shape], in chunks."""
        return torch.cat([self.module(part) for part in in_parts(x.to(self.dtype))])

    @classmethod
    def of(cls, module: nn.Module, dtype: torch.dtype) -> Network:
        """Return the network of a copied module; it gets copies of its inputs."""
        if isinstance(module, torch.jit.ScriptModule):  # has no hooks
            module = nn.Sequential(module)
        for parameter in module.parameters():
            if parameter.is_leaf:  # those of a copied script are not
                parameter.requires_grad_(False)
        module.register_forward_pre_hook(_on_copies)
        module.register_forward_hook(_Cast(dtype))
        return cls(module, dtype)

    def stacks_with(self, other: Network) -> bool:
        """Whether the modules differ in their parameters and buffers only."""
        if other.module not in self._same:
            alike = self.dtype == other.dtype and type(self.module) is type(other.module)
            self._same[other.module] = alike and not difference(self.module, other.module)
        return self._same[other.module]


def _on_copies(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.clone() if isinstance(x, Tensor) else x for x in inputs)


@dataclass(frozen=True)
class _Cast:
    """Returns outputs in the type of the network, whatever type a module computes in."""

    dtype: torch.dtype

    def __call__(self, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return output.to(self.dtype)


class Networks:
    """Frozen copies of the modules of several trials, in one floating-point type.

    Trials of one architecture are evaluated together, by ``vmap`` over their stacked parameters,
    because overhead dominates the cost of a small network. If ``vmap`` fails, or if the modules
    differ in more than parameters and buffers, they are evaluated one by one. The values are the
    same to rounding.
    """

    def __init__(self, singles: Sequence[Network]) -> None:
        self.singles, self.dtype = tuple(singles), singles[0].dtype
        self._together = len(singles) > 1 and all(map(singles[0].stacks_with, singles[1:]))

    @classmethod
    def of(cls, trials: Sequence[Trained], *, double: bool = True) -> Networks:
        """Return the networks of the trials of one cell, in float64 if that works for the first."""
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
            self.each(lambda module, inputs: module(inputs), part, numbers=size)
            for part, size in zip(parts, sizes, strict=True)
        ]
        return torch.cat(outputs, 1)

    def each(self, evaluate: Evaluation, *inputs: Tensor, numbers: int = 0) -> Tensor:
        """Return evaluate(module, *inputs) of each trial, [T, ...].

        Args:
            evaluate: may call the module and its methods, and differentiate.
            inputs: one slice per trial, [T, ...].
            numbers: the input numbers per call of a network; above 2¹⁵ the networks are evaluated
                one by one, because stacked they exceed the CPU cache.
        """
        if self._together and numbers <= _SMALL:
            with suppress(RuntimeError):  # raised by vmap for what it cannot vectorise
                return self._stacked(evaluate, *inputs)
            self._together = False  # the next evaluation would fail too
        slices = zip(self.singles, *inputs, strict=True)
        return torch.stack([evaluate(single.module, *tensors) for single, *tensors in slices])

    def _stacked(self, evaluate: Evaluation, *inputs: Tensor) -> Tensor:
        applied = [_Applied(single.module, evaluate) for single in self.singles]
        parameters, buffers = stack_module_state(applied)
        frozen = {name: tensor.detach() for name, tensor in parameters.items()}

        def call(weights: dict[str, Tensor], fixed: dict[str, Tensor], *tensors: Tensor) -> Tensor:
            return functional_call(applied[0], (weights, fixed), tensors)  # type: ignore[no-any-return]

        return vmap(call, randomness="error")(frozen, buffers, *inputs)


class _Applied(nn.Module):
    """An evaluation of a module as a module, for ``functional_call``."""

    def __init__(self, module: nn.Module, evaluate: Evaluation) -> None:
        super().__init__()
        self.module, self.evaluate = module, evaluate

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.evaluate(self.module, *inputs)


def double_network(trained: Trained) -> Network:
    """Return the float64 network, or the float32 one if the module has no float64 version."""

    def build() -> Network:
        try:
            network = Network.of(trained.double, torch.float64)
            network(trained.test.x[:2].cpu())
        except (RuntimeError, TypeError):  # layers with a fixed type
            return single_network(trained)
        return network

    return once(trained, "double", build)


def _double(trained: Trained, dtype: torch.dtype) -> Network:
    """Return ``double_network``; another trial of the cell has determined the ``dtype``."""
    if dtype == torch.float32:
        return double_network(trained)

    def build() -> Network:
        return Network.of(trained.double, dtype)

    return once(trained, "double", build)


def double_values(trials: Sequence[Trained], count: int) -> list[Tensor]:
    """Return the outputs [count, *output_shape] of each trial at evenly spaced test inputs.

    They are in float64 where the module allows it, and are computed once.
    """

    def compute(missing: Sequence[Trained]) -> Sequence[Tensor]:
        x = spaced(missing[0].test.x.cpu(), count)
        return list(Networks.of(missing)(x.expand(len(missing), *x.shape)))

    return once_each(trials, f"double values at {count}", compute)


def one_function(trained: Trained) -> str | None:
    """Return why the float64 network is not the function whose error is scored; None if it is."""
    return one_functions([trained])[0]


def one_functions(trials: Sequence[Trained]) -> list[str | None]:
    """Return ``one_function`` of several trials of a cell, computed once together.

    Symmetry scores are those of the float64 network, on the CPU; the error is that of
    ``Trained.prediction``. Their root mean square distance d over 1,024 test inputs has to be
    rounding: below 1.2e-5 of the function's size, or below ten times the change of the float64
    function when its inputs are rounded to float32, which is large for a chaotic function. In any
    case it has to be below a hundredth of the function's deviation: since the equivariance error is
    a seminorm, it differs by at most sqrt(2) d between them.
    """

    def compute(missing: Sequence[Trained]) -> Sequence[str | None]:
        values = double_values(missing, min(_COMPARED, len(missing[0].test)))
        return [_distinct(*pair) for pair in zip(missing, values, strict=True)]

    return once_each(trials, "one function", compute)


def _distinct(trained: Trained, values: Tensor) -> str | None:
    prediction = spaced(trained.prediction.cpu(), len(values))
    if not (varies(values) or varies(prediction)):
        return None
    deviation = variance(values) ** 0.5
    distance = _root_mean_square(values.double() - prediction.double())
    allowed = rounding(torch.float32) * _root_mean_square(values)
    if allowed < distance < _DISTINCT * deviation:  # perhaps a chaotic function
        x = spaced(trained.test.x.cpu(), len(values)).double()
        noise = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)).double() - 0.5
        rounded = double_network(trained)(x * (1 + torch.finfo(torch.float32).eps * noise))
        allowed = max(allowed, _CHAOTIC * _root_mean_square(rounded - values))
    if distance <= min(allowed, _DISTINCT * deviation):
        return None
    return (
        f"the network computes another function in float64 than the one whose error is scored: "
        f"they differ by {distance:.2g} on test inputs, where the function has a deviation of "
        f"{deviation:.2g}; compute the same in both types"
    )


def _root_mean_square(values: Tensor) -> float:
    """Return sqrt(E||v||²) over the first axis of values [n, ...]."""
    return float(values.detach().double().square().flatten(1).sum(1).mean().sqrt())


def single_network(trained: Trained) -> Network:
    """Return the float32 network; its parameters are left as they are if float32 does not work."""

    def build() -> Network:
        network = Network.of(copied(trained.module).cpu().float().eval(), torch.float32)
        try:
            network(trained.test.x[:2].cpu())
        except (RuntimeError, TypeError):  # a module that computes in float64
            return Network.of(copied(trained.module).cpu().eval(), torch.float32)
        return network

    return once(trained, "single", build)


def directional_derivative(f: Function, x: Tensor, v: Tensor) -> Tensor:
    """Return Df(x)[v] of each example: x, v [n, ...] -> [n, *output_shape].

    It differentiates in forward mode, or in reverse mode twice if a layer lacks forward mode. Large
    examples are differentiated a few at a time, because many directions may be evaluated together.
    """
    at_once = examples_at_once(x)
    parts = zip(torch.split(x, at_once), torch.split(v, at_once), strict=True)
    return torch.cat([_derivative(f, part, along) for part, along in parts])


def examples_at_once(x: Tensor) -> int:
    """Return how many of the examples x [n, ...] are differentiated at once, to limit memory."""
    return max(_FEW, _DIRECTIONS // max(1, x.shape[1:].numel()))


def _derivative(f: Function, x: Tensor, v: Tensor) -> Tensor:
    try:
        return torch.func.jvp(f, (x,), (v,))[1]  # type: ignore[no-any-return]
    except RuntimeError:
        return torch.autograd.functional.jvp(f, x, v)[1]  # type: ignore[no-any-return]


def variance(values: Tensor) -> float:
    """Return the total variance E||v - E v||² over the first axis of values [n, ...].

    It is zero if it is only the rounding of values of this size.
    """
    flat = values.detach().flatten(1).double()
    found = (flat - flat.mean(0)).square().sum(1).mean()
    dtype = values.dtype if values.is_floating_point() else torch.float64
    floor = rounding_of(flat.abs().amax(0), dtype).square().sum()
    return float(found) if bool(found > floor) else 0.0


def varies(values: Tensor) -> bool:
    """Whether values [n, ...] differ by more than the rounding of their type."""
    size = float(values.detach().double().square().flatten(1).sum(1).mean())
    return variance(values) > rounding(values.dtype) ** 2 * size


def rounding(dtype: torch.dtype) -> float:
    """Return the relative size below which a difference between two values is rounding."""
    return _ROUNDING * torch.finfo(dtype).eps


def acted(rep: Representation, g: Tensor, x: Tensor) -> Tensor:
    """Return rho(g) x of e elements g [e, d, d] on k examples each, x [e, k, *shape]."""
    blocks = in_blocks(x.flatten(0, 1), rep.size).unflatten(0, x.shape[:2])
    return rep.act(g[:, None, None], blocks).reshape(x.shape)


def in_blocks(values: Tensor, size: int) -> Tensor:
    """Return values [n, ...] as vectors [n, blocks, size] that a representation acts on.

    There is one block for a vector or an image, and one per time for a trajectory.

    Raises:
        ShapeError: the size of the representation does not divide that of an example.
    """
    if values[0].numel() % size:
        raise ShapeError(
            f"a representation of size {size} cannot act on examples of shape "
            f"{tuple(values.shape[1:])}: make the task's symmetry match its shapes"
        )
    return values.reshape(len(values), -1, size)

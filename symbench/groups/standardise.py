"""Standardisation and units by training statistics; both keep equivariance exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from symbench.groups.basis import invariant_basis
from symbench.groups.representation import Representation
from symbench.groups.units import Unit, positive_scale, root_mean_square


class Standardised(nn.Module):
    """A network in standardised coordinates: f(x) = c_out + s_out net((x - c_in) / s_in).

    For a representation, the centre c is the invariant part of the mean and the scale s is one
    root mean square per summand, so that both commute with the group. For an integer size (no
    known symmetry) they are the mean and the standard deviation of each coordinate. The scale of
    what does not vary is its magnitude. Before ``calibrate``, c = 0 and s = 1. Class labels are not
    standardised.

    The same data in other units give the same standardised data.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Representation | int,
        outputs: Representation | int,
        output_shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self._inputs, self._outputs = inputs, outputs
        self._output_shape = output_shape
        for name, space in (("input", inputs), ("output", outputs)):
            self.register_buffer(f"{name}_centre", torch.zeros(_size(space)))
            self.register_buffer(f"{name}_scale", torch.ones(_size(space)))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Compute the statistics of x [n, ...] and y [n, ...] (only of the training split)."""
        self.input_centre, self.input_scale = _statistics(x, self._inputs)
        if y.is_floating_point():
            self.output_centre, self.output_scale = _statistics(y, self._outputs)
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            calibrate(self._standard_input(x), y)

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x): [n, ...] -> [n, ...]."""
        y: Tensor = self.net(self._standard_input(x))
        y = y.flatten(1) * self.output_scale + self.output_centre
        return y.unflatten(1, self._output_shape) if self._output_shape else y

    def _standard_input(self, x: Tensor) -> Tensor:
        return ((x.flatten(1) - self.input_centre) / self.input_scale).view(x.shape)


class Rescaled(nn.Module):
    """A network in units of its data, without a shift: f(x) = u_out net(x / u_in).

    It is for networks that read raw numbers of order one, and for data whose zero means something,
    such as black pixels. The same data in other units give the network the same numbers.

    A unit is computed from training values by a function such as ``root_mean_square`` or
    ``value_range``. For a representation it is one root mean square per summand, and so commutes
    with the group. It is 1 for None, for class labels, and before ``calibrate``.
    """

    def __init__(
        self,
        net: nn.Module,
        inputs: Unit | Representation | None = root_mean_square,
        outputs: Unit | Representation | None = root_mean_square,
    ) -> None:
        super().__init__()
        self.net = net
        self._inputs, self._outputs = inputs, outputs
        for name, unit in (("input_unit", inputs), ("output_unit", outputs)):
            shape = (unit.size,) if isinstance(unit, Representation) else ()
            self.register_buffer(name, torch.ones(shape))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Compute the units of x [n, ...] and y [n, ...] (only of the training split)."""
        if self._inputs is not None:
            self.input_unit = _unit(x, self._inputs)
        if self._outputs is not None and y.is_floating_point():
            self.output_unit = _unit(y, self._outputs)
        if callable(calibrate := getattr(self.net, "calibrate", None)):
            labels = not y.is_floating_point()
            targets = y if labels else y / _for_each(y, self.output_unit)
            calibrate(x / _for_each(x, self.input_unit), targets)

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x): [n, ...] -> [n, ...]."""
        y: Tensor = self.net(x / _for_each(x, self.input_unit))
        return y * _for_each(y, self.output_unit)


def _unit(values: Tensor, unit: Unit | Representation) -> Tensor:
    """Return the unit of values [n, ...]: a number, or one per coordinate."""
    if not isinstance(unit, Representation):
        return unit(values).to(values)
    flat = values.flatten(1).double()
    size, largest = _sizes(flat, torch.zeros_like(flat[0]), unit)
    return positive_scale(size, largest, values.dtype).to(values)


def _for_each(values: Tensor, unit: Tensor) -> Tensor:
    """Return a unit as a number, or in the shape of one of the values [n, ...]."""
    return unit.view(values.shape[1:]) if unit.ndim else unit


def _size(space: Representation | int) -> int:
    return space if isinstance(space, int) else space.size


def _statistics(values: Tensor, space: Representation | int) -> tuple[Tensor, Tensor]:
    """Return the centre [size] and the scale [size] of values [n, ...], in their dtype."""
    flat = values.flatten(1).double()
    mean = flat.mean(0)
    if isinstance(space, int):
        centre, size, largest = mean, (flat - mean).square().mean(0).sqrt(), flat.abs().amax(0)
    else:
        basis = invariant_basis(space).to(mean)
        centre = basis.T @ (basis @ mean)
        size, largest = _sizes(flat, centre, space)
    scale = positive_scale(size, largest, values.dtype)
    return centre.to(values), scale.to(values)


def _sizes(flat: Tensor, centre: Tensor, space: Representation) -> tuple[Tensor, Tensor]:
    """Return the root mean squares of flat - centre and the largest |flat|, both per summand."""
    square = _per_summand((flat - centre).square().mean(0), space, torch.mean)
    return square.sqrt(), _per_summand(flat.abs().amax(0), space, torch.max)


def _per_summand(values: Tensor, space: Representation, join: Callable[[Tensor], Tensor]) -> Tensor:
    """Return values [size] with those of each summand replaced by their ``join``."""
    sizes = [summand.size for summand in space.summands]
    parts = cast("tuple[Tensor, ...]", values.split(sizes))
    return torch.cat([join(part).expand(size) for part, size in zip(parts, sizes, strict=True)])

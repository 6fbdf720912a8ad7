"""Units that are read from data: no constant decides what is small.

A law in other units is the same law, so that every model should learn it as well. A variance is
therefore zero only if it is the rounding of the values themselves, and a unit that only keeps
squares inside the range of a number type is a power of two, which changes no other bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

Unit: TypeAlias = Callable[[Tensor], Tensor]
"""A positive number, or one for each coordinate, that grows with the values [n, ...] like them."""
_ROUNDING = 4.0  # steps of the number type below which a deviation is rounding


def positive_scale(deviation: Tensor, largest: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the deviations, with a positive number wherever they are only rounding.

    The replacement is the magnitude of the values: of their own, or of all values where their own
    is zero. It is 1 if all values are zero.

    Args:
        deviation: standard deviations, [k] or a number.
        largest: the largest absolute values, of the same shape.
        dtype: the type that the values were rounded to.
    """
    own = torch.where(largest > 0, largest, largest.max())
    own = torch.where(own > 0, own, torch.ones_like(own))
    return torch.where(deviation > rounding_of(largest, dtype), deviation, own.to(deviation))


def rounding_of(largest: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the deviation below which values as large as ``largest`` differ only by rounding."""
    return _ROUNDING * torch.finfo(dtype).eps * largest


def binary_unit(values: Tensor, dim: int | None = None) -> Tensor:
    """Return the largest power of two that is at most max |values|, or 1 if all are zero.

    There is one for all values, or one for each slice along ``dim``.

    Division by it is exact, so that v² and u² (v / u)² are equal to the last bit where both can be
    represented. The type of ``values`` is kept.
    """
    largest = values.abs().max() if dim is None else values.abs().amax(dim)
    exponent = torch.frexp(largest).exponent - 1
    unit = torch.ldexp(torch.ones_like(largest), exponent)
    return torch.where((largest > 0) & largest.isfinite(), unit, torch.ones_like(unit))


def standard_deviation(values: Tensor) -> Tensor:
    """Return the standard deviations [k] of values [n, k], where squares may leave their type."""
    unit = binary_unit(values, 0)
    return (values / unit).std(0, correction=0) * unit


def root_mean_square(values: Tensor) -> Tensor:
    """Return the root mean square of all values, or 1 if all are zero."""
    unit = binary_unit(values)
    size = (values / unit).square().mean().sqrt() * unit
    return torch.where(size > 0, size, torch.ones_like(size))


def value_range(values: Tensor) -> Tensor:
    """Return the largest minus the smallest value.

    It is 1 for pixels between 0 and 1. If the values do not vary it is their magnitude, or 1.
    """
    return positive_scale(values.max() - values.min(), values.abs().max(), values.dtype)

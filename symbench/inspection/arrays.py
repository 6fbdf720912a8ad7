"""Arrays and a named group as a task, for networks that were trained elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from symbench.contract import Data, Split, Symmetry, Task
from symbench.errors import InputError
from symbench.groups import Group, Representation
from symbench.groups.notation import parse_group, parse_representation

_LEAST = 16  # examples


class Arrays(Task):
    """The examples x, y of the caller as the data of every split, under a symmetry."""

    name, version, summary = "arrays", "1", "arrays of the caller"
    sizes = {}  # noqa: RUF012 - nothing is trained

    def __init__(self, data: Data, symmetry: Symmetry) -> None:
        self._data, self._symmetry = data, symmetry
        shapes = {"input_shape": data.x.shape[1:], "output_shape": data.y.shape[1:]}
        vars(self).update({name: tuple(shape) for name, shape in shapes.items()})
        vars(self).update(test_size=len(data))

    @property
    def symmetry(self) -> Symmetry:
        """The named group and its action."""
        return self._symmetry

    def sample(self, n: int, seed: int, split: Split) -> Data:  # noqa: ARG002 - always the same
        """Return the first n examples."""
        return Data(self._data.x[:n], self._data.y[:n])


def symmetry_of(
    group: str | Group, rep_in: str | Representation, rep_out: str | Representation
) -> Symmetry:
    """Return the symmetry of names.

    Raises:
        InputError: there is no such group or representation.
    """
    named = parse_group(group) if isinstance(group, str) else group
    given, returned = (
        parse_representation(rep, named) if isinstance(rep, str) else rep(named)
        for rep in (rep_in, rep_out)
    )
    return Symmetry(named, given, returned)


def tensor_of(name: str, values: Any) -> Tensor:
    """Return an array, a data frame or a tensor of at least 16 examples in float32.

    Raises:
        InputError: it is none, has too few examples, or holds what is no finite number.
    """
    if isinstance(values, Tensor):
        tensor = values.detach().cpu()
    else:
        try:
            tensor = torch.from_numpy(np.array(getattr(values, "to_numpy", lambda: values)()))
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{name} is no array of numbers: {error}") from error
    if tensor.ndim < 2 or len(tensor) < _LEAST:
        raise InputError(
            f"{name} has the shape {tuple(tensor.shape)}: give at least {_LEAST} examples, [n, ...]"
        )
    if tensor.is_complex() or not bool(tensor.isfinite().all()):
        raise InputError(f"{name} holds NaN, infinite or complex numbers: leave these rows out")
    return tensor.float()


def require_divides(name: str, rep: Representation, values: Tensor) -> None:
    """Raise InputError unless the representation fits examples [n, ...]."""
    if rep.size == 0 or values[0].numel() % rep.size:
        raise InputError(
            f"{name}={str(rep)!r} has {rep.size} coordinates, but an example has "
            f"{values[0].numel()} (shape {tuple(values.shape[1:])}): make them agree"
        )

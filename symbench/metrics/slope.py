"""First derivatives of functions at probes: along given tangents, and their size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from symbench.metrics.network import (
    Evaluation,
    Function,
    Networks,
    directional_derivative,
    examples_at_once,
)

_AT_ONCE = 16  # derivatives per evaluation of the function
_ENTRIES = 2**20  # most entries of a Jacobian


@dataclass(frozen=True)
class Slope:
    """The values and first derivatives of a function f at probes, in float64.

    Attributes:
        f: the function.
        x: probes [n, *input_shape], in the type that f computes in.
        value: f(x), [n, output_size].
        along: Df(x)[v] for the tangents v of the candidate algebra, [m, n, output_size].
        square: ||Df(x)||² on the span of the tangents at x, the squared Frobenius norm, [n].
        jacobian: Df(x), [n, output_size, input_size]; None if it would be expensive.
    """

    f: Function
    x: Tensor
    value: Tensor
    along: Tensor
    square: Tensor
    jacobian: Tensor | None

    def derivatives(self, tangents: Tensor) -> Tensor:
        """Return Df(x)[v] [k, n, output_size] for other tangents v [k, n, input_size]."""
        if len(tangents) == 0:
            return self.value.new_zeros(0, *self.value.shape)
        if self.jacobian is not None:
            return _contracted(self.jacobian, tangents.double())
        return _directional(self.f, self.x, tangents.to(self.x.dtype)).double()


@dataclass(frozen=True)
class Probing:
    """How functions are differentiated at probes.

    Df is computed in forward mode along the inputs, or in reverse mode along the outputs, whichever
    are fewer. Where both are more than twice the tangents, or where Df is large, f is
    differentiated along the tangents only.

    Attributes:
        x: probes [n, *input_shape].
        tangents: [m, n, input_size].
        frame: how orthonormal vectors of their span combine the tangents, [n, r, m].
    """

    x: Tensor
    tangents: Tensor
    frame: Tensor

    def of(self, f: Function) -> Slope:
        """Return the slope of one function."""
        with torch.no_grad():
            value = f(self.x).flatten(1)
        return self._slope(f, value, self._differentiated(f, value.shape[1]))

    def of_each(self, networks: Networks, function: Evaluation, given: Tensor) -> list[Slope]:
        """Return the slope of each trial, evaluating the networks together if possible.

        Args:
            networks: of the trials.
            function: (module, x, number) -> values.
            given: a number of each trial, [T].
        """
        x, tangents = self.x.to(networks.dtype), self.tangents.to(networks.dtype)
        at = Probing(x, tangents, self.frame)
        given, numbers = given.to(networks.dtype), self.x.numel()

        def value(module: nn.Module, number: Tensor) -> Tensor:
            return function(module, at.x, number).flatten(1)

        def derivative(module: nn.Module, number: Tensor) -> Tensor:
            return at._differentiated(lambda x: function(module, x, number), outputs)

        values = networks.each(value, given, numbers=numbers)
        outputs = values.shape[2]
        derivatives = networks.each(derivative, given, numbers=numbers * self._at_once(outputs))
        return [
            at._slope(partial(_called, function, single.module, number), *pair)
            for single, number, *pair in zip(
                networks.singles, given, values, derivatives, strict=True
            )
        ]

    def _is_dense(self, outputs: int) -> bool:
        m, n, inputs = self.tangents.shape
        return min(inputs, outputs) <= 2 * m and n * inputs * outputs <= _ENTRIES

    def _at_once(self, outputs: int) -> int:
        m, _, inputs = self.tangents.shape
        passes = min(inputs, outputs) if self._is_dense(outputs) else m
        return min(passes, _AT_ONCE)

    def _differentiated(self, f: Function, outputs: int) -> Tensor:
        """Return Df, or the derivatives along the tangents."""
        if self._is_dense(outputs):
            return _jacobian(f, self.x, outputs)
        if not len(self.tangents):
            return self.x.new_zeros(0, len(self.x), outputs)
        return _directional(f, self.x, self.tangents)

    def _slope(self, f: Function, value: Tensor, derivative: Tensor) -> Slope:
        """Return the slope from f(x) and what ``_differentiated`` has returned."""
        value, derivative = value.double(), derivative.double()
        jacobian = derivative if self._is_dense(value.shape[1]) else None
        along = derivative
        if jacobian is not None:
            along = _contracted(jacobian, self.tangents.double())
        square = torch.einsum("nrm,mno->nro", self.frame, along).square().sum((1, 2))
        return Slope(f, self.x, value, along, square, jacobian)


def _called(function: Evaluation, module: nn.Module, number: Tensor, x: Tensor) -> Tensor:
    return function(module, x, number)


def _contracted(jacobian: Tensor, tangents: Tensor) -> Tensor:
    """Return Df(x)[v] [k, n, o] for Df(x) [n, o, i] and v [k, n, i]."""
    return torch.einsum("noi,kni->kno", jacobian, tangents)


def _jacobian(f: Function, x: Tensor, outputs: int) -> Tensor:
    """Return Df(x) [n, outputs, inputs]."""
    inputs = x[0].numel()
    if inputs <= outputs:
        identity = torch.eye(inputs, dtype=x.dtype)[:, None].expand(-1, len(x), -1)
        return _directional(f, x, identity).permute(1, 2, 0)
    parts = x.split(examples_at_once(x))
    return torch.cat([_reverse(f, part, outputs) for part in parts]).flatten(2)


def _reverse(f: Function, x: Tensor, outputs: int) -> Tensor:
    """Return Df(x) [n, outputs, *input_shape] in reverse mode; one row at a time if vmap fails."""
    unit = torch.eye(outputs, dtype=x.dtype)
    try:
        pull = torch.func.vjp(lambda x: f(x).flatten(1), x)[1]
        rows = torch.func.vmap(lambda e: pull(e.expand(len(x), -1))[0], chunk_size=_AT_ONCE)(unit)
    except RuntimeError:
        rows = torch.autograd.functional.jacobian(
            lambda x: f(x).flatten(1).sum(0), x, vectorize=False
        )
    slopes: Tensor = rows.transpose(0, 1)
    return slopes


def _directional(f: Function, x: Tensor, directions: Tensor) -> Tensor:
    """Return Df(x)[v] [k, n, outputs] for v [k, n, inputs], one by one if vmap fails."""

    def along(v: Tensor) -> Tensor:
        return directional_derivative(f, x, v.reshape(x.shape)).flatten(1)

    try:
        found: Tensor = torch.func.vmap(along, chunk_size=_AT_ONCE)(directions)
    except RuntimeError:
        found = torch.stack([along(v) for v in directions])
    return found

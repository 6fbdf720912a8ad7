"""Equivariant linear layers for any matrix group (Finzi, Welling, Wilson 2021, sections 4, 5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from symbench.groups import Representation, Scalar, equivariant_basis
from symbench_emlp.channels import Run, runs

SCALAR_GAIN, TENSOR_GAIN = 0.7, 0.3  # initial; the bilinear layers multiply the gains of tensors


def maps_between(source: Representation, target: Representation) -> Tensor:
    """Return the basis [r, size_out, size_in], with each map scaled to preserve unit variance."""
    scale = math.sqrt(target.size)
    return scale * equivariant_basis(source, target)


class WithBases(nn.Module):
    """A module with constant bases in its own dtype and device, made from float64 originals.

    A conversion to float64 uses the originals again, so that equivariance then holds to float64
    rounding. Bases converted back from float32 would violate it at 1e-8. The bases are not buffers,
    because a fleet would stack a copy for every trial and multiply by each of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._originals: dict[str, Tensor] = {}
        self._bases: dict[str, Tensor] = {}

    def add_basis(self, name: str, original: Tensor) -> None:
        """Store ``original`` (float64) under this name, and its copy in the default dtype."""
        self._originals[name] = original
        self._bases[name] = original.to(torch.get_default_dtype())

    def basis(self, name: str) -> Tensor | None:
        """Return the basis with this name, or None if there is none."""
        return self._bases.get(name)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, original in self._originals.items():
            before, used = self._bases[name], fn(self._bases[name])
            self._bases[name] = used if used.dtype == before.dtype else original.to(used)
        return self


class Affine(NamedTuple):
    """An affine map of columns: a weight [out, in] and a bias [out, 1]."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return the images [out, n] of the columns of x [in, n]."""
        return self.weight @ x + self.bias

    def pullback(self, g: Tensor) -> Tensor:
        """Return the gradient [in, n] at the inputs, given g [out, n] at the outputs."""
        return self.weight.mT @ g


class EquivariantLinear(WithBases):
    """y = W x + b with W in Hom_G(rep_in, rep_out) and b invariant: [n, size_in] -> [n, size_out].

    Every copy of a summand of type τ is mapped to every copy of type τ' by a learned combination
    of the basis of Hom_G(τ, τ'). The dense W is computed once per call, whatever the batch size.
    ``dimension`` is the number of coefficients of W (the dimension of Hom_G), without the bias.
    The types that feed an output type contribute equal shares of its variance. For inputs of unit
    variance this variance starts at the square of the gain. The gain is smaller for tensors than
    for scalars, so that the polynomials of the bilinear layers grow slowly.
    """

    def __init__(self, rep_in: Representation, rep_out: Representation) -> None:
        super().__init__()
        self._in, self._out = runs(rep_in), runs(rep_out)
        self._shapes: list[tuple[int, int, int]] = []
        initial: list[Tensor] = []
        for i, target in enumerate(self._out):
            bases = [maps_between(source.type, target.type) for source in self._in]
            gain = SCALAR_GAIN if target.type.size == 1 else TENSOR_GAIN
            feeding = max(1, sum(len(basis) > 0 for basis in bases))
            for j, (source, basis) in enumerate(zip(self._in, bases, strict=True)):
                shape = (target.copies, source.copies, len(basis))
                if len(basis):
                    self.add_basis(f"basis_{i}_{j}", basis.flatten(1))
                self._shapes.append(shape)
                fan = max(1, source.copies * len(basis) * feeding)
                initial.append(gain * torch.randn(shape).flatten() / fan**0.5)
        self.weight = nn.Parameter(torch.cat(initial))
        self._register_bias(Scalar(rep_in.group))

    def _register_bias(self, scalar: Representation) -> None:
        sizes = []
        for i, target in enumerate(self._out):
            basis = maps_between(scalar, target.type).squeeze(-1)
            if len(basis):
                self.add_basis(f"invariant_{i}", basis)
            sizes.append(target.copies * len(basis))
        self._bias_sizes = sizes
        self.bias = nn.Parameter(torch.zeros(sum(sizes)))

    @property
    def dimension(self) -> int:
        """Dimension of Hom_G(rep_in, rep_out)."""
        return self.weight.numel()

    def dense_weight(self) -> Tensor:
        """Return W [size_out, size_in]."""
        parts = iter(self.weight.split([a * b * r for a, b, r in self._shapes]))
        rows = []
        for i, target in enumerate(self._out):
            blocks = [
                self._block(next(parts), target, source, self.basis(f"basis_{i}_{j}"))
                for j, source in enumerate(self._in)
            ]
            rows.append(torch.cat(blocks, 1))
        return torch.cat(rows)

    def _block(self, part: Tensor, target: Run, source: Run, basis: Tensor | None) -> Tensor:
        """Return the block [out, in] of one pair of types, from its coefficients ``part``."""
        if basis is None:
            return self.weight.new_zeros(target.size, source.size)
        block = part.view(-1, len(basis)) @ basis
        shape = (target.copies, source.copies, target.type.size, source.type.size)
        return block.view(shape).transpose(1, 2).reshape(target.size, source.size)

    def dense_bias(self) -> Tensor:
        """Return b [size_out]."""
        parts = []
        for i, (run, part) in enumerate(
            zip(self._out, self.bias.split(self._bias_sizes), strict=True)
        ):
            basis = self.basis(f"invariant_{i}")
            if basis is None:
                parts.append(self.bias.new_zeros(run.size))
            else:
                parts.append((part.view(run.copies, -1) @ basis).flatten())
        return torch.cat(parts)

    def prepared(self) -> Affine:
        """Return the map on columns, with its dense matrices computed once."""
        return Affine(self.dense_weight(), self.dense_bias().unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + b."""
        return nn.functional.linear(x, self.dense_weight(), self.dense_bias())

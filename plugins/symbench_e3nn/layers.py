"""Layers of the e3nn model: input as irreps, gated tensor products, output as tensors."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from typing import Any, Self, TypeVar, cast

import torch
import torch.fx
from e3nn import nn as gates
from e3nn import o3
from e3nn.util.codegen import CodeGenMixin
from torch import Tensor, nn
from torch.nn import functional

from symbench import InputError
from symbench.groups import Representation

Module = TypeVar("Module", bound=nn.Module)


class Reader(nn.Module):
    """Order the input as irreps: a constant, the scalars, then the vectors.

    e3nn's basis of l = 1 is (x, y, z), like that of V, so no change of coordinates is needed.
    """

    def __init__(self, rep: Representation, vector: o3.Irrep) -> None:
        super().__init__()
        self._sizes = [summand.size for summand in rep.summands]
        self._ranks = [summand.rank for summand in rep.summands]
        scalars, vectors = self._ranks.count(0), self._ranks.count(1)
        self.irreps = o3.Irreps([(1 + scalars, (0, 1)), (vectors, vector)])

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, 1 + size] from x [n, size].

        Raises:
            InputError: x does not have the representation's size.
        """
        flat = x.flatten(1)
        if flat.shape[1] != sum(self._sizes):
            raise InputError(f"expected [n, {sum(self._sizes)}] coordinates, got {list(x.shape)}")
        parts = list(zip(torch.split(flat, self._sizes, dim=1), self._ranks, strict=True))
        ordered = [part for rank in (0, 1) for part, actual in parts if actual == rank]
        return torch.cat([torch.ones_like(flat[:, :1]), *ordered], 1)


class Exact(nn.Module):
    """A module with one constant that is accurate to rounding at every precision of the module.

    An ordinary buffer converted from float32 to float64 would retain the float32 rounding error.
    """

    constant: Tensor

    def __init__(self, constant: Tensor) -> None:
        super().__init__()
        self._exact = constant
        self.register_buffer("constant", constant.to(torch.get_default_dtype()))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.constant = self._exact.to(self.constant)
        return self


def clebsch_gordan(left: o3.Irrep, right: o3.Irrep, out: o3.Irrep) -> Tensor:
    """Return the coupling [2l+1, 2l'+1, 2L+1], float64, scaled to preserve unit variance."""
    coupling = o3.wigner_3j(left.l, right.l, out.l, dtype=torch.float64)
    return cast(Tensor, coupling * out.dim**0.5)


class ChannelProduct(Exact):
    """All products l ⊗ l' -> L between equal channels of two features of equal irreps.

    They are computed by one matrix product with all Clebsch-Gordan coefficients. At these sizes
    this is much faster than one contraction for each path.
    """

    def __init__(self, irreps: o3.Irreps) -> None:
        self._slices = irreps.slices()
        self._channels = irreps[0].mul
        blocks = dict(zip((ir for _, ir in irreps), _unit_slices(irreps), strict=True))
        columns, products = [], []
        for out in blocks:
            paths = [(a, b) for a in blocks for b in blocks if a <= b and out in a * b]
            for a, b in paths:
                column = torch.zeros(_dim(irreps), _dim(irreps), out.dim, dtype=torch.float64)
                column[blocks[a], blocks[b]] = clebsch_gordan(a, b, out)
                columns.append(column.flatten(0, 1))
            products.append((self._channels * len(paths), out))
        super().__init__(torch.cat(columns, 1))
        self.irreps = o3.Irreps(products)
        self._widths = [mul * out.dim // self._channels for mul, out in products]

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the products [n, self.irreps.dim] of left and right [n, irreps.dim]."""
        a, b = self._by_channel(left), self._by_channel(right)
        products = (a[..., None] * b[..., None, :]).flatten(-2) @ self.constant
        return torch.cat([p.flatten(1) for p in torch.split(products, self._widths, dim=-1)], 1)

    def _by_channel(self, x: Tensor) -> Tensor:
        """Arrange [n, irreps.dim] as [n, channels, coordinates of one channel]."""
        parts = [x[:, at].reshape(len(x), self._channels, -1) for at in self._slices]
        return torch.cat(parts, -1)


def _unit_slices(irreps: o3.Irreps) -> list[slice]:
    return cast("list[slice]", o3.Irreps([(1, ir) for _, ir in irreps]).slices())


def _dim(irreps: o3.Irreps) -> int:
    return sum(ir.dim for _, ir in irreps)


def bounded(x: Tensor) -> Tensor:
    """Return x / sqrt(1 + mean x²) [n, dim]; the mean is invariant under an orthogonal action."""
    return x * (1 + x.square().mean(-1, keepdim=True)).rsqrt()


class GatedProduct(nn.Module):
    """x + Linear(gate(Linear(x) + Linear(U b(x) ⊗ x))), with b = ``bounded``: one residual layer.

    With one bounded factor a layer grows linearly in its input. Without it, stacked products are
    polynomials of high degree, which explode on large inputs. The layer starts as the identity.
    """

    def __init__(self, irreps: o3.Irreps) -> None:
        super().__init__()
        scalars = o3.Irreps([(mul, ir) for mul, ir in irreps if ir.l == 0])
        gated = o3.Irreps([(mul, ir) for mul, ir in irreps if ir.l > 0])
        signals = o3.Irreps([(gated.num_irreps, (0, 1))])
        self.gate = gates.Gate(scalars, [functional.silu], signals, [torch.sigmoid], gated)
        self.left = o3.Linear(irreps, irreps)
        self.product = ChannelProduct(irreps)
        self.mixed = o3.Linear(self.product.irreps, self.gate.irreps_in)
        self.own = o3.Linear(irreps, self.gate.irreps_in, biases=True)
        self.out = o3.Linear(self.gate.irreps_out, irreps)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, irreps.dim]."""
        products = self.product(self.left(bounded(x)), x)
        return cast(Tensor, x + self.out(self.gate(self.own(x) + self.mixed(products))))


class Writer(Exact):
    """Linear map from features to output summands; V ⊗ V is 0e + 1e + 2e in Cartesian axes."""

    def __init__(self, irreps: o3.Irreps, rep: Representation, vector: o3.Irrep) -> None:
        couplings = [clebsch_gordan(vector, vector, ir) for ir in vector * vector]
        super().__init__(torch.cat([c.flatten(0, 1) for c in couplings], 1).mT.contiguous())
        self._ranks = [summand.rank for summand in rep.summands]
        forms = {0: [o3.Irrep("0e")], 1: [vector], 2: list(vector * vector)}
        wanted = o3.Irreps([(1, ir) for rank in self._ranks for ir in forms[rank]])
        self.linear = o3.Linear(irreps, wanted, biases=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return y [n, size] from features [n, irreps.dim]."""
        sizes = [3**rank for rank in self._ranks]
        pairs = zip(torch.split(self.linear(x), sizes, dim=1), self._ranks, strict=True)
        return torch.cat([part @ self.constant if rank == 2 else part for part, rank in pairs], 1)


def copied(module: Module, memo: dict[int, Any]) -> Module:
    """Return a deep copy of a module that shares the code that e3nn has generated for its layers.

    e3nn would write that code to bytes and read it back, which takes as long as generating it.
    """
    for part in module.modules():
        code = isinstance(part, torch.fx.GraphModule | torch.jit.ScriptModule)
        if code and not [*part.parameters(), *part.buffers()]:
            memo[id(part)] = part
    for part in module.modules():
        if isinstance(part, CodeGenMixin):
            memo[id(part)] = _like(part, memo)
    return _like(module, memo)


def _like(module: Module, memo: dict[int, Any]) -> Module:
    new = type(module).__new__(type(module))
    memo[id(module)] = new
    vars(new).update(deepcopy(vars(module), memo))
    return new


class TensorProductNetwork(nn.Module):
    """Linear, ``depth`` gated tensor-product layers, linear: an O(3)-equivariant network.

    For SO(3) parity is ignored and all irreps are even, so a cross product of vectors is a vector.
    """

    def __init__(
        self, inputs: Representation, outputs: Representation, channels: int, depth: int
    ) -> None:
        super().__init__()
        parity = len(inputs.group.discrete) > 0
        vector = o3.Irrep("1o") if parity else o3.Irrep("1e")
        kinds = ["0e", "1o", "1e", "2e"] if parity else ["0e", "1e", "2e"]
        hidden = o3.Irreps([(channels, ir) for ir in kinds])
        self.reader = Reader(inputs, vector)
        self.embedding = o3.Linear(self.reader.irreps, hidden)
        self.layers = nn.Sequential(*(GatedProduct(hidden) for _ in range(depth)))
        self.writer = Writer(hidden, outputs, vector)

    def forward(self, x: Tensor) -> Tensor:
        """Return y: [n, input size] -> [n, output size]."""
        return cast(Tensor, self.writer(self.layers(self.embedding(self.reader(x)))))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copied(self, memo)

    def draw(self) -> None:
        """Draw the weights as the constructor does, from torch's global generator."""
        for module in self.modules():
            if isinstance(module, o3.Linear):
                module.weight.data = torch.randn_like(module.weight)
        for layer in self.layers:
            if isinstance(layer, GatedProduct):
                nn.init.zeros_(layer.out.weight)


@lru_cache(maxsize=16)
def _built(
    inputs: Representation,
    outputs: Representation,
    channels: int,
    depth: int,
    dtype: torch.dtype,  # noqa: ARG001 - of the constants that it registers
) -> TensorProductNetwork:
    """Return a network of default dtype ``dtype``, of which ``network`` returns copies."""
    with torch.random.fork_rng(devices=[]):
        return TensorProductNetwork(inputs, outputs, channels, depth)


def network(
    inputs: Representation, outputs: Representation, channels: int, depth: int
) -> TensorProductNetwork:
    """Return a new network with the weights that ``TensorProductNetwork`` would draw.

    It is a copy of one that is built once in a process, because e3nn generates code for each layer.
    """
    built = _built(inputs, outputs, channels, depth, torch.get_default_dtype())
    new = deepcopy(built)
    new.draw()
    return new

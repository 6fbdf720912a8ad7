"""Layers on channels of multivectors [n, channels, 2^d] that commute with O(p, q)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from symbench_clifford.algebra import Algebra

_TINY = 1e-12


class Graded(nn.Module):
    """A module that knows the grade of each coordinate."""

    grades: Tensor
    squares: Tensor
    sizes: Tensor

    def __init__(self, algebra: Algebra) -> None:
        super().__init__()
        self._d = algebra.d
        self.register_buffer("grades", algebra.grades)
        self.register_buffer("squares", algebra.squares)
        sizes = [float(math.comb(self._d, grade)) for grade in range(self._d + 1)]
        self.register_buffer("sizes", torch.tensor(sizes))

    def quadratic(self, x: Tensor) -> Tensor:
        """Return the invariants Σ_A ± x_A² of each grade, per coordinate of it, [..., d + 1]."""
        q = x.new_zeros(*x.shape[:-1], self._d + 1).index_add(
            -1, self.grades, self.squares * x.square()
        )
        return q / self.sizes


class GradedLinear(Graded):
    """One linear map of the channels for each grade, and a bias of the scalars."""

    def __init__(self, algebra: Algebra, inputs: int, outputs: int) -> None:
        super().__init__(algebra)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, self._d + 1) / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs, 2^d]."""
        y = torch.einsum("oia,nia->noa", self.weight[..., self.grades], x)
        return torch.cat([y[..., :1] + self.bias[:, None], y[..., 1:]], -1)


class Gate(Graded):
    """x_g · sigmoid(a_g q_g + b_g) for every grade, with q_0 the scalar itself."""

    def __init__(self, algebra: Algebra, channels: int) -> None:
        super().__init__(algebra)
        self.slope = nn.Parameter(torch.ones(channels, self._d + 1))
        self.offset = nn.Parameter(torch.zeros(channels, self._d + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return gated multivectors."""
        q = torch.cat([x[..., :1], self.quadratic(x)[..., 1:]], -1)
        return x * (self.slope * q + self.offset).sigmoid()[..., self.grades]


class Normalised(Graded):
    """x_g / (1 + σ(a_g) (|q_g|^½ - 1)) for every grade, with a smooth root."""

    def __init__(self, algebra: Algebra, channels: int) -> None:
        super().__init__(algebra)
        self.strength = nn.Parameter(torch.zeros(channels, self._d + 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the multivectors, nearer to unit norms."""
        norm = (self.quadratic(x).square() + _TINY).pow(0.25)
        unit = 1 + self.strength.sigmoid() * (norm - 1)
        return x / unit[..., self.grades]


class GeometricProduct(Graded):
    """x y, channel by channel, with a weight for each triple of grades (a, b, c) that occurs."""

    other: Tensor
    sign: Tensor
    path: Tensor

    def __init__(self, algebra: Algebra, channels: int) -> None:
        super().__init__(algebra)
        other, sign = algebra.table
        g, count = algebra.grades, algebra.d + 1
        triple = (g[None, :] * count + g[other]) * count + g[:, None]
        found, path = triple.unique(return_inverse=True)
        self.register_buffer("other", other)
        self.register_buffer("sign", sign)
        self.register_buffer("path", path)
        # the sum over a of one coordinate c has 2^d terms
        self.weight = nn.Parameter(torch.randn(channels, len(found)) / math.sqrt(algebra.d + 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return [n, channels, 2^d] from x and y of that shape."""
        kernel = self.weight[:, self.path] * self.sign
        return (kernel * y[..., self.other] * x.unsqueeze(-2)).sum(-1)


class Block(nn.Module):
    """Linear map, gate, and the product with another linear map of the same features."""

    def __init__(self, algebra: Algebra, inputs: int, channels: int) -> None:
        super().__init__()
        self.first = GradedLinear(algebra, inputs, channels)
        self.gate = Gate(algebra, channels)
        self.right = GradedLinear(algebra, channels, channels)
        self.normal = Normalised(algebra, channels)
        self.product = GeometricProduct(algebra, channels)
        self.left = GradedLinear(algebra, channels, channels)
        self.last = Normalised(algebra, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, channels, 2^d] of x [n, inputs, 2^d]."""
        x = self.gate(self.first(x))
        product = self.product(x, self.normal(self.right(x)))
        y: Tensor = self.last((self.left(x) + product) / math.sqrt(2))
        return y

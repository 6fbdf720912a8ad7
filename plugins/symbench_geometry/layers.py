"""Layers on graphs in space, invariant or equivariant under O(3), translations and relabelling.

A layer maps scalars h [n, N, width] and further features of the nodes to new ones. ``start``
returns the further features before the first layer: none, positions, or tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench_geometry.coupling import coupling, degrees, harmonics
from symbench_geometry.reading import Reading, apart


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Return Linear, SiLU, Linear."""
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))


class DistanceLayer(nn.Module):
    """h_i + φ(h_i, Σ_j silu(R h_i + S h_j + D(|x_i - x_j|) + a A_ij)), j over the neighbours of i.

    With ``complete``, the sum runs over all other nodes.
    """

    def __init__(self, width: int, *, complete: bool = False) -> None:
        super().__init__()
        self._complete = complete
        self.receive = nn.Linear(width, width)
        self.send = nn.Linear(width, width, bias=False)
        self.pair = perceptron(2, width, width)
        self.update = perceptron(2 * width, width, width)

    @staticmethod
    def start(reading: Reading) -> Tensor:
        """Return no features [n, N, 0]."""
        return reading.positions[..., :0]

    def forward(self, h: Tensor, more: Tensor, reading: Reading) -> tuple[Tensor, Tensor]:
        """Return the new scalars."""
        _, length = apart(reading.positions)
        pairs = self.pair(torch.cat([length, reading.edges[..., None]], -1))
        ends = self.receive(h)[:, :, None] + self.send(h)[:, None]
        summed = reading.every if self._complete else reading.edges
        total = (functional.silu(ends + pairs) * summed[..., None]).sum(2)
        return h + self.update(torch.cat([h, total], -1)), more


class AngleLayer(nn.Module):
    """h_i + φ(h_i, Σ_jk silu(m_ij + m_ik + c cos ∠(j, i, k))), j and k over the neighbours of i.

    m_ij is an affine map of h_j and log(1 + |x_i - x_j|²).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.message = nn.Linear(width + 1, width)
        self.angle = nn.Linear(1, width, bias=False)
        self.update = perceptron(2 * width, width, width)

    @staticmethod
    def start(reading: Reading) -> Tensor:
        """Return no features [n, N, 0]."""
        return reading.positions[..., :0]

    def forward(self, h: Tensor, more: Tensor, reading: Reading) -> tuple[Tensor, Tensor]:
        """Return the new scalars."""
        vectors, length = apart(reading.positions)
        unit = directions(vectors)
        cosines = (unit @ unit.mT)[..., None]  # [n, i, j, k, 1]
        sent = h[:, None].expand(*length.shape[:-1], -1)
        one = self.message(torch.cat([sent, length], -1))
        triples = functional.silu(one[:, :, :, None] + one[:, :, None] + self.angle(cosines))
        both = reading.edges[:, :, :, None] * reading.edges[:, :, None]
        total = (triples * both[..., None]).sum((2, 3))
        return h + self.update(torch.cat([h, total], -1)), more


class MovingLayer(nn.Module):
    """Messages along edges, which move the nodes and update their scalars.

    m_ij = φ_e(h_i, h_j, log(1 + |x_i - x_j|²)), x_i += Σ_j (x_i - x_j) φ_x(m_ij) / degree,
    h_i += φ_h(h_i, Σ_j m_ij): Satorras et al. 2021, equations 3 to 6, with distances between the
    moved nodes.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.receive = nn.Linear(width, width)
        self.send = nn.Linear(width, width, bias=False)
        self.pair = nn.Linear(1, width, bias=False)
        self.second = nn.Linear(width, width)
        self.shift = perceptron(width, width, 1)
        self.node = perceptron(2 * width, width, width)

    @staticmethod
    def start(reading: Reading) -> Tensor:
        """Return the positions [n, N, 3]."""
        return reading.positions

    def forward(self, h: Tensor, more: Tensor, reading: Reading) -> tuple[Tensor, Tensor]:
        """Return the new scalars and positions."""
        vectors, length = apart(more)
        ends = self.receive(h)[:, :, None] + self.send(h)[:, None]
        messages = functional.silu(self.second(functional.silu(ends + self.pair(length))))
        messages = messages * reading.edges[..., None]
        degree = reading.edges.sum(-1, keepdim=True).clamp(min=1)
        shifts = (vectors * self.shift(messages) * reading.edges[..., None]).sum(2) / degree
        return h + self.node(torch.cat([h, messages.sum(2)], -1)), more + shifts


class Mixed(nn.Module):
    """Linear maps between the channels of each degree, [..., C, F] -> [..., C, F]."""

    def __init__(self, width: int, degree: int) -> None:
        super().__init__()
        self.sizes = [2 * d + 1 for d in range(degree + 1)]
        self.weights = nn.Parameter(torch.randn(degree + 1, width, width) / width**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed features."""
        parts = zip(self.weights, x.split(self.sizes, -1), strict=True)
        return torch.cat([weight @ part for weight, part in parts], -1)


class TensorLayer(nn.Module):
    """u + gate(W (b(u) ⊗ u)) with u_i = V x_i + U Σ_j R(|x_i - x_j|) (x_j ⊗ Y(x_i - x_j)).

    Features x hold ``width`` channels of each degree 0 … ``degree``, of the parity of polynomials.
    The scalars pass through a SiLU, and other degrees are multiplied by sigmoids of scalars.
    b(u) = u / (1 + mean u²)^(1/2) keeps deep networks finite.
    """

    def __init__(self, width: int, degree: int) -> None:
        super().__init__()
        self.degree = degree
        paths = coupling(degree).paths
        self.convolve, self.multiply = (nn.Parameter(torch.randn(paths)) for _ in range(2))
        self.radial = perceptron(1, width, width * (degree + 1))
        self.own, self.received, self.product = (Mixed(width, degree) for _ in range(3))
        self.gates = nn.Linear(width, width * degree)

    def start(self, reading: Reading) -> Tensor:
        """Return tensors [n, N, 0, F - 1], which stand for zeros in every channel."""
        shape = (*reading.mask.shape, 1, (self.degree + 1) ** 2 - 1)
        return reading.mask.new_zeros(shape)

    def forward(self, h: Tensor, more: Tensor, reading: Reading) -> tuple[Tensor, Tensor]:
        """Return the new scalars and tensors [n, N, width, F - 1]."""
        x = torch.cat([h[..., None], more.expand(*h.shape, -1)], -1)
        degree_of = degrees(self.degree, h.device)
        vectors, length = apart(reading.positions)
        radial = self.radial(length).unflatten(-1, (h.shape[-1], -1)).index_select(-1, degree_of)
        around = harmonics(directions(vectors), self.degree)[..., None, :]
        around = radial * around * reading.edges[..., None, None]
        paths = coupling(self.degree)
        sent = torch.einsum("njcf,fyg->njcyg", x, paths.weighted(self.convolve))
        u = self.own(x) + self.received(torch.einsum("nijcy,njcyg->nicg", around, sent))
        bounded = u * (1 + u.square().mean((-1, -2), keepdim=True)).rsqrt()
        pairs = torch.einsum("nicf,fyg->nicyg", bounded, paths.weighted(self.multiply))
        u = u + self.product(torch.einsum("nicyg,nicy->nicg", pairs, bounded))
        signals = self.gates(u[..., 0]).unflatten(-1, (h.shape[-1], self.degree)).sigmoid()
        gates = signals.index_select(-1, degree_of[1:] - 1)
        return functional.silu(u[..., 0]) * reading.mask[..., None], u[..., 1:] * gates


def directions(vectors: Tensor) -> Tensor:
    """Return the vectors [..., 3] divided by their lengths; zero stays zero."""
    square = vectors.square().sum(-1, keepdim=True)
    return vectors * torch.where(square > 0, square, torch.ones_like(square)).rsqrt()

"""Layers on pair tensors: channels × graphs × nodes × nodes, equivariant under S(nodes).

Channels come first, ``[c, n, N, N]``. Mixing channels is then one matrix product and multiplying
matrices one batched product, both without a copy. Values at padded nodes are always zero: every sum
runs over the existing nodes, and every mean divides by their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_OPERATIONS = 15
_FLOOR = 1e-3  # of the largest spread; features with a smaller spread are not rescaled


@dataclass(frozen=True)
class Nodes:
    """Which nodes exist: ``mask`` [n, N], ``pairs`` [n, N, N], ``count`` [n] (at least 1)."""

    mask: Tensor
    pairs: Tensor
    count: Tensor

    @classmethod
    def of(cls, mask: Tensor) -> Nodes:
        """Return the nodes of a mask [n, N] of ones and zeros."""
        pairs = mask[:, :, None] * mask[:, None, :]
        return cls(mask, pairs, mask.sum(1).clamp(min=1))

    def beside(self, x: Tensor) -> Tensor:
        """Return x [c, n, N, N] with the mask of existing pairs as an additional last channel."""
        return torch.cat([x, self.pairs[None]])

    def of_order(self, order: int) -> Tensor:
        """Return the mask of existing graphs [n], nodes [n, N] or pairs [n, N, N]."""
        return (torch.ones_like(self.count), self.mask, self.pairs)[order]


def weights(*shape: int, fan_in: int) -> nn.Parameter:
    """Return normal weights of variance 2 / fan_in (He et al. 2015), from torch's generator."""
    return nn.Parameter(torch.randn(shape) * math.sqrt(2 / fan_in))


def affine(channels: int, width: int) -> nn.Parameter:
    """Return ``weights`` with small biases as the last column, [width, channels + 1]."""
    weight = weights(width, channels, fan_in=channels)
    return nn.Parameter(torch.cat([weight.data, 0.1 * torch.randn(width, 1)], 1))


def mixed(weight: Tensor, x: Tensor) -> Tensor:
    """Return the mixed channels Σ_c weight[d, c] x[c, ...], [d, ...]."""
    return (weight @ x.flatten(1)).view(-1, *x.shape[1:])


class Mixing(nn.Module):
    """An affine map of the channels, the same at every pair: [c, n, N, N] -> [d, n, N, N]."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.weight = weights(width, channels, fan_in=channels)
        self.bias = nn.Parameter(0.1 * torch.randn(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed channels."""
        return torch.addmm(self.bias, self.weight, x.flatten(1)).view(-1, *x.shape[1:])


class Centred(nn.Module):
    """(x - c) / s for each channel, with c and s fixed before training, from the training data.

    c and s are the mean and the standard deviation of the untrained network's values. Graphs that
    differ in a small part of their features then start with clearly different values. Nothing is
    normalised over a batch, so the output for a graph does not depend on other graphs. Until
    ``fit`` is called, c = 0 and s = 1.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def clear(self) -> None:
        """Reset to c = 0 and s = 1."""
        self.centre, self.scale = torch.zeros_like(self.centre), torch.ones_like(self.scale)

    @torch.no_grad()
    def fit(self, x: Tensor, mask: Tensor) -> None:
        """Set c and s from the values of x [c, ...] where the mask [...] is 1."""
        flat = x.flatten(1).double()
        part = mask.flatten().double()
        part = part / part.sum().clamp(min=1)
        centre = (flat * part).sum(1)
        spread = ((flat - centre[:, None]).square() * part).sum(1).sqrt()
        floor = _FLOOR * spread.amax()
        self.centre = centre.to(x)
        self.scale = torch.where(spread > floor, spread, torch.ones_like(spread)).to(x)

    def folded(self, weight: Tensor) -> Tensor:
        """Return the weight [c, d + 1], bias last, of an affine map followed by this map."""
        bias = weight[:, -1:] - self.centre[:, None]
        return torch.cat([weight[:, :-1], bias], 1) / self.scale[:, None]

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the standardised channels of x [c, ...], zero where the mask [...] is zero."""
        shape = (-1,) + (1,) * (x.dim() - 1)
        scale = 1 / self.scale.view(shape)
        return torch.addcmul(-self.centre.view(shape) * scale, x, scale) * mask


class Linear15(nn.Module):
    """The linear maps V⊗V -> V⊗V that commute with S(N), and the two biases.

    L(X) = Σ_b W_b op_b(X) + b₁ 1 + b₂ 11ᵀ with the 15 operations of Maron et al. (Invariant and
    Equivariant Graph Networks, ICLR 2019, appendix A). N is the number of existing nodes.

    - On the diagonal: diag X, row means, column means, trace / N, total / N².
    - Along rows, and along columns: the column means, the row means and the diagonal.
    - Everywhere: X, Xᵀ, trace / N and total / N².
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.weight = weights(_OPERATIONS, width, channels, fan_in=_OPERATIONS * channels)
        self.bias = nn.Parameter(0.1 * torch.randn(2, width))

    def forward(self, x: Tensor, nodes: Nodes) -> Tensor:
        """Return L(x): [c, n, N, N] -> [d, n, N, N], zero at padded nodes."""
        size = nodes.count[:, None]
        diagonal = x.diagonal(dim1=-2, dim2=-1)
        rows, columns = x.sum(-1) / size, x.sum(-2) / size
        trace = diagonal.sum(-1, keepdim=True) / size
        total = rows.sum(-1, keepdim=True) / size
        vectors = torch.cat([columns, rows, diagonal])
        flat = torch.cat([trace, total]).expand(-1, -1, x.shape[-1])
        on_diagonal = mixed(self._block(0, 5), torch.cat([vectors, flat]))
        on_diagonal = on_diagonal + self.bias[0, :, None, None]
        along_rows = mixed(self._block(5, 8), vectors)
        along_rows = along_rows + mixed(self._block(13, 15), flat) + self.bias[1, :, None, None]
        along_columns = mixed(self._block(8, 11), vectors)
        y = mixed(self.weight[11], x) + mixed(self.weight[12], x.mT)
        y = y + along_rows[..., None] + along_columns[..., None, :]
        return (y + torch.diag_embed(on_diagonal)) * nodes.pairs

    def _block(self, start: int, stop: int) -> Tensor:
        return self.weight[start:stop].transpose(0, 1).flatten(1)


class IGNLayer(nn.Module):
    """relu(L(X)) with L a ``Linear15``."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.linear = Linear15(channels, width)

    def forward(self, x: Tensor, nodes: Nodes, centred: Centred) -> Tensor:
        """Return the standardised output [d, n, N, N]."""
        return cast("Tensor", centred(functional.relu(self.linear(x, nodes)), nodes.pairs))


class RingLayer(nn.Module):
    """relu(k₁ L₁(X) + k₂ L₃(X) L₂(X) / N), with learned k₁ and k₂ that start at 1 and 1/2.

    Chen et al., On the equivalence between graph isomorphism testing and function approximation
    with GNNs, NeurIPS 2019, section 5 (Ring-GNN).
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.linear = Linear15(channels, 3 * width)  # L₁, L₂ and L₃ share their sums
        self.scales = nn.Parameter(torch.tensor([1.0, 0.5]))

    def forward(self, x: Tensor, nodes: Nodes, centred: Centred) -> Tensor:
        """Return the standardised output [d, n, N, N]."""
        first, right, left = self.linear(x, nodes).chunk(3)
        product = left @ right / nodes.count[:, None, None]
        y = functional.relu(self.scales[0] * first + self.scales[1] * product)
        return cast("Tensor", centred(y, nodes.pairs))


class PPGNBlock(nn.Module):
    """W (X, M₁(X) M₂(X) / √N), with M₁ and M₂ perceptrons on the channels of each pair.

    Maron et al., Provably Powerful Graph Networks, NeurIPS 2019, section 6. The division by √N is
    an addition: without it, activations grow by a factor of N with every block. The mask of
    existing pairs is an additional channel whose weights are the biases, so absent pairs remain
    zero without masking.
    """

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.first = affine(channels, 3 * width)  # of the skip, M₁ and M₂, in one product
        self.left = nn.ParameterList([affine(width, width) for _ in range(depth - 1)])
        self.right = nn.ParameterList([affine(width, width) for _ in range(depth - 1)])
        self.join = weights(width, width, fan_in=width)

    def forward(self, x: Tensor, nodes: Nodes, centred: Centred) -> Tensor:
        """Return the standardised output [d, n, N, N]."""
        skip, *factors = self.first.chunk(3)
        first = torch.cat([centred.folded(skip), *factors])
        skip, left, right = mixed(first, nodes.beside(x)).chunk(3)
        left, right = functional.relu(left), functional.relu(right)
        for one, other in zip(self.left, self.right, strict=True):
            left = functional.relu(mixed(one, nodes.beside(left)))
            right = functional.relu(mixed(other, nodes.beside(right)))
        product = (left @ right).mul_(nodes.count.rsqrt()[:, None, None])
        join = self.join / centred.scale[:, None]
        return torch.addmm(skip.flatten(1), join, product.flatten(1)).view_as(skip)

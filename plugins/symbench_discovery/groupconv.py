"""Convolutions over the group of translations of the plane and rotations by multiples of 2π/N."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Layer = Callable[[int, int, int], nn.Module]  # of inputs, outputs and orientations
_WIDE = 16  # pixels per side from which images are halved twice


def filter_turns(side: int, orientations: int) -> Tensor:
    """Return the matrices [N, side², side²] that turn square filters by 2πr/N, r = 0 … N - 1.

    Filters turn counter-clockwise on the screen about their centre, with bilinear interpolation
    and zeros outside. Quarter turns are exact permutations, equal to ``torch.rot90``.
    """
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = (part.flatten() for part in torch.meshgrid(axis, axis, indexing="ij"))
    turns = []
    for r in range(orientations):
        # rounded, so that the cosine of a quarter turn is exactly 0
        c = round(math.cos(2 * math.pi * r / orientations), 12)
        s = round(math.sin(2 * math.pi * r / orientations), 12)
        from_x, from_y = c * x - s * y, s * x + c * y
        near_x = (1 - (from_x[:, None] - x).abs()).clamp(min=0)
        near_y = (1 - (from_y[:, None] - y).abs()).clamp(min=0)
        turns.append(near_x * near_y)
    return torch.stack(turns)


class Lifting(nn.Module):
    """The map from images to functions on the group: (x ⋆ ψ)(r, p) = Σ_q (r·ψ)(q - p) x(q).

    [n, inputs, h, w] -> [n, outputs, N, h, w]; zero padding keeps the size (Cohen and Welling
    2016, eq. 10).
    """

    turns: Tensor

    def __init__(self, inputs: int, outputs: int, orientations: int, side: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(_he(outputs, inputs * side**2).view(outputs, inputs, side**2))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("turns", filter_turns(side, orientations).float())
        self._side = side

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs, N, h, w]."""
        return _correlate(x, self.filters(), self.bias, self._side)

    def filters(self) -> Tensor:
        """Return the turned filters [outputs, N, inputs, side²]."""
        return torch.einsum("rpq,oiq->orip", self.turns, self.weight)


class GroupConvolution(nn.Module):
    """Convolution on the group: (f ⋆ ψ)(r, p) = Σ_{s, q} (r·ψ)(s - r, q - p) f(s, q).

    [n, inputs, N, h, w] -> [n, outputs, N, h, w]; zero padding keeps the size (Cohen and Welling
    2016, eq. 11).
    """

    turns: Tensor
    shifts: Tensor

    def __init__(self, inputs: int, outputs: int, orientations: int, side: int = 3) -> None:
        super().__init__()
        size = inputs * orientations * side**2
        weight = _he(outputs, size).view(outputs, inputs, orientations, side**2)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("turns", filter_turns(side, orientations).float())
        steps = torch.arange(orientations)
        self.register_buffer("shifts", (steps[None, :] - steps[:, None]) % orientations)
        self._side = side

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs, N, h, w]."""
        return _correlate(x.flatten(1, 2), self.filters(), self.bias, self._side)

    def filters(self) -> Tensor:
        """Return the turned and shifted filters [outputs, N, inputs N, side²]."""
        shifted = self.weight[:, :, self.shifts]  # [o, i, r, s, side²]
        return torch.einsum("rpq,oirsq->orisp", self.turns, shifted).flatten(2, 3)


class RotationInvariantNet(nn.Module):
    """Lifting, three group convolutions, a mean over orientations and positions, and a perceptron.

    Average pooling of 2 × 2 halves the images between the convolutions: twice from 16 pixels per
    side, otherwise once. If the pooled sides are even and N is a multiple of 4, the logits of
    square images are exactly invariant under quarter turns. Under other turns they are invariant
    up to the interpolation of the filters and of the image.
    """

    def __init__(
        self,
        colours: int,
        classes: int,
        channels: int,
        orientations: int,
        layers: tuple[Layer, Layer] = (Lifting, GroupConvolution),
    ) -> None:
        super().__init__()
        lifting, convolution = layers
        self.lift = lifting(colours, channels, orientations)
        self.fine = convolution(channels, channels, orientations)
        self.coarse = convolution(channels, 2 * channels, orientations)
        self.last = convolution(2 * channels, 2 * channels, orientations)
        self.head = nn.Sequential(
            nn.Linear(2 * channels, 8 * channels), nn.SiLU(), nn.Linear(8 * channels, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, classes] of images [n, colours, height, width]."""
        f = functional.silu(self.lift(x))
        if x.shape[-1] >= _WIDE:
            f = _halved(f)
        f = _halved(functional.silu(self.fine(f)))
        f = functional.silu(self.coarse(f))
        f = functional.silu(self.last(f))
        logits: Tensor = self.head(f.mean((2, 3, 4)))
        return logits


def _halved(f: Tensor) -> Tensor:
    half: Tensor = functional.avg_pool2d(f.flatten(1, 2), 2)
    return half.view(*f.shape[:3], *half.shape[2:])


def _he(outputs: int, size: int) -> Tensor:
    weight: Tensor = math.sqrt(2 / size) * torch.randn(outputs, size)
    return weight


def _correlate(x: Tensor, filters: Tensor, bias: Tensor, side: int) -> Tensor:
    """Return [n, outputs, N, h, w] of x [n, i, h, w] and filters [outputs, N, i, side²]."""
    outputs, orientations = filters.shape[:2]
    kernels = filters.flatten(0, 1).unflatten(-1, (side, side))
    offset = bias[:, None].expand(-1, orientations).flatten()
    y: Tensor = functional.conv2d(x, kernels, offset, padding=side // 2)
    return y.view(len(y), outputs, orientations, *y.shape[2:])

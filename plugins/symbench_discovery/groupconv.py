"""Convolutions over the plane and the rotations by multiples of 2π/N.

In memory, functions on the group stand pixel by pixel, [h, w, n, channels · N]: what passes from
layer to layer is a view of that, and layers on small images multiply matrices without a copy.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from symbench_discovery.winograd import correlate, filter_points

_SIDE = 3  # of filters
_SMALL = 8  # pixels a side up to which products at points are fewer and faster
_WIDE = 16  # pixels a side from which images are halved twice


def filter_turns(side: int, orientations: int) -> Tensor:
    """Return the matrices [N, side², side²] that turn square filters by 2πr/N, r = 0 … N - 1.

    Counter-clockwise on the screen, bilinear about the centre, zero outside; quarter turns are
    exact permutations, equal to ``torch.rot90``.
    """
    axis = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    y, x = (part.flatten() for part in torch.meshgrid(axis, axis, indexing="ij"))
    turns = []
    for r in range(orientations):
        # rounded, so that the cosine of a quarter turn is the zero that it should be
        c = round(math.cos(2 * math.pi * r / orientations), 12)
        s = round(math.sin(2 * math.pi * r / orientations), 12)
        from_x, from_y = c * x - s * y, s * x + c * y
        near_x = (1 - (from_x[:, None] - x).abs()).clamp(min=0)
        near_y = (1 - (from_y[:, None] - y).abs()).clamp(min=0)
        turns.append(near_x * near_y)
    return torch.stack(turns)


class Lifting(nn.Module):
    """Images to functions on the group: (x ⋆ ψ)(r, p) = Σ_q (r·ψ)(q - p) x(q).

    [n, inputs, h, w] -> [n, outputs, N, h, w]; zero padding keeps the size (Cohen and Welling
    2016, eq. 10).
    """

    turns: Tensor

    def __init__(self, inputs: int, outputs: int, orientations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_he(outputs, inputs * _SIDE**2).view(outputs, inputs, _SIDE**2))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("turns", filter_turns(_SIDE, orientations).float())

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, outputs, N, h, w]."""
        filters = torch.einsum("rpq,oiq->ipor", self.turns, self.weight)
        patches = functional.unfold(x, _SIDE, padding=_SIDE // 2)  # [n, i · 9, h w]
        y = patches.permute(2, 0, 1) @ filters.flatten(0, 1).flatten(1)
        return _on_group(y.view(*x.shape[2:], *y.shape[1:]), self.bias)


class GroupConvolution(nn.Module):
    """(f ⋆ ψ)(r, p) = Σ_{s, q} (r·ψ)(s - r, q - p) f(s, q), the group's own convolution.

    [n, inputs, N, h, w] -> [n, outputs, N, h, w]; zero padding keeps the size (Cohen and Welling
    2016, eq. 11).
    """

    turns: Tensor
    shifts: Tensor

    def __init__(self, inputs: int, outputs: int, orientations: int) -> None:
        super().__init__()
        size = inputs * orientations * _SIDE**2
        weight = _he(outputs, size).view(outputs, inputs, orientations, _SIDE**2)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("turns", filter_turns(_SIDE, orientations).float())
        steps = torch.arange(orientations)
        self.register_buffer("shifts", (steps[None, :] - steps[:, None]) % orientations)

    def forward(self, f: Tensor, *, halved: bool = False) -> Tensor:
        """Return [n, outputs, N, h, w]; ``halved``, of the averages of 2 × 2 pixels of f."""
        shifted = self.weight[:, :, self.shifts]  # [o, i, r, s, 9]
        flat = f.flatten(1, 2)
        if max(f.shape[-2:]) >> halved > _SMALL or f.shape[-1] != f.shape[-2]:
            filters = torch.einsum("rpq,oirsq->orisp", self.turns, shifted)
            kernels = filters.flatten(2, 3).flatten(0, 1).unflatten(-1, (_SIDE, _SIDE))
            flat = functional.avg_pool2d(flat, 2) if halved else flat
            y = functional.conv2d(flat, kernels, padding=_SIDE // 2).permute(2, 3, 0, 1)
            return _on_group(y, self.bias)
        turned = filter_points(self.turns) @ self.turns
        points = torch.einsum("rpq,oirsq->pisor", turned, shifted).flatten(3).flatten(1, 2)
        return _on_group(correlate(flat.permute(2, 3, 0, 1), points, halved=halved), self.bias)


class RotationInvariantNet(nn.Module):
    """Lifting, three group convolutions, and what is left when turn and place are averaged away.

    Images are halved between the convolutions by averages of 2 × 2: twice from 16 pixels a side,
    once below. If the sides that are halved are even, the logits of square images are exactly
    invariant under quarter turns, for N = 4 or a multiple; other turns are exact up to the
    interpolation of the filters and of the image.
    """

    def __init__(self, colours: int, classes: int, channels: int, orientations: int) -> None:
        super().__init__()
        self.lift = Lifting(colours, channels, orientations)
        self.fine = GroupConvolution(channels, channels, orientations)
        self.coarse = GroupConvolution(channels, 2 * channels, orientations)
        self.last = GroupConvolution(2 * channels, 2 * channels, orientations)
        self.head = nn.Sequential(
            nn.Linear(2 * channels, 8 * channels), nn.SiLU(), nn.Linear(8 * channels, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [n, classes] of images [n, colours, height, width]."""
        f = functional.silu(self.lift(x))
        f = functional.silu(self.fine(f, halved=x.shape[-1] >= _WIDE))
        f = functional.silu(self.coarse(f, halved=True))
        f = functional.silu(self.last(f))
        logits: Tensor = self.head(f.mean((2, 3, 4)))
        return logits


def _he(outputs: int, size: int) -> Tensor:
    weight: Tensor = math.sqrt(2 / size) * torch.randn(outputs, size)
    return weight


def _on_group(y: Tensor, bias: Tensor) -> Tensor:
    """Return y [h, w, n, outputs · N] with its bias as [n, outputs, N, h, w], not moved."""
    f: Tensor = y.unflatten(-1, (len(bias), -1)) + bias[:, None]
    return f.permute(2, 3, 4, 0, 1)

"""The angle between two images, from the one-parameter group of a learned generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbench.groups import binary_unit, positive_scale, value_range
from symbench_lconv.action import nearest_angle, orbit

_START = 1e-3  # initial scale of the generator, small so that no direction is favoured
_NODES = 17  # equidistant angles across the training range


class ExponentialNet(nn.Module):
    """θ(x₁, x₂) = argmin_θ ‖exp(θL) x₁ - x₂‖, or a perceptron on the orbit of x₁ under exp(θL).

    exp(θL) only approximates interpolated images, which biases the minimum. The perceptron corrects
    this bias. Its inputs are the correlations <P_k exp(θ_j L) x₁, x₂> / ‖x₁‖² at the nodes θ_j,
    where the P_k are learned too. If ``corrected`` is true, the perceptron predicts the angle.

    Args:
        pixels: the number d of pixels.
        skew: use L = M - Mᵀ instead of L = M.
        metrics: the number of matrices P_k [d, d].
        width: width of the perceptron's two hidden layers.
    """

    nodes: Tensor
    centre: Tensor
    spread: Tensor
    unit: Tensor
    binary: Tensor
    pixel: Tensor

    def __init__(self, pixels: int, *, skew: bool, metrics: int, width: int) -> None:
        super().__init__()
        self.M = nn.Parameter(_START * torch.randn(pixels, pixels))
        noise = torch.randn(metrics, pixels, pixels) / pixels
        self.P = nn.Parameter(torch.eye(pixels) + noise)
        self.head = nn.Sequential(
            nn.Linear(_NODES * metrics + 1, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 1),
        )
        self.register_buffer("nodes", torch.linspace(-1, 1, _NODES))
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("binary", torch.ones(()), persistent=False)
        self.register_buffer("pixel", torch.ones(()))
        self.corrected = False
        self._skew = skew

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Store the range of the pixels, and statistics of the training angles y [n, 1]."""
        self.pixel = value_range(x)
        largest = y.abs().max()
        shortest = positive_scale(torch.zeros_like(largest), largest, y.dtype)
        low, high = y.min(), y.max()
        high = torch.where(high > low, high, low + torch.finfo(y.dtype).eps * shortest)
        self.nodes = low + (high - low) * torch.linspace(0, 1, _NODES).to(y)
        self.centre = y.mean()
        self.binary = unit = binary_unit(y)
        square = (y / unit).square().mean()
        spread = square.sub((self.centre / unit) ** 2).clamp_min(0).sqrt() * unit
        self.spread = positive_scale(spread, largest, y.dtype)
        self.unit = positive_scale(square.sqrt() * unit, largest, y.dtype)

    def generator(self) -> Tensor:
        """Return L [d, d] per unit of angle; M is per root mean square training angle."""
        L = self.M - self.M.mT if self._skew else self.M
        return L / self.unit

    def forward(self, x: Tensor) -> Tensor:
        """Return the angles [n, 1] of pairs x [n, 2, height, width]."""
        first, second = (x / self.pixel).flatten(2).unbind(1)
        if self.corrected:
            return self.estimate(orbit(self.generator(), self.nodes, first), second)
        # in units of about the largest angle, no power of L leaves the range of float32
        L, nodes = self.generator() * self.binary, self.nodes / self.binary
        return self.binary * nearest_angle(L, nodes, first, second)[:, None]

    def estimate(self, images: Tensor, second: Tensor) -> Tensor:
        """Return the perceptron's angles [n, 1], given the orbit [n, J, d] of x₁ and x₂ [n, d]."""
        seen = torch.einsum("kij,nj->nki", self.P, second)
        size = images[:, :1].square().sum(2).clamp_min(torch.finfo(second.dtype).tiny)
        products = (images @ seen.mT).flatten(1) / size
        norm = second.square().sum(1, keepdim=True) / size
        angle: Tensor = self.head(torch.cat([products, norm], 1))
        return self.centre + self.spread * angle

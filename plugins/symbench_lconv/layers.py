"""The L-conv layer: dense or low-rank generators, and the mixing of channels."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn


def _hold(module: nn.Module, name: str, value: Tensor, *, learned: bool) -> None:
    if learned:
        module.register_parameter(name, nn.Parameter(value))
    else:
        module.register_buffer(name, value)


class Generators(nn.Module, ABC):
    """K linear operators L_k on the d pixels, learned or frozen."""

    count: int
    pixels: int

    @abstractmethod
    def matrices(self) -> Tensor:
        """Return L [K, d, d]."""

    @abstractmethod
    def forward(self, x: Tensor, mixing: Tensor) -> Tensor:
        """Return Σ_k W_k x L_kᵀ [n, outputs, d] for x [n, inputs, d], W [K, outputs, inputs]."""


class DenseGenerators(Generators):
    """Operators stored as matrices ``L`` [K, d, d]."""

    L: Tensor

    def __init__(self, L: Tensor, *, learned: bool = True) -> None:
        super().__init__()
        self.count, self.pixels = L.shape[:2]
        _hold(self, "L", L, learned=learned)

    @classmethod
    def random(cls, pixels: int, count: int, *, learned: bool = True) -> DenseGenerators:
        """Return normal entries of standard deviation √2 / d, as in the released code."""
        return cls(torch.randn(count, pixels, pixels) * (math.sqrt(2) / pixels), learned=learned)

    def matrices(self) -> Tensor:
        """Return L [K, d, d]."""
        return self.L

    def forward(self, x: Tensor, mixing: Tensor) -> Tensor:
        """Return Σ_k W_k x L_kᵀ [n, outputs, d]."""
        moved = x @ self.L.flatten(0, 1).mT
        return _mixed(moved.unflatten(2, (self.count, self.pixels)), mixing)


class LowRankGenerators(Generators):
    """Operators L_k = U_k V_k of rank h, ``U`` [K, d, h] and ``V`` [K, h, d]; L is never formed.

    The entries start normal with variance 2 / (d + h) (Glorot), as in the released code.
    """

    U: Tensor
    V: Tensor

    def __init__(self, pixels: int, count: int, rank: int, *, learned: bool = True) -> None:
        super().__init__()
        self.count, self.pixels, self.rank = count, pixels, rank
        spread = math.sqrt(2 / (pixels + rank))
        _hold(self, "U", torch.randn(count, pixels, rank) * spread, learned=learned)
        _hold(self, "V", torch.randn(count, rank, pixels) * spread, learned=learned)

    def matrices(self) -> Tensor:
        """Return L = U V [K, d, d]."""
        return self.U @ self.V

    def forward(self, x: Tensor, mixing: Tensor) -> Tensor:
        """Return Σ_k W_k x L_kᵀ [n, outputs, d], by the cheaper order of products."""
        outputs, inputs = mixing.shape[1:]
        inner = (x @ self.V.flatten(0, 1).mT).unflatten(2, (self.count, self.rank))
        if inputs * (self.rank + outputs) < outputs * self.rank:
            return _mixed(torch.einsum("nckh,kdh->nckd", inner, self.U), mixing)
        inner = torch.einsum("nckh,koc->nokh", inner, mixing)
        return inner.flatten(2) @ self.U.mT.flatten(0, 1)


def _mixed(moved: Tensor, mixing: Tensor) -> Tensor:
    """Return Σ_kc W_koc m_nckd [n, outputs, d] as one batched product."""
    weight = mixing.permute(1, 2, 0).flatten(1)
    return weight @ moved.flatten(1, 2)


class LConvLayer(nn.Module):
    """y = W_0 x + Σ_k L_k x W_k + b on x [n, inputs, d] (Dehmamy et al. 2021, eq. 22).

    The weights W_k [outputs, inputs] are free, as in the released code. ``factorised`` uses the
    paper's W_k = W_0 ε_k with ε_k [inputs, inputs] instead. With one input channel every ε_k is
    then a number, and all outputs are multiples of one image.
    """

    def __init__(
        self, generators: Generators, inputs: int, outputs: int, *, factorised: bool = False
    ) -> None:
        super().__init__()
        self.generators = generators
        taps = generators.count + 1
        spread = math.sqrt(2 / (taps * (inputs + outputs)))
        self.first = nn.Parameter(torch.randn(outputs, inputs) * spread)
        size = (generators.count, inputs if factorised else outputs, inputs)
        self.others = nn.Parameter(torch.randn(size) * spread)
        self.bias = nn.Parameter(torch.zeros(outputs, 1))
        self._factorised = factorised

    def forward(self, x: Tensor) -> Tensor:
        """Return y [n, outputs, d]."""
        mixing = self.first @ self.others if self._factorised else self.others
        return cast(Tensor, self.first @ x + self.generators(x, mixing) + self.bias)


class ResidualLConv(nn.Module):
    """y = x + Σ_k L_k x W_k on x [n, channels, d], the released code's core, repeated ``times``.

    W starts normal with variance 2 / channels² (Kaiming, fan-in of the whole array).
    """

    def __init__(self, generators: Generators, channels: int, times: int = 1) -> None:
        super().__init__()
        self.generators = generators
        start = torch.randn(generators.count, channels, channels) * (math.sqrt(2) / channels)
        self.mixing = nn.Parameter(start)
        self._times = times

    def forward(self, x: Tensor) -> Tensor:
        """Return the last y [n, channels, d]."""
        for _ in range(self._times):
            x = x + self.generators(x, self.mixing)
        return x


class OnImages(nn.Module):
    """Applies a network for [n, channels, d] to images [n, channels, height, width] of d pixels."""

    def __init__(self, net: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.net = net
        self._shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, *shape]."""
        y: Tensor = self.net(x.flatten(2))
        return y.reshape(len(y), *self._shape)

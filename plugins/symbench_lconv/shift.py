"""How well a power of 1 + εL, a stack of L-conv layers, approximates a shift of 1-D signals."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench import InputError


def _frequencies(size: int) -> tuple[Tensor, Tensor]:
    """Return p [P] below the Nyquist frequency, and 2π(i - j)/d [d, d]."""
    if size < 2 or size % 2:
        raise InputError(f"size is {size}, but the closed form needs an even number of at least 2")
    p = torch.arange(1 - size // 2, size // 2, dtype=torch.float64)
    z = torch.arange(size, dtype=torch.float64)
    return p, (2 * math.pi / size) * (z[:, None] - z)


def shift_matrix(size: int, distance: float) -> Tensor:
    """Return g(m)_ij = (1/d) Σ_p cos(2πp(i - j - m)/d) [d, d], the shift by m samples.

    The sum leaves out the Nyquist frequency, so g(0) is a projection and not the identity
    (Dehmamy et al. 2021, appendix on 1-D signals).

    Raises:
        InputError: ``size`` is odd or less than 2.
    """
    p, phase = _frequencies(size)
    moved = phase - 2 * math.pi * distance / size
    return (p[:, None, None] * moved).cos().sum(0) / size


def shift_generator(size: int) -> Tensor:
    """Return L = dg(m)/dm at m = 0, antisymmetric [d, d].

    Raises:
        InputError: ``size`` is odd or less than 2.
    """
    p, phase = _frequencies(size)
    waves = 2 * math.pi * p[:, None, None] / size * (p[:, None, None] * phase).sin()
    return waves.sum(0) / size


def shift_approximation(size: int, distance: float, layers: int) -> tuple[Tensor, float]:
    """Return (1 + (m/n) L)ⁿ [d, d], and its cosine with the shift g(m) (ibid., Fig. 6).

    Args:
        size: the number d of samples of the periodic signal, even.
        distance: the shift m, in samples.
        layers: the number n of layers.

    Raises:
        InputError: ``size`` is odd or less than 2, or ``layers`` is less than 1.
    """
    if layers < 1:
        raise InputError(f"layers is {layers}, but must be at least 1")
    step = torch.eye(size, dtype=torch.float64) + distance / layers * shift_generator(size)
    power, exact = torch.linalg.matrix_power(step, layers), shift_matrix(size, distance)
    return power, float((power * exact).sum() / (power.norm() * exact.norm()))

"""Hotelling's T² between the embeddings of two graphs, as BREC's code computes it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_SILENT = 1e-10  # of the scale: far below the change by relabelling in float32


class Hotelling(NamedTuple):
    """T² of every pair, without its factor q.

    Attributes:
        value: T² [T].
        degenerate: whether relabelling does not change the embeddings although those of the two
            graphs differ, [T]. T² is then 0, so a pair that is distinguished without noise is
            missed.
    """

    value: Tensor
    degenerate: Tensor


def critical(q: int, d: int, level: float = 0.05) -> float:
    """Return (q - 1) d / (q - d) · F(1 - level; d, q - d): 72.34 for q = 32, d = 16.

    It is the critical value of q mean(D)ᵀ S⁻¹ mean(D), and infinite if q <= d.
    """
    from scipy.stats import f

    return (q - 1) * d / (q - d) * float(f.ppf(1 - level, d, q - d)) if q > d else float("inf")


def t_squared(y: Tensor) -> Hotelling:
    """Return mean(D)ᵀ S⁺ mean(D) for embeddings y [T, 2q, d] in the order A0 B0 A1 B1 ….

    D are the q differences f(A) - f(B), and S is their covariance with divisor q - 1. S⁺ is its
    pseudo-inverse, so directions without variance do not count. The published code computes in
    float32 like the networks, where a covariance without noise is exactly zero. Here, in float64,
    it is treated as zero below 1e-20 of the squared scale of the embeddings. An embedding that is
    not finite has T² = 0.
    """
    finite = y.isfinite().flatten(1).all(1)
    y = torch.where(finite[:, None, None], y.double(), 0.0)
    D = y[:, 0::2] - y[:, 1::2]
    mean = D.mean(1)
    centred = D - mean[:, None]
    S = centred.mT @ centred / (D.shape[1] - 1)
    scale = y.abs().amax((1, 2)).clamp(min=torch.finfo(y.dtype).tiny)
    silent = S.diagonal(dim1=1, dim2=2).sum(1).sqrt() <= _SILENT * scale
    value = torch.einsum("ti,tij,tj->t", mean, torch.linalg.pinv(S, hermitian=True), mean)
    far = mean.norm(dim=1) > torch.finfo(torch.float32).eps * scale
    return Hotelling(torch.where(silent, 0.0, value), silent & far)


def same(a: Tensor, b: Tensor) -> Tensor:
    """Whether two statistics agree in the sense of BREC: to 1e-6 absolutely or 1e-5 relatively."""
    return torch.isclose(a, b, rtol=1e-5, atol=1e-6)

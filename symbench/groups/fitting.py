"""The change of basis that takes a named representation to a span of matrices."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.groups.structure import orthonormal_rows

_STARTS, _STEPS = 8, 60


def fitted(A: Tensor, standard: Tensor) -> tuple[float, Tensor]:
    """Return the best cosine of the span of P N P⁻¹ with that of A, and P [d, d].

    P is found by descent from the identity and from fixed random matrices.

    Args:
        A: generators [k, d, d].
        standard: the named generators N [k, d, d].
    """
    rows = orthonormal_rows(A.flatten(1))
    d = A.shape[-1]
    stream = torch.Generator().manual_seed(0)
    starts = [torch.eye(d, dtype=torch.float64)]
    starts += [
        torch.linalg.qr(torch.randn(d, d, generator=stream, dtype=torch.float64)).Q
        for _ in range(_STARTS - 1)
    ]
    best = max((_descended(rows, standard, P) for P in starts), key=lambda fit: fit[0])
    return math.sqrt(max(0.0, best[0])), best[1]


def _descended(rows: Tensor, standard: Tensor, P: Tensor) -> tuple[float, Tensor]:
    P = P.clone().requires_grad_(True)
    optimiser = torch.optim.LBFGS([P], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def agreement() -> Tensor:
        moved = (P @ standard @ torch.linalg.inv(P)).flatten(1)
        Q = torch.linalg.qr(moved.mT).Q
        shared: Tensor = (rows @ Q).square().sum() / max(len(rows), len(standard))
        return shared

    def loss() -> Tensor:
        optimiser.zero_grad()
        value: Tensor = -agreement() + 1e-3 * torch.linalg.cond(P).log()
        value.backward()
        return value

    try:
        optimiser.step(loss)
        value = float(agreement().detach())
    except RuntimeError:  # P became singular
        return 0.0, P.detach()
    return (value if math.isfinite(value) else 0.0), P.detach()

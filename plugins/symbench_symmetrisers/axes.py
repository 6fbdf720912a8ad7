"""Axes of a few vectors that move with them: principal axes, Gram-Schmidt, completion."""

from __future__ import annotations

import torch
from torch import Tensor


def principal_axes(X: Tensor) -> tuple[Tensor, Tensor]:
    """Return the principal axes [..., d, r] of vectors X [..., k, d], and their gaps [...].

    r = min(k, d). The axes are orthonormal and unique up to their signs. The gap is the smallest
    difference of neighbouring moments, relative to the largest moment. It is 0 where the axes are
    not unique. If k < d, the other axes have the moment 0.
    """
    k, d = X.shape[-2:]
    _, values, rows = torch.linalg.svd(X, full_matrices=False)
    moments = values.square()
    if k < d:
        moments = torch.cat([moments, torch.zeros_like(moments[..., :1])], -1)
    return rows.mT, _gap(moments)


def pseudo_axes(X: Tensor, signs: Tensor) -> tuple[Tensor, Tensor]:
    """Return axes A [..., d, d] with Aᵀ F A = F for X [..., k, d] with k ≥ d, and their gaps [...].

    F = diag(signs). The axes are the eigenvectors of Σ x xᵀ F, which become those of g if X is
    moved by g in O(p, q). They are unique up to their signs where no two eigenvalues are equal.
    """
    R = torch.linalg.qr(X).R
    moments, U = torch.linalg.eigh((R * signs) @ R.mT)
    moments, U = moments.flip(-1), U.flip(-1)  # positive first, as in the form
    smallest = moments.abs().amax(-1, keepdim=True) * torch.finfo(X.dtype).tiny ** 0.5
    axes = R.mT @ U / moments.abs().clamp_min(smallest).sqrt().unsqueeze(-2)
    return axes, _gap(moments)


def _gap(moments: Tensor) -> Tensor:
    """Return the smallest difference of the descending moments [..., r], relative to their size."""
    size = moments.abs().amax(-1)
    if moments.shape[-1] < 2:
        return torch.ones_like(size)
    apart = (moments[..., :-1] - moments[..., 1:]).amin(-1)
    return apart / torch.where(size > 0, size, 1)


def gram_schmidt(X: Tensor) -> Tensor:
    """Return orthonormal axes [..., d, r] of the rows of X [..., r, d], in their order."""
    axes: list[Tensor] = []
    for row in X.unbind(-2):
        rest = row
        for _ in range(2):  # once more, because rounding grows where rows are nearly parallel
            for axis in axes:
                rest = rest - (rest * axis).sum(-1, keepdim=True) * axis
        square = rest.square().sum(-1, keepdim=True)
        axes.append(rest * square.clamp_min(torch.finfo(X.dtype).tiny).rsqrt())
    return torch.stack(axes, -1)


def completed(axes: Tensor) -> Tensor:
    """Return [..., d, d] of determinant 1 from d - 1 orthonormal axes [..., d, d - 1]."""
    d = axes.shape[-2]
    rows = [[j for j in range(d) if j != i] for i in range(d)]
    minors = torch.stack([torch.linalg.det(axes[..., others, :]) for others in rows], -1)
    signs = [(-1.0) ** (i + d - 1) for i in range(d)]
    last = torch.stack([minors[..., i] * sign for i, sign in enumerate(signs)], -1)
    return torch.cat([axes, last.unsqueeze(-1)], -1)


def padded(axes: Tensor) -> Tensor:
    """Return [..., d, d] from r ≤ d axes [..., d, r], with zeros for the missing axes."""
    missing = axes.shape[-2] - axes.shape[-1]
    return torch.nn.functional.pad(axes, (0, missing)) if missing else axes

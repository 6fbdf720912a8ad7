"""Bilinear forms that matrices keep: AᵀB + BA = 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_FLAT = 0.02  # eigenvalues of a form below this part of the largest are zero


@dataclass(frozen=True)
class Form:
    """A bilinear form B with norm 1, and how nearly matrices keep it.

    Attributes:
        B: [d, d], symmetric or antisymmetric.
        violation: the root mean square of ‖AᵀB + BA‖ / (2 ‖A‖ / √d): 0 is kept, 1 is not.
    """

    B: Tensor
    violation: float

    @property
    def signature(self) -> tuple[int, int]:
        """How many eigenvalues of a symmetric form are positive and negative."""
        values = torch.linalg.eigvalsh(self.B)
        flat = _FLAT * float(values.abs().max())
        return int((values > flat).sum()), int((values < -flat).sum())

    @property
    def is_regular(self) -> bool:
        """Whether only zero is orthogonal to everything."""
        values = torch.linalg.svdvals(self.B)
        return bool(values[-1] > _FLAT * values[0])


def kept_form(A: Tensor, *, symmetric: bool) -> Form | None:
    """Return the symmetric or antisymmetric form that A [k, d, d] keep best; None if d is 1."""
    d = A.shape[-1]
    basis = _forms(d, symmetric=symmetric)
    if len(basis) == 0 or len(A) == 0:
        return None
    changes = A.mT[:, None] @ basis + basis @ A[:, None]
    rows = changes.transpose(0, 1).flatten(1)
    squares, vectors = torch.linalg.eigh(rows @ rows.mT)
    unit = 4 * float(A.square().sum()) / d
    least = math.sqrt(max(0.0, float(squares[0])) / unit)
    B = torch.einsum("s,sij->ij", vectors[:, 0], basis)
    if symmetric and (torch.linalg.eigvalsh(B) > 0).sum() * 2 > d:
        B = -B  # an indefinite form has fewer positive than negative directions
    if symmetric and bool((torch.linalg.eigvalsh(B) < 0).all()):
        B = -B
    return Form(B, least)


def orthonormal_axes(B: Tensor) -> tuple[Tensor, Tensor]:
    """Return P [d, d] and signs [d] with Pᵀ B P = diag(signs), positive ones first."""
    values, axes = torch.linalg.eigh(B)
    order = values.argsort(descending=True)
    values, axes = values[order], axes[:, order]
    return axes / values.abs().sqrt(), values.sign()


def symplectic_axes(B: Tensor) -> Tensor:
    """Return P [d, d] with Pᵀ B P = [[0, 1], [-1, 0]] for a regular antisymmetric B [d, d]."""
    d = len(B)
    rest = torch.eye(d, dtype=B.dtype)
    first, second = [], []
    for _ in range(d // 2):
        inner = rest.mT @ B @ rest
        place = int(inner.abs().argmax())
        i, j = place // inner.shape[1], place % inner.shape[1]
        value = inner[i, j]
        u, v = rest[:, i] / value.abs().sqrt(), rest[:, j] / value.abs().sqrt() * value.sign()
        first.append(u)
        second.append(v)
        keep = [c for c in range(rest.shape[1]) if c not in (i, j)]
        others = rest[:, keep]
        # leaves what is B-orthogonal to the pair
        rest = others + torch.outer(u, others.mT @ B.mT @ v) - torch.outer(v, others.mT @ B.mT @ u)
    return torch.stack(first + second, 1)


def _forms(d: int, *, symmetric: bool) -> Tensor:
    """Return an orthonormal basis [m, d, d] of the symmetric or antisymmetric forms."""
    i, j = torch.triu_indices(d, d, 0 if symmetric else 1)
    basis = torch.zeros(len(i), d, d, dtype=torch.float64)
    at = torch.arange(len(i))
    basis[at, i, j] += 1.0
    basis[at, j, i] += 1.0 if symmetric else -1.0
    unit: Tensor = basis / basis.flatten(1).norm(dim=1)[:, None, None]
    return unit

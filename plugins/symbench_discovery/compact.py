"""Elements of the group of announced generators, and whether that group is compact."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.metrics.algebra import Whitening, orthonormal

_FORM = 0.2  # relative change of a form under the generators, below which they keep it
_DEFINITE = 1e-3  # least eigenvalue of a definite form, relative to the largest
_COMPACT, _OPEN = 4.0, 1.0  # root mean square norms of the logarithms of elements
# 4: a rotation by 2.8 in one plane, or by 2 in each of two; 1: a boost of rapidity 0.7


def orthonormalised(L: Tensor, whitening: Whitening) -> Tensor:
    """Return a basis [k, d, d] of the span of L that is orthonormal in whitened coordinates."""
    r = len(whitening.whiten)
    rows = orthonormal(whitening(L).flatten(1)).view(-1, r, r)
    basis: Tensor = whitening.colour @ rows @ whitening.whiten
    return basis


def as_compact(L: Tensor, whitening: Whitening) -> Tensor | None:
    """Return the nearest generators [k, d, d] of a compact group, or None if there is none near.

    A group is compact if it keeps a positive definite form B, AᵀB + BA = 0. B is the part of the
    identity, in whitened coordinates, within the forms that all generators nearly keep. In
    coordinates in which B is the identity, the generators are made antisymmetric.

    Args:
        L: orthonormal in whitened coordinates.
        whitening: the coordinates.
    """
    A = whitening(L)
    r = A.shape[-1]
    forms = _symmetric(r).to(A)
    changed = A.mT[:, None] @ forms + forms @ A[:, None]
    moved = changed.transpose(0, 1).flatten(1)
    squares, vectors = torch.linalg.eigh(moved @ moved.mT)
    size = 4 * float(A.square().sum()) / r  # ‖AᵀB + BA‖² for a B of norm 1 that is not kept at all
    near = vectors[:, squares < _FORM**2 * size]
    identity = torch.einsum("sij,ij->s", forms, torch.eye(r).to(A))
    B = torch.einsum("s,sij->ij", near @ (near.mT @ identity), forms)
    values, axes = torch.linalg.eigh(B)
    if not bool(values[0] > _DEFINITE * values[-1]):
        return None
    root = (axes * values.sqrt()) @ axes.mT
    turned = root @ A @ torch.linalg.inv(root)
    within = torch.linalg.inv(root) @ (turned - turned.mT) / 2 @ root
    nearest: Tensor = whitening.colour @ within @ whitening.whiten
    return nearest


def logarithms_of(L: Tensor, count: int, generator: torch.Generator, *, compact: bool) -> Tensor:
    """Return coefficients z [count, k] of elements exp(Σ z_i L_i), for orthonormal L."""
    size = _COMPACT if compact else _OPEN
    drawn = torch.randn(count, len(L), generator=generator, dtype=torch.float64)
    return size * drawn / math.sqrt(max(1, len(L)))


def _symmetric(r: int) -> Tensor:
    """Return an orthonormal basis [r(r + 1)/2, r, r] of the symmetric matrices."""
    rows, columns = torch.triu_indices(r, r)
    basis = torch.zeros(len(rows), r, r, dtype=torch.float64)
    at = torch.arange(len(rows))
    basis[at, rows, columns] += 1
    basis[at, columns, rows] += 1
    unit: Tensor = basis / basis.flatten(1).norm(dim=1)[:, None, None]
    return unit

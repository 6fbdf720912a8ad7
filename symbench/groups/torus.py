"""The kernel of one normal generator on tensors, in closed form from its eigenvectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from symbench.groups.base import Group
from symbench.groups.matrices import bounded, scaled


def torus_kernel(group: Group, rank: int) -> Tensor:
    """Return an orthonormal basis [m, d^rank] of the kernel of one normal generator.

    Products of eigenvectors are eigenvectors, and their weights add: a skew A fixes those of
    total weight 0, an orthogonal h those of total angle 0 modulo 2π. Both act on V* as on V.
    """
    d = group.dim
    element, period = _normal_element(group)
    if element is None:
        return torch.eye(bounded(d**rank, d**rank), dtype=torch.float64)
    weights, vectors, partner = _eigenvectors(element, period)
    sums, mirror = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.long)
    for _ in range(rank):
        sums = (sums[:, None] + weights).flatten()
        mirror = (mirror[:, None] * d + partner).flatten()
    sums = torch.remainder(sums + period / 2, period) - period / 2 if period else sums
    index = torch.arange(d**rank)
    indices = index[(sums.abs() < 1e-8) & (index <= mirror)]
    bounded(2 * len(indices), d**rank)
    products = _products(vectors, indices, rank)
    real = mirror[indices] == indices
    pairs = products[~real] * math.sqrt(2)
    return torch.cat([products[real].real, pairs.real, pairs.imag])


def _products(vectors: Tensor, indices: Tensor, rank: int) -> Tensor:
    """Return the tensor products [m, d^rank] of the columns at the flat indices."""
    d = len(vectors)
    result = torch.ones(len(indices), 1, dtype=vectors.dtype)
    for k in range(rank):
        column = vectors.mT[indices // d ** (rank - 1 - k) % d]
        result = (result[:, :, None] * column[:, None, :]).flatten(1)
    return result


def _normal_element(group: Group) -> tuple[Tensor | None, float]:
    """Return a generic skew element of the algebra and 0, or an orthogonal generator and 2π."""
    algebra = scaled(group.algebra)
    symmetric = (algebra + algebra.mT).flatten(1)
    values, vectors = torch.linalg.eigh(symmetric @ symmetric.mT)
    skew = vectors[:, values < 1e-10].mT
    if len(skew):
        generator = torch.Generator().manual_seed(3)
        weights = torch.randn(len(skew), generator=generator, dtype=torch.float64)
        element = torch.tensordot(weights @ skew, algebra, 1)
        return element / torch.linalg.matrix_norm(element), 0.0
    identity = torch.eye(group.dim, dtype=torch.float64)
    for h in group.discrete:
        if torch.allclose(h @ h.mT, identity, atol=1e-12):
            return h, 2 * math.pi
    return None, 0.0


def _eigenvectors(element: Tensor, period: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights [d], unitary eigenvectors [d, d] and the index of each conjugate [d].

    The real eigenvectors come first, then those of one orientation, then their conjugates.
    """
    skew, even = (element - element.mT) / 2, (element + element.mT) / 2
    # distinct eigenvalues remain distinct, because sin θ + c cos θ differs for all relevant θ
    _, eigenvectors = torch.linalg.eigh(-1j * skew + 0.3137 * even)
    turn = _quotients(-1j * skew, eigenvectors).real
    half = eigenvectors[:, turn > 1e-9]
    basis = torch.linalg.eigh(skew.mT @ skew)[1][:, : len(element) - 2 * half.shape[1]]
    basis = basis @ torch.linalg.eigh(basis.mT @ even @ basis)[1]
    vectors = torch.cat([basis.to(half.dtype), half, half.conj()], 1)
    values = _quotients(element.to(half.dtype), vectors)
    weights = values.angle() if period else values.imag
    n, m = basis.shape[1], half.shape[1]
    partner = torch.cat([torch.arange(n), n + m + torch.arange(m), n + torch.arange(m)])
    return weights, vectors, partner


def _quotients(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Return the Rayleigh quotients v*Mv of unit columns v, complex."""
    return (vectors.conj() * (matrix @ vectors)).sum(0)

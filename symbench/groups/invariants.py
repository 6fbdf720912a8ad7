"""Invariant tensors of one group: the vectors of V^p ⊗ (V*)^q that every element fixes.

The space is the null space of drho(A) for A in the algebra and of rho(h) - 1 for the discrete
generators h (Finzi, Welling, Wilson 2021, theorem 1). It is narrowed step by step: first to the
kernel of one normal generator, known in closed form from its eigenvectors; then, one after the
other and each inside the last, to the kernels of generic elements of the algebra and of the
discrete generators, by the eigenvectors of a small Gram matrix; last, every generator is verified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from symbench.errors import InputError, SymbenchError
from symbench.groups.base import Group
from symbench.groups.representation import Representation, T

VERSION = "1"
NULL, CLEAR = 1e-12, 1e-8  # eigenvalues of the Gram matrix, relative to the largest
RESIDUAL = 1e-10
DIRECT = 81  # spaces up to this size need no first narrowing
LARGEST = 2**22  # even index tables of larger spaces do not fit in memory
DENSE = 6_000  # eigenvectors of larger dense matrices take minutes
ENTRIES = 2**28  # 2 GiB of float64
CHUNK = 2**19  # numbers mapped at once: what stays in a processor's cache is mapped faster

Constraint = Callable[[Tensor], Tensor]


def tensor_invariants(group: Group, p: int, q: int) -> Tensor:
    """Return an orthonormal basis [r, d^(p+q)] of the invariants of V^p ⊗ (V*)^q.

    Raises:
        InputError: the space is too large to solve.
        SymbenchError: null and other eigenvalues cannot be told apart.
    """
    size = group.dim ** (p + q)
    if size > LARGEST:
        raise InputError(
            f"T({p},{q}) of {group} has {size} dimensions, more than {LARGEST}; "
            "use tensors of lower rank"
        )
    if p + q == 0 or (group.negation and (p + q) % 2):
        return torch.ones(int(p + q == 0), size, dtype=torch.float64)
    if len(group.algebra) == 0 and _permutes(group.discrete):
        return _orbits(group.discrete, p + q)
    rep = T(p, q)(group)
    basis = _torus_kernel(group, p + q) if size > DIRECT else torch.eye(size, dtype=torch.float64)
    for constraint in _constraints(rep, _generic(group), group.discrete):
        basis = _narrowed(basis, [constraint])
    everything = _constraints(rep, _scaled(group.algebra), group.discrete)
    if _residual(basis, everything) > RESIDUAL:
        basis = _narrowed(basis, everything, strict=True)
    if _residual(basis, everything) > 10 * RESIDUAL:
        raise SymbenchError(f"the invariants of {rep!r} cannot be computed to full accuracy")
    return _gauged(basis)


def _scaled(algebra: Tensor) -> Tensor:
    norm = algebra.flatten(1).norm(dim=1).clamp_min(1e-300)
    return algebra.div(norm[:, None, None])


def _generic(group: Group) -> Tensor:
    """Return two random elements of the algebra: generically they generate a semisimple one."""
    if len(group.algebra) <= 2:
        return _scaled(group.algebra)
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(2, len(group.algebra), generator=generator, dtype=torch.float64)
    return _scaled(torch.einsum("ak,kij->aij", weights, _scaled(group.algebra)))


def _constraints(rep: Representation, algebra: Tensor, discrete: Tensor) -> list[Constraint]:
    """Return maps [m, size] -> [m, size] that vanish on the invariants alone."""
    infinitesimal: list[Constraint] = [partial(rep.drho_act, A) for A in algebra]
    return infinitesimal + [partial(_moved, rep, h) for h in discrete]


def _moved(rep: Representation, h: Tensor, x: Tensor) -> Tensor:
    return rep.act(h, x) - x


def _residual(basis: Tensor, constraints: Iterable[Constraint]) -> float:
    norms = [constraint(basis).norm(dim=-1).max() for constraint in constraints if len(basis)]
    return max((float(norm) for norm in norms), default=0.0)


def _narrowed(basis: Tensor, constraints: Sequence[Constraint], *, strict: bool = False) -> Tensor:
    """Return the part of the span of ``basis`` [m, size] on which all constraints vanish.

    What is nearly null is kept for the constraints to come, unless ``strict`` refuses it.
    """
    if len(basis) > DENSE:
        raise InputError(
            f"a space of {basis.shape[1]} dimensions leaves {len(basis)} to solve densely, more "
            f"than {DENSE}; use tensors of lower rank"
        )
    gram = basis.new_zeros(len(basis), len(basis))
    for constraint in constraints:
        image = _image(basis, constraint)
        gram += image @ image.mT
    values, vectors = torch.linalg.eigh(gram)
    scale = max(float(values.max()) if len(values) else 0.0, 1e-6)
    if strict and bool(((values > NULL * scale) & (values < CLEAR * scale)).any()):
        raise SymbenchError("null space not clear: singular values between zero and the rest")
    return torch.matmul(vectors[:, values < CLEAR * scale].mT, basis)


def _image(basis: Tensor, constraint: Constraint) -> Tensor:
    rows = max(1, CHUNK // basis.shape[1])
    parts = [constraint(basis[i : i + rows]) for i in range(0, len(basis), rows)]
    return torch.cat(parts) if parts else basis


def _gauged(basis: Tensor) -> Tensor:
    """Return the orthonormal basis that depends on the space alone, not on the eigensolver."""
    generator = torch.Generator().manual_seed(2)
    probe = torch.randn(basis.shape[1], len(basis), generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(basis @ probe)
    return torch.matmul((q * r.diagonal().sign()).mT, basis)


def _permutes(matrices: Tensor) -> bool:
    one = (matrices == 1) | (matrices == 0)
    return bool(one.all()) and bool((matrices.sum(-1) == 1).all() and (matrices.sum(-2) == 1).all())


def _orbits(matrices: Tensor, rank: int) -> Tensor:
    """Return the indicators of the orbits of index tuples, each of norm 1."""
    d = matrices.shape[-1]
    start, stop = [], []
    for images in matrices.argmax(-2):
        moved = torch.zeros(1, dtype=torch.long)
        for _ in range(rank):
            moved = (moved[:, None] * d + images).flatten()
        start.append(torch.arange(d**rank))
        stop.append(moved)
    if not start:
        return torch.eye(_bounded(d**rank, d**rank), dtype=torch.float64)
    row, column = torch.cat(start).numpy(), torch.cat(stop).numpy()
    graph = coo_array(([1] * len(row), (row, column)), shape=(d**rank, d**rank))
    count, labels = connected_components(graph, directed=False)
    at = torch.from_numpy(labels).long()
    basis = torch.zeros(_bounded(count, d**rank), d**rank, dtype=torch.float64)
    basis[at, torch.arange(d**rank)] = at.bincount().double().rsqrt()[at]
    return basis


def _bounded(count: int, size: int) -> int:
    if count * size > ENTRIES:
        raise InputError(
            f"{count} vectors of {size} entries do not fit in memory; use tensors of lower rank"
        )
    return count


def _torus_kernel(group: Group, rank: int) -> Tensor:
    """Return an orthonormal basis [m, d^rank] of the kernel of one normal generator.

    Products of eigenvectors are eigenvectors, and their weights add: a skew A fixes those of
    total weight 0, an orthogonal h those of total angle 0 modulo 2π. Both act on V* as on V.
    """
    d = group.dim
    element, period = _normal_element(group)
    if element is None:
        return torch.eye(_bounded(d**rank, d**rank), dtype=torch.float64)
    weights, vectors, partner = _eigenvectors(element, period)
    sums, mirror = torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.long)
    for _ in range(rank):
        sums = (sums[:, None] + weights).flatten()
        mirror = (mirror[:, None] * d + partner).flatten()
    sums = torch.remainder(sums + period / 2, period) - period / 2 if period else sums
    index = torch.arange(d**rank)
    chosen = index[(sums.abs() < 1e-8) & (index <= mirror)]
    _bounded(2 * len(chosen), d**rank)
    products = _products(vectors, chosen, rank)
    real = mirror[chosen] == chosen
    pairs = products[~real] * math.sqrt(2)
    return torch.cat([products[real].real, pairs.real, pairs.imag])


def _products(vectors: Tensor, chosen: Tensor, rank: int) -> Tensor:
    """Return the tensor products [m, d^rank] of the columns that the flat indices name."""
    d = len(vectors)
    result = torch.ones(len(chosen), 1, dtype=vectors.dtype)
    for k in range(rank):
        column = vectors.mT[chosen // d ** (rank - 1 - k) % d]
        result = (result[:, :, None] * column[:, None, :]).flatten(1)
    return result


def _normal_element(group: Group) -> tuple[Tensor | None, float]:
    """Return a generic skew element of the algebra and 0, or an orthogonal generator and 2π."""
    algebra = _scaled(group.algebra)
    symmetric = (algebra + algebra.mT).flatten(1)
    values, vectors = torch.linalg.eigh(symmetric @ symmetric.mT)
    skew = vectors[:, values < 1e-10].mT
    if len(skew):
        generator = torch.Generator().manual_seed(3)
        weights = torch.randn(len(skew), generator=generator, dtype=torch.float64)
        element = torch.einsum("s,sk,kij->ij", weights, skew, algebra)
        return element / torch.linalg.matrix_norm(element), 0.0
    one = torch.eye(group.dim, dtype=torch.float64)
    for h in group.discrete:
        if torch.allclose(h @ h.mT, one, atol=1e-12):
            return h, 2 * math.pi
    return None, 0.0


def _eigenvectors(element: Tensor, period: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return weights [d], unitary eigenvectors [d, d] and each one's complex conjugate's index.

    The real ones come first, then those of one orientation, then their conjugates.
    """
    skew, even = (element - element.mT) / 2, (element + element.mT) / 2
    # distinct eigenvalues stay distinct: sin θ + c cos θ agrees for none of interest
    _, found = torch.linalg.eigh(-1j * skew + 0.3137 * even)
    turn = torch.einsum("ij,ik,kj->j", found.conj(), -1j * skew, found).real
    half = found[:, turn > 1e-9]
    flat, basis = torch.linalg.eigh(skew.mT @ skew)
    basis = basis[:, flat < 1e-18]
    basis = basis @ torch.linalg.eigh(basis.mT @ even @ basis)[1]
    vectors = torch.cat([basis.to(half.dtype), half, half.conj()], 1)
    values = torch.einsum("ij,ik,kj->j", vectors.conj(), element.to(half.dtype), vectors)
    weights = values.angle() if period else values.imag
    n, m = basis.shape[1], half.shape[1]
    partner = torch.cat([torch.arange(n), n + m + torch.arange(m), n + torch.arange(m)])
    return weights, vectors, partner

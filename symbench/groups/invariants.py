"""Invariant tensors of one group: the vectors of V^p ⊗ (V*)^q that every element fixes.

The space is the null space of drho(A) for A in the algebra and of rho(h) - 1 for the discrete
generators h (Finzi, Welling, Wilson 2021, theorem 1). It is narrowed step by step: first to the
kernel of one normal generator, known in closed form from its eigenvectors; then, one after the
other and each inside the last, to the kernels of generic elements of the algebra and of the
discrete generators, by the eigenvectors of a small Gram matrix. Finally, every generator is
verified. A small space is solved for all generators at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

from symbench.errors import InputError, SymbenchError
from symbench.groups.base import Group
from symbench.groups.matrices import scaled
from symbench.groups.orbits import orbits, permutes
from symbench.groups.representation import Representation, T
from symbench.groups.torus import torus_kernel

VERSION = "1"
NULL, CLEAR = 1e-12, 1e-8  # eigenvalues of the Gram matrix, relative to the largest
RESIDUAL = 1e-10
DIRECT = 81  # spaces up to this size are solved at once
LARGEST = 2**22  # even index tables of larger spaces do not fit in memory
DENSE = 6_000  # eigenvectors of larger dense matrices take minutes
CHUNK = 2**19  # numbers mapped at once, so that they stay in the processor's cache

Constraint = Callable[[Tensor], Tensor]


def tensor_invariants(group: Group, p: int, q: int) -> Tensor:
    """Return an orthonormal basis [r, d^(p+q)] of the invariants of V^p ⊗ (V*)^q.

    Raises:
        InputError: the space is too large to solve.
        SymbenchError: null eigenvalues cannot be distinguished from others.
    """
    size = group.dim ** (p + q)
    if p + q == 0 or (group.negation and (p + q) % 2):
        return torch.ones(int(p + q == 0), size, dtype=torch.float64)
    if size > LARGEST:
        raise InputError(
            f"T({p},{q}) of {group} has {size} dimensions, more than {LARGEST}; "
            "use tensors of lower rank"
        )
    if len(group.algebra) == 0 and permutes(group.discrete):
        return orbits(group.discrete, p + q)
    rep = T(p, q)(group)
    if size <= DIRECT:
        everything = [_dense(rep)]
        basis = _narrowed(torch.eye(size, dtype=torch.float64), everything)
    else:
        everything = _constraints(rep, scaled(group.algebra), group.discrete)
        basis = torus_kernel(group, p + q)
        for constraint in _constraints(rep, _generic(group), group.discrete):
            basis = _narrowed(basis, [constraint])
    if _residual(basis, everything) > RESIDUAL:
        basis = _narrowed(basis, everything, strict=True)
        if _residual(basis, everything) > 10 * RESIDUAL:
            raise SymbenchError(f"the invariants of {rep!r} cannot be computed to full accuracy")
    return _gauged(basis)


def _generic(group: Group) -> Tensor:
    """Return two random elements of the algebra, which generically generate a semisimple one."""
    if len(group.algebra) <= 2:
        return scaled(group.algebra)
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(2, len(group.algebra), generator=generator, dtype=torch.float64)
    return scaled(torch.einsum("ak,kij->aij", weights, scaled(group.algebra)))


def _constraints(rep: Representation, algebra: Tensor, discrete: Tensor) -> list[Constraint]:
    """Return maps [m, size] -> [m, size] that vanish only on the invariants."""
    infinitesimal: list[Constraint] = [partial(rep.drho_act, A) for A in algebra]
    return infinitesimal + [partial(_moved, rep, h) for h in discrete]


def _dense(rep: Representation) -> Constraint:
    """Return all constraints of a small space as one matrix, for fewer and larger operations."""
    group, identity = rep.group, torch.eye(rep.size, dtype=torch.float64)
    parts = [rep.drho(scaled(group.algebra)), rep.rho(group.discrete) - identity]
    return partial(torch.matmul, other=torch.cat(parts).flatten(0, 1).mT)


def _moved(rep: Representation, h: Tensor, x: Tensor) -> Tensor:
    return rep.act(h, x) - x


def _residual(basis: Tensor, constraints: Iterable[Constraint]) -> float:
    norms = [constraint(basis).norm(dim=-1).max() for constraint in constraints if len(basis)]
    return max((float(norm) for norm in norms), default=0.0)


def _narrowed(basis: Tensor, constraints: Sequence[Constraint], *, strict: bool = False) -> Tensor:
    """Return the part of the span of ``basis`` [m, size] on which all constraints vanish.

    Nearly null directions remain for later constraints; with ``strict`` they are an error.
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
    """Return the orthonormal basis that depends only on the space, not on the eigensolver."""
    generator = torch.Generator().manual_seed(2)
    probe = torch.randn(basis.shape[1], len(basis), generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(basis @ probe)
    return torch.matmul((q * r.diagonal().sign()).mT, basis)

"""The name of a Lie algebra that is known as a noisy span of matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from symbench.groups.action_space import ActionSpace, affine_parts, matrix_of
from symbench.groups.fitting import fitted
from symbench.groups.forms import kept_form, orthonormal_axes, symplectic_axes
from symbench.groups.linear import SL, Sp
from symbench.groups.orthogonal import SO
from symbench.groups.structure import TOLERANCE, Kind, Structure, orthonormal_rows

_KEPT = 0.2  # violation of a form below which it is kept
_CLOSED = 0.15  # closure error up to which an abstract algebra is named
_NAMED = 0.9  # cosine to a named representation from which its name is given
_ROUND = 0.15  # ratio of real to imaginary parts below which a generator rotates, or scales


@dataclass(frozen=True)
class Identity:
    """What a noisy span of matrices is.

    Attributes:
        name: such as "so(3)"; empty if it has none here.
        dimension: of the span.
        kind: its class as a Lie algebra.
        killing_signature: how many eigenvalues of the Killing form are positive, negative and zero.
        closure: root mean square part of the brackets outside the span, in units of the brackets
            of random matrices; 0 for an algebra.
        action: what it does, in words.
        cosine: root mean square principal cosine of the span and the named representation.
        basis: P [d, d], where P N P⁻¹ are the matrices of the named representation N. N acts on the
            first coordinates and the others stay as they are.
        group: the connected group of N, as ``symbench.groups`` writes it; empty if it has none.
    """

    name: str
    dimension: int
    kind: Kind
    killing_signature: tuple[int, int, int]
    closure: float
    action: str = ""
    cosine: float | None = None
    basis: Tensor | None = None
    group: str = ""


def identify(A: Tensor, *, affine: bool = False, tolerance: float = TOLERANCE) -> Identity:
    """Return what the span of matrices A [k, d, d] is as a Lie algebra.

    Give the matrices in coordinates in which the data have unit variance, because angles and
    tolerances are those of the Frobenius product.

    Args:
        A: generators, which need not be independent nor close exactly.
        affine: whether they act on (x, 1), with a last row of zeros.
        tolerance: see ``Structure``.

    Raises:
        InputError: A has another shape, or is not finite.
    """
    structure = Structure.of(A, tolerance)
    found = Identity(
        "", structure.dimension, structure.kind, structure.signature, structure.closure
    )
    if structure.dimension == 0:
        return replace(found, name="0", action="nothing")
    if structure.kind == "not closed":
        return replace(found, action="brackets lead out of the span: generators are missing")
    if not affine:
        return _linear(found, structure, ActionSpace.of(structure.basis))
    space = ActionSpace.centred(structure.basis, tolerance)
    if space is not None:
        return _linear(found, structure, space)
    return _affine(found, structure)


def _as(found: Identity, name: str, standard: Tensor, **more: Any) -> Identity:
    """Return the identity with a name, and with the class of the named representation."""
    nearest = Structure.of(standard)
    return replace(found, name=name, kind=nearest.kind, killing_signature=nearest.signature, **more)


def _linear(found: Identity, structure: Structure, space: ActionSpace) -> Identity:
    """Name an algebra that acts linearly, about a fixed point."""
    N = space.restricted(structure.basis)
    named = _named_linear(replace(found, action=f"on {space.size} dimensions"), structure, N)
    P = named.basis
    if P is None:
        return named
    cosine = _cosine(structure.basis, space.extended(_span(named, N)))
    basis = space.frame_with(P)
    return replace(named, basis=basis, cosine=cosine if named.cosine is None else named.cosine)


def _named_linear(found: Identity, structure: Structure, N: Tensor) -> Identity:
    k, r = structure.dimension, N.shape[-1]
    if k == 1:
        return _single(found, N[0])
    if structure.kind == "abelian":
        parts = [_single(found, one).name for one in N]
        return replace(found, name=f"R^{k}", action=f"{k} commuting flows: {', '.join(parts)}")
    for guess in (_orthogonal, _symplectic, _unimodular, _spin):
        named = guess(found, N)
        if named is not None:
            return named
    if structure.kind == "reductive":
        return _sum(found, structure, N)
    if structure.kind == "semisimple":
        return _by_signature(found, r)
    return _fitted_small(found, N)


def _single(found: Identity, A: Tensor) -> Identity:
    """Name one generator by its eigenvalues."""
    values = torch.linalg.eigvals(A)
    size = float(values.abs().max())
    norm = float(A.norm())
    if size < _KEPT * norm / max(1.0, math.sqrt(len(A))) / 2:
        return replace(found, name="R", action="a shear")
    real, imaginary = values.real / size, values.imag / size
    moving = values.abs() > _ROUND * size
    if float(real.abs().max()) < _ROUND:
        speeds = imaginary[moving & (imaginary > 0)].sort(descending=True).values
        ratio = ":".join(f"{speed:.2g}" for speed in (speeds / speeds[-1]).tolist())
        rotation = "a rotation" if len(speeds) == 1 else f"rotations with speeds {ratio}"
        return replace(found, name="so(2)", action=rotation)
    if float(imaginary.abs().max()) < _ROUND:
        some = real[moving]
        alike = bool((some - some.mean()).abs().max() < _ROUND)
        boost = len(some) == 2 and bool(some.sum().abs() < _ROUND)
        action = "a scaling" if alike else ("a boost" if boost else "scalings at several rates")
        return replace(found, name="so(1,1)" if boost else "scaling", action=action)
    return replace(found, name="R", action="a spiral: a rotation with a scaling")


def _orthogonal(found: Identity, N: Tensor) -> Identity | None:
    k, r = len(N), N.shape[-1]
    if r < 3 or k != r * (r - 1) // 2:
        return None
    form = kept_form(N, symmetric=True)
    if form is None or form.violation > _KEPT or not form.is_regular:
        return None
    p, q = form.signature
    P, _ = orthonormal_axes(form.B)
    group = SO(r) if 0 in (p, q) else SO(p, q)
    return _as(found, group.name.lower(), group.algebra, group=group.name, basis=P)


def _symplectic(found: Identity, N: Tensor) -> Identity | None:
    k, r = len(N), N.shape[-1]
    if r < 4 or r % 2 or k != r * (r + 1) // 2:
        return None
    form = kept_form(N, symmetric=False)
    if form is None or form.violation > _KEPT or not form.is_regular:
        return None
    group = Sp(r // 2)
    return _as(found, f"sp({r})", group.algebra, group=group.name, basis=symplectic_axes(form.B))


def _unimodular(found: Identity, N: Tensor) -> Identity | None:
    """Name all matrices of trace zero, or all matrices."""
    k, r = len(N), N.shape[-1]
    one = torch.eye(r, dtype=N.dtype)
    if k == r * r:
        return _as(found, f"gl({r})", N, group=f"GL({r})", basis=one, cosine=1.0)
    if k != r * r - 1 or r < 2 or _cosine(N, SL(r).algebra) < _NAMED:
        return None
    return _as(found, f"sl({r},R)", SL(r).algebra, group=f"SL({r})", basis=one)


def _spin(found: Identity, N: Tensor) -> Identity | None:
    """Name so(3) in another representation than that on three dimensions."""
    if len(N) != 3 or found.killing_signature != (0, 3, 0):
        return None
    casimir = torch.linalg.eigvals(torch.einsum("aij,ajk->ik", N, N)).real
    spins = sorted({round(float(value / casimir.min()), 1) for value in casimir})
    irreducible = len(spins) == 1 and N.shape[-1] % 2 == 1
    words = "irreducibly " if irreducible else ""
    action = f"{words}on {N.shape[-1]} dimensions"
    return replace(found, name="so(3)", action=action)


_SEMISIMPLE = {
    (2, 1, 0): "sl(2,R) = so(1,2)",
    (0, 6, 0): "so(3) + so(3) = so(4)",
    (3, 3, 0): "so(1,3) = sl(2,C)",
    (2, 4, 0): "sl(2,R) + so(3)",
    (4, 2, 0): "sl(2,R) + sl(2,R) = so(2,2)",
    (0, 10, 0): "so(5) = sp(2)",
    (4, 6, 0): "so(1,4)",
    (6, 4, 0): "sp(4,R) = so(2,3)",
    (0, 8, 0): "su(3)",
    (5, 3, 0): "sl(3,R)",
    (4, 4, 0): "su(1,2)",
    (0, 15, 0): "su(4) = so(6)",
    (9, 6, 0): "sl(4,R) = so(3,3)",
}


def _by_signature(found: Identity, r: int) -> Identity:
    """Name a semisimple algebra by its Killing form alone: an isomorphism, no representation."""
    name = _SEMISIMPLE.get(found.killing_signature, "")
    return replace(found, name=name, action=f"on {r} dimensions")


def _sum(found: Identity, structure: Structure, N: Tensor) -> Identity:
    """Name a semisimple algebra together with its centre."""
    core = identify(torch.einsum("mk,kij->mij", structure.derived, N))
    centre = torch.einsum("mk,kij->mij", structure.centre, N)
    names = [core.name or f"semisimple({core.dimension})"]
    names += [_single(found, one).name for one in centre]
    words = [core.action] + [_single(found, one).action for one in centre]
    return replace(
        found, name=" + ".join(names), action=" and ".join(words), basis=core.basis,
        cosine=core.cosine, group=core.group if len(centre) == 0 else "",
    )  # fmt: skip


def _fitted_small(found: Identity, N: Tensor) -> Identity:
    """Name small algebras that are not semisimple by fitting their representation."""
    k, r = len(N), N.shape[-1]
    for name, standard in _small(r):
        if len(standard) != k:
            continue
        cosine, P = fitted(N, standard)
        if cosine >= _NAMED:
            return _as(found, name, standard, basis=P, cosine=cosine)
    if found.closure > _CLOSED:
        return found
    if found.kind == "nilpotent" and k == 3:
        return replace(found, name="heisenberg", action=f"on {r} dimensions")
    if found.kind == "solvable" and k == 2:
        return replace(found, name="aff(1)", action=f"on {r} dimensions")
    return found


def _small(r: int) -> list[tuple[str, Tensor]]:
    """Return named representations on r dimensions that are found by a fit."""
    table = []
    if r == 3:
        table.append(("heisenberg", matrix_of(3, [[(0, 1)], [(1, 2)], [(0, 2)]])))
    if r == 2:
        table.append(("aff(1)", matrix_of(2, [[(0, 0)], [(0, 1)]])))
    return table


def _affine(found: Identity, structure: Structure) -> Identity:
    """Name an algebra that moves every point: it contains translations."""
    n = structure.basis.shape[-1] - 1
    translations, M = affine_parts(structure.basis, structure.tolerance)
    t = len(translations)
    if len(M) == 0:
        words = "a translation" if t == 1 else f"{t} translations"
        return replace(found, name="R" if t == 1 else f"R^{t}", action=words)
    core = identify(M)
    words = f"{t} translations with {core.name or core.kind} on {n} dimensions"
    found = replace(found, action=words)
    if core.name == f"so({t})" and len(M) == t * (t - 1) // 2:
        named = _euclidean(found, structure, translations, core)
        if named is not None:
            return named
    for name, standard in _small_affine(n):
        if len(standard) != structure.dimension:
            continue
        cosine, P = fitted(structure.basis, standard)
        if cosine >= _NAMED:
            return _as(found, name, standard, basis=P, cosine=cosine)
    if t == 0 and core.name:
        return replace(found, name=core.name, action=f"{core.action}, with translations")
    return replace(found, name=f"R^{t} with {core.name}" if t and core.name else "")


def _small_affine(n: int) -> list[tuple[str, Tensor]]:
    """Return named algebras of affine maps of n dimensions that are found by a fit."""
    table = []
    if n == 1:
        table.append(("aff(1)", matrix_of(2, [[(0, 0)], [(0, 1)]])))
    if n == 2:
        table.append(("heisenberg", matrix_of(3, [[(0, 1)], [(1, 2)], [(0, 2)]])))
    return table


def _euclidean(
    found: Identity, structure: Structure, translations: Tensor, core: Identity
) -> Identity | None:
    """Name se(t): the rotations and translations of the same t dimensions."""
    t, d = len(translations), structure.basis.shape[-1]
    along = orthonormal_rows(translations[:, :-1, -1])
    if core.basis is None:
        if t != 2:
            return None
        M = affine_parts(structure.basis, structure.tolerance)[1]
        form = kept_form(torch.einsum("ai,kij,bj->kab", along, M, along), symmetric=True)
        if form is None or form.violation > _KEPT or not form.is_regular:
            return None
        axes = along.mT @ orthonormal_axes(form.B)[0]
    else:
        axes = core.basis[:, :t]
    full = torch.eye(d, dtype=torch.float64)
    others = torch.linalg.svd(along)[2][t:]
    full[:-1, :-1] = torch.cat([axes, others.mT], 1)
    rotations = torch.zeros(t * (t - 1) // 2, d, d, dtype=torch.float64)
    rotations[:, :t, :t] = SO(t).algebra
    shifts = torch.zeros(t, d, d, dtype=torch.float64)
    shifts[torch.arange(t), torch.arange(t), -1] = 1.0
    span = full @ torch.cat([rotations, shifts]) @ torch.linalg.inv(full)
    cosine = _cosine(structure.basis, span)
    if cosine < _NAMED:
        return None
    named = torch.cat([rotations, shifts])
    return _as(found, f"se({t})", named, group=f"SE({t})", basis=full, cosine=cosine)


def _span(named: Identity, N: Tensor) -> Tensor:
    """Return the matrices P N P⁻¹ of the named representation on the moved space."""
    standard = _representation(named.group)
    if standard is None or named.basis is None:
        return N
    acting: Tensor = named.basis @ standard @ torch.linalg.inv(named.basis)
    return acting


def _representation(group: str) -> Tensor | None:
    """Return the generators [k, r, r] of a group of this module's own naming."""
    kind, _, sizes = group.removesuffix(")").partition("(")
    if kind not in ("SO", "SL", "Sp"):
        return None
    numbers = [int(size) for size in sizes.split(",")]
    if kind == "SO":
        return SO(*numbers).algebra
    return (SL if kind == "SL" else Sp)(*numbers).algebra


def _cosine(first: Tensor, second: Tensor) -> float:
    """Return sqrt(Σ cos² / max(k, l)) of the principal angles of two spans of matrices."""
    a, b = (orthonormal_rows(part.flatten(1)) for part in (first, second))
    return math.sqrt(float((a @ b.mT).square().sum()) / max(len(a), len(b), 1))

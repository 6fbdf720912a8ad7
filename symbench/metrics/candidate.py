"""The candidate algebra, in which symmetries are sought, and its action on a task's data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from symbench.contract import Symmetry, Task, seeded
from symbench.groups import Representation, Scalar, Trivial, V
from symbench.metrics.algebra import Whitening, orthonormalising
from symbench.metrics.network import in_blocks, spaced
from symbench.metrics.slope import Probing

_PROBES = 256
_ROWS = 4  # rows of C per column
_LARGEST = 1024  # most columns of C
_ENTRIES = 2**25  # most entries of C
_INDEPENDENT = 1e-10  # squared length, relative to the largest, above which a direction counts
_STILL = 1e-6  # tangents below this part of the largest are zero


@dataclass(frozen=True)
class Candidate:
    """A candidate algebra acting on the probes.

    Attributes:
        symmetry: the representations by which it acts; elements of the group are not used.
        whitening: the data-weighted coordinates of the defining space V.
        basis: [m, d, d], orthonormal in those coordinates.
        x: probes [n, *input_shape], float64.
        tangents: drho_in(A) x for every A of the basis, [m, n, input_size].
    """

    symmetry: Symmetry
    whitening: Whitening
    basis: Tensor
    x: Tensor
    tangents: Tensor

    @cached_property
    def probing(self) -> Probing:
        """How functions are differentiated at the probes."""
        return Probing(self.x, self.tangents, frame(self.tangents))

    def turned(self, values: Tensor) -> Tensor:
        """Return drho_out(A) v for every A of the basis, [m, n, output_size], at v [n, size]."""
        return along(self.symmetry.output, self.basis, values)

    def moved(self, A: Tensor) -> Tensor:
        """Return drho_in(A) x for other generators A [k, d, d], [k, n, input_size]."""
        return along(self.symmetry.input, A, self.x.flatten(1))

    def coordinates(self, A: Tensor) -> Tensor:
        """Return the coordinates [k, m] of the part of A [k, d, d] inside the algebra."""
        flat = self.whitening(self.basis).flatten(1)
        return self.whitening(A).flatten(1) @ flat.mT


def candidate(task: Task, inputs: Tensor) -> Candidate | None:
    """Return the task's candidate algebra acting on test inputs; gl(V) unless the task names one.

    A control without symmetry has a candidate if it states its layout or names an algebra. Without
    a layout its inputs are copies of V and its outputs are invariant. None if no candidate acts, if
    it has more than 1024 dimensions, or if the test split is too small for four rows of C per
    column.

    Directions that the inputs cannot test are left out: those that do not move them, and, except
    on images, those that leave their linear span. Every function that is fitted to such inputs
    would seem to keep them. Images are interpolated, so that their flows leave the span a little.
    """
    given = task.candidate_algebra()
    symmetry = task.symmetry or task.layout() or _uninformed(given)
    if symmetry is None:
        return None
    data = inputs.cpu().double()
    whitening = Whitening.of(second_moment(data, symmetry.input))
    if (len(whitening.whiten) ** 2 if given is None else len(given)) > _LARGEST:
        return None
    basis = whitening.elementary() if given is None else given.double()
    if given is not None and task.kind != "image":
        basis = _staying(basis, whitening)
    basis = _effective(basis, whitening, symmetry, data)
    if len(basis) == 0:
        return None
    outputs = max(1, torch.Size(task.output_shape).numel())
    fitting = max(1, _ENTRIES // (outputs * len(basis)))
    x = spaced(data, min(fitting, max(_PROBES, -(-_ROWS * len(basis) // outputs))))
    if len(x) * outputs < _ROWS * len(basis):
        return None
    return Candidate(symmetry, whitening, basis, x, along(symmetry.input, basis, x.flatten(1)))


def _uninformed(given: Tensor | None) -> Symmetry | None:
    """Return how a control's candidate algebra acts: inputs are V, and outputs are invariant."""
    if given is None:
        return None
    group = Trivial(given.shape[-1])
    return Symmetry(group, V(group), Scalar(group))


def frame(tangents: Tensor) -> Tensor:
    """Return how orthonormal vectors of the span of the tangents combine them, [n, r, m].

    Args:
        tangents: of each probe, [m, n, size].
    """
    rows = tangents.transpose(0, 1)
    wide = rows.shape[1] <= rows.shape[2]
    squares, vectors = torch.linalg.eigh(rows @ rows.mT if wide else rows.mT @ rows)
    spans = squares > _INDEPENDENT * squares[:, -1:]
    inverse = torch.where(spans, squares, torch.inf).reciprocal()
    # v = Σ_m u_m T_m / √λ for u of T Tᵀ, and v = Σ_m (T v)_m T_m / λ for v of Tᵀ T
    combined = vectors * inverse.sqrt()[:, None] if wide else (rows @ vectors) * inverse[:, None]
    frame: Tensor = combined.mT
    return frame


def second_moment(x: Tensor, rep: Representation) -> Tensor:
    """Return S = E[v vᵀ] [d, d] over the copies v of V in x [n, ...]; the identity without one."""
    d = rep.group.dim
    sizes = [summand.size for summand in rep.summands]
    parts = torch.split(in_blocks(x, rep.size).flatten(0, 1), sizes, dim=-1)
    vector = V(rep.group)
    copies = [v for v, summand in zip(parts, rep.summands, strict=True) if summand == vector]
    if not copies:
        return torch.eye(d, dtype=x.dtype)
    v = torch.cat(copies)
    return v.mT @ v / len(v)


def _staying(basis: Tensor, whitening: Whitening) -> Tensor:
    """Return the part [m, d, d] of the algebra that keeps the span of the data."""
    colour = whitening.colour
    leaving = (basis @ colour - colour @ (whitening.whiten @ basis @ colour)).flatten(1)
    left, values, _ = torch.linalg.svd(leaving)
    rank = int((values > _STILL * (basis @ colour).flatten(1).norm(dim=1).max()).sum())
    return torch.einsum("mk,mij->kij", left[:, rank:], basis)


def _effective(basis: Tensor, whitening: Whitening, symmetry: Symmetry, data: Tensor) -> Tensor:
    """Return an orthonormal basis [m, d, d] of the part of the algebra that acts on the data.

    Directions with drho_in(A) x = 0 at all data and drho_out(A) = 0 would count as symmetries of
    every function. They occur on degenerate data and, for a direct product, as off-diagonal blocks
    between its factors.
    """
    mixed = orthonormalising(whitening(basis).flatten(1))
    basis = torch.einsum("km,mij->kij", mixed, basis)
    if len(basis) == 0:
        return basis
    inputs = in_blocks(data, symmetry.input.size).flatten(0, 1)
    moved = torch.cat([_moved(symmetry.input, basis, inputs), _moved(symmetry.output, basis)], 1)
    _, values, left = torch.linalg.svd(moved.mT, full_matrices=False)
    acting = left[values > _STILL * values[:1]]
    return torch.einsum("km,mij->kij", acting, basis)


def _moved(rep: Representation, basis: Tensor, vectors: Tensor | None = None) -> Tensor:
    """Return drho(A) v for random v and every A of the basis, [m, probes · size].

    The v are mixtures of the vectors [n, size], if given. There are enough of them that A acts as
    zero on all only if it does so on the whole span. The matrices drho(A) themselves would take
    gigabytes for colour images.
    """
    count = -(-len(basis) // rep.size) + 8
    drawn = count, rep.size if vectors is None else len(vectors)
    v = torch.randn(*drawn, generator=seeded("probes", rep.size), dtype=basis.dtype)
    v = v if vectors is None else v @ vectors
    return along(rep, basis, v / v.norm().clamp_min(1e-300)).flatten(1)


def along(rep: Representation, A: Tensor, values: Tensor) -> Tensor:
    """Return drho(A) v, [m, n, size], for A [m, d, d] and v [n, size]."""
    return rep.drho_act(A[:, None, None], in_blocks(values, rep.size)).flatten(2)

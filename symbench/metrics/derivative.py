"""The Lie derivative of a function along a candidate algebra, as one matrix C.

Row (probe x, output o) of C is the linear form A ↦ (Df(x)[drho_in(A) x] - drho_out(A) f(x))_o in
an orthonormal basis of the candidate algebra; f is equivariant under exp(tA) exactly where C A = 0
at every x. Moskalev et al. 2022 (LieGG), section 4, for invariant f; here f may have any output.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from symbench.contract import Symmetry, Task, Trained
from symbench.draw import test_data
from symbench.groups import Representation, Scalar, Trivial, V
from symbench.metrics.algebra import Whitening, null_space, orthonormal, orthonormalising
from symbench.metrics.network import (
    Function,
    Network,
    directional_derivative,
    double_network,
    in_blocks,
    once,
    rounding,
    spaced,
    variance,
    varies,
)

_PROBES = 256
_ROWS = 4  # rows of C wanted for each of its columns
_LARGEST = 1024  # columns of C; gl(V) of more is out of reach
_ENTRIES = 2**25  # of C
_AT_ONCE = 16  # derivatives that share one evaluation of the function


@dataclass(frozen=True)
class Candidate:
    """A candidate algebra acting on the probes.

    Attributes:
        symmetry: the representations by which it acts; the group's elements play no part.
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

    def matrix(self, f: Function, dtype: torch.dtype = torch.float64) -> Tensor | None:
        """Return C [n · output_size, m] in float64; None if it vanishes or f does not vary."""
        x = self.x.to(dtype)
        with torch.no_grad():
            value = f(x)
        rotated = _along(self.symmetry.output, self.basis, value.flatten(1))
        C = (_derivatives(f, x, self.tangents.to(dtype)) - rotated).double()
        smallest = rounding(dtype) ** 2 * variance(value)
        if not varies(value) or float(C.square().mean()) <= smallest:
            return None
        return C.permute(1, 2, 0).flatten(0, 1)

    def coordinates(self, A: Tensor) -> Tensor:
        """Return the coordinates [k, m] of the part of A [k, d, d] inside the algebra."""
        flat = self.whitening(self.basis).flatten(1)
        return self.whitening(A).flatten(1) @ flat.mT


@dataclass(frozen=True)
class Derivative:
    """C of one function, and its singular directions.

    Attributes:
        C: [rows, m].
    """

    C: Tensor

    @cached_property
    def _svd(self) -> tuple[Tensor, Tensor]:
        _, values, directions = torch.linalg.svd(self.C, full_matrices=False)
        return values.square().flip(0), directions.flip(0)

    @property
    def squares(self) -> Tensor:
        """Squared singular values [m], ascending."""
        return self._svd[0]

    @property
    def directions(self) -> Tensor:
        """Right singular vectors, rows of [m, m], in the same order."""
        return self._svd[1]

    def relative(self, Q: Tensor) -> float:
        """Return (||C Qᵀ||² / k) / (||C||² / m) for orthonormal rows Q [k, m]."""
        k, m = Q.shape
        return float((self.C @ Q.mT).square().sum() / k / (self.C.square().sum() / m))


@dataclass(frozen=True)
class Truth:
    """The true algebra of a task within its candidate.

    Attributes:
        candidate: where it is looked for.
        Q: orthonormal rows [k, m] in the coordinates of the candidate's basis; k may be 0.
        target: C of the task's exact target, if it has one.
    """

    candidate: Candidate
    Q: Tensor
    target: Derivative | None

    @property
    def is_proper(self) -> bool:
        """Whether the algebra is neither zero nor the whole candidate, so that it can be found."""
        return 0 < len(self.Q) < self.Q.shape[1]


def true_algebra(task: Task) -> Truth | None:
    """Return the true algebra, once for a task: the null space of C for the exact target.

    Without an exact target, or where its null space has no clear gap above it, it is the declared
    group's algebra. None if the task has neither a symmetry nor a candidate algebra, or a
    candidate too large for its data.
    """
    return once(task, "true_algebra", partial(_true_algebra, task))


def derivative(trained: Trained, task: Task) -> Derivative | None:
    """Return C of the trained function (logits, for classification), once for a trial."""

    def compute() -> Derivative | None:
        if (truth := true_algebra(task)) is None:
            return None
        network: Network = double_network(trained)
        C = truth.candidate.matrix(network.module, network.dtype)
        return None if C is None else Derivative(C)

    return once(trained, "derivative", compute)


def _true_algebra(task: Task) -> Truth | None:
    candidate = _candidate(task)
    if candidate is None:
        return None
    target = _target(task, candidate)
    k = None if target is None else null_space(target.squares)
    if target is not None and k is not None:
        return Truth(candidate, target.directions[:k], target)
    declared = candidate.symmetry.group.algebra
    return Truth(candidate, orthonormal(candidate.coordinates(declared)), target)


def _target(task: Task, candidate: Candidate) -> Derivative | None:
    exact = task.target(candidate.x)
    if exact is None or not exact.is_floating_point():
        return None
    C = candidate.matrix(task.target)  # type: ignore[arg-type]
    return None if C is None else Derivative(C)


def _candidate(task: Task) -> Candidate | None:
    given = task.candidate_algebra()
    symmetry = task.symmetry or _uninformed(given)
    if symmetry is None:
        return None
    data = test_data(task).x.double()
    whitening = Whitening.of(_second_moment(data, symmetry.input))
    basis = whitening.elementary() if given is None else given.double()
    if len(basis) > _LARGEST:
        return None
    basis = _effective(basis, whitening, symmetry)
    if len(basis) == 0:
        return None
    outputs = max(1, torch.Size(task.output_shape).numel())
    fitting = max(1, _ENTRIES // (outputs * len(basis)))
    x = spaced(data, min(fitting, max(_PROBES, -(-_ROWS * len(basis) // outputs))))
    if len(x) * outputs < _ROWS * len(basis):
        return None
    return Candidate(symmetry, whitening, basis, x, _along(symmetry.input, basis, x.flatten(1)))


def _uninformed(given: Tensor | None) -> Symmetry | None:
    """Return how a control's candidate algebra acts: on the inputs as V, on the outputs not."""
    if given is None:
        return None
    group = Trivial(given.shape[-1])
    return Symmetry(group, V(group), Scalar(group))


def _second_moment(x: Tensor, rep: Representation) -> Tensor:
    """Return S = E[v vᵀ] [d, d] over the copies v of V in x [n, ...]; 1 if there are none."""
    d = rep.group.dim
    sizes = [summand.size for summand in rep.summands]
    parts = torch.split(in_blocks(x, rep.size).flatten(0, 1), sizes, dim=-1)
    vector = V(rep.group)
    copies = [v for v, summand in zip(parts, rep.summands, strict=True) if summand == vector]
    if not copies:
        return torch.eye(d, dtype=x.dtype)
    v = torch.cat(copies)
    return v.mT @ v / len(v)


def _effective(basis: Tensor, whitening: Whitening, symmetry: Symmetry) -> Tensor:
    """Return an orthonormal basis [m, d, d] of the part that acts at all.

    Directions with drho_in(A) = 0 = drho_out(A), as off-diagonal blocks for representations of a
    direct product's factors, would count as symmetries of every function.
    """
    mixed = orthonormalising(whitening(basis).flatten(1))
    basis = torch.einsum("km,mij->kij", mixed, basis)
    actions = [rep.drho(basis).flatten(1) for rep in (symmetry.input, symmetry.output)]
    _, values, left = torch.linalg.svd(torch.cat(actions, 1).mT, full_matrices=False)
    acting = left[values > 1e-9 * values[0]]
    return torch.einsum("km,mij->kij", acting, basis)


def _along(rep: Representation, A: Tensor, values: Tensor) -> Tensor:
    """Return drho(A) v, [m, n, size], for A [m, d, d] and v [n, size]."""
    return rep.drho_act(A[:, None, None], in_blocks(values, rep.size)).flatten(2)


def _derivatives(f: Function, x: Tensor, tangents: Tensor) -> Tensor:
    """Return Df(x)[v] [m, n, output_size] for tangents v [m, n, input_size].

    Along a basis of the inputs, where that takes fewer derivatives.
    """

    def along(v: Tensor) -> Tensor:
        return directional_derivative(f, x, v.reshape(x.shape)).flatten(1)

    if tangents.shape[2] >= len(tangents):
        return _each(along, tangents)
    one = torch.eye(tangents.shape[2], dtype=x.dtype)
    jacobian = _each(along, one[:, None].expand(-1, len(x), -1))
    return torch.einsum("ino,mni->mno", jacobian, tangents)


def _each(along: Function, directions: Tensor) -> Tensor:
    """Return the derivatives along all directions, one by one where vmap cannot."""
    try:
        return torch.func.vmap(along, chunk_size=_AT_ONCE)(directions)  # type: ignore[no-any-return]
    except RuntimeError:
        return torch.stack([along(v) for v in directions])

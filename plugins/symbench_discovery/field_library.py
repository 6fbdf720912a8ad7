"""Libraries of vector fields on V, and how they move the copies of V in an example."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from symbench import Symmetry
from symbench.groups import Representation, V
from symbench.metrics.algebra import Whitening
from symbench.metrics.candidate import along, second_moment

_FLAT = 1e-10  # variances below this part of the largest are rounding


def copies_of(x: Tensor, rep: Representation) -> Tensor | None:
    """Return the copies of V in x [n, ...] as [n, copies, d]; None if there are other summands.

    Scalars are no copies, and are left out.
    """
    vector = V(rep.group)
    parts = torch.split(x.flatten(1), [summand.size for summand in rep.summands], dim=1)
    pairs = list(zip(rep.summands, parts, strict=True))
    if any(summand != vector and summand.size > 1 for summand, _ in pairs):
        return None
    copies = [part for summand, part in pairs if summand == vector]
    return torch.stack(copies, 1) if copies else None


class Library(ABC):
    """m vector fields on V."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number m of fields."""

    @abstractmethod
    def moved(self, x: Tensor) -> Tensor:
        """Return how each field moves the inputs x [n, size], [m, n, size]."""

    @abstractmethod
    def turned(self, y: Tensor) -> Tensor:
        """Return how each field turns the outputs y [n, size], [m, n, size]."""


@dataclass(frozen=True)
class LinearFields(Library):
    """The matrices that keep the span and the affine hull of the copies of V in the data.

    In homogeneous coordinates, where one coordinate is 1, these are the affine fields. What leaves
    the hull cannot be tested by the data.

    Attributes:
        action: how GL(V) acts on inputs and outputs.
        basis: [m, d, d].
    """

    action: Symmetry
    basis: Tensor

    @classmethod
    def of(cls, action: Symmetry, x: Tensor) -> LinearFields:
        """Return the library for inputs x [n, size] in float64."""
        whitening = Whitening.of(second_moment(x, action.input))
        copies = copies_of(x, action.input)
        towards = whitening.colour if copies is None else _hull(copies.flatten(0, 1))
        basis = torch.einsum("ai,jb->ijab", towards, whitening.whiten).flatten(0, 1)
        return cls(action, basis)

    @property
    def size(self) -> int:
        """The number of matrices."""
        return len(self.basis)

    def moved(self, x: Tensor) -> Tensor:
        """Return drho_in(A) x for every A of the basis, [m, n, size]."""
        return along(self.action.input, self.basis, x)

    def turned(self, y: Tensor) -> Tensor:
        """Return drho_out(A) y for every A of the basis, [m, n, size]."""
        return along(self.action.output, self.basis, y)

    def generators(self, Q: Tensor) -> Tensor:
        """Return the matrices [k, d, d] of the combinations Q [k, m]."""
        return torch.einsum("km,mij->kij", Q, self.basis)


@dataclass(frozen=True)
class PolynomialFields(Library):
    """t φ(v) with t in the directions of the data and φ the monomials up to a degree.

    Every copy of V is moved by the same field. Outputs are invariant.

    Attributes:
        action: how GL(V) acts on inputs, which are copies of V and scalars.
        shift: the mean of the copies, [d].
        whiten: the map [d, r] to coordinates of variance 1.
        towards: directions t [d, r] along which copies differ.
        degree: the largest degree of φ.
    """

    action: Symmetry
    shift: Tensor
    whiten: Tensor
    towards: Tensor
    degree: int

    @classmethod
    def of(cls, action: Symmetry, x: Tensor, degree: int) -> PolynomialFields | None:
        """Return the library for inputs x [n, size] in float64; None if x has other tensors."""
        if (copies := copies_of(x, action.input)) is None:
            return None
        v = copies.flatten(0, 1)
        towards = _hull(v)
        whiten = towards / towards.square().sum(0)
        return cls(action, v.mean(0), whiten, towards, degree)

    @property
    def _monomials(self) -> list[tuple[int, ...]]:
        r = self.whiten.shape[1]
        return [
            chosen
            for degree in range(self.degree + 1)
            for chosen in combinations_with_replacement(range(r), degree)
        ]

    @property
    def size(self) -> int:
        """The number of directions times that of monomials."""
        return self.towards.shape[1] * len(self._monomials)

    def moved(self, x: Tensor) -> Tensor:
        """Return the fields at the copies in x, and 0 at scalars, [m, n, size]."""
        vector = V(self.action.input.group)
        parts = torch.split(x, [each.size for each in self.action.input.summands], dim=1)
        moved = [
            self._at(part) if summand == vector else x.new_zeros(self.size, *part.shape)
            for summand, part in zip(self.action.input.summands, parts, strict=True)
        ]
        return torch.cat(moved, 2)

    def turned(self, y: Tensor) -> Tensor:
        """Return zeros [m, n, size]."""
        return y.new_zeros(self.size, *y.shape)

    def _at(self, v: Tensor) -> Tensor:
        """Return the fields [m, n, d] at v [n, d]."""
        u = (v - self.shift) @ self.whiten
        values = torch.stack([u[:, list(chosen)].prod(1) for chosen in self._monomials])
        return torch.einsum("kn,ai->ikna", values, self.towards).flatten(0, 1)


def _hull(v: Tensor) -> Tensor:
    """Return the directions [d, r] along which the points v [k, d] differ, one deviation long."""
    values, vectors = torch.linalg.eigh((v - v.mean(0)).mT @ (v - v.mean(0)) / len(v))
    varying = values > _FLAT * values[-1]
    directions: Tensor = vectors[:, varying] * values[varying].sqrt()
    return directions

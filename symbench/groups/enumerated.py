"""Finite groups by their elements, and the distance between elements of O(d)."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from symbench.errors import InputError
from symbench.groups.base import Group

_SAME = 1e-6  # largest difference of an entry between equal elements
LARGEST = 1024  # most elements that are enumerated


@final
class Finite(Group):
    """A finite group of matrices, given by generators; ``elements`` [m, d, d] are all of it.

    Args:
        name: mathematical name; groups of one name are equal.
        generators: matrices [h, d, d] that generate the group.
        negation: whether -1 lies in the group.

    Raises:
        InputError: the generators generate more than 1024 elements.
    """

    def __init__(self, name: str, generators: Tensor, *, negation: bool = False) -> None:
        elements = generated(generators)
        if elements is None:
            raise InputError(f"the generators of {name} generate more than {LARGEST} elements")
        self.elements = elements
        none = torch.zeros(0, *generators.shape[1:], dtype=torch.float64)
        super().__init__(name, none, generators, negation=negation)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw uniform elements [count, d, d]."""
        return self.elements[torch.randint(len(self.elements), (count,), generator=generator)]


def elements_of(group: Group) -> Tensor | None:
    """Return all elements [m, d, d] of a finite group, the identity first.

    None if the group is infinite or has more than 1024 elements.
    """
    return None if len(group.algebra) else generated(group.discrete)


def generated(generators: Tensor) -> Tensor | None:
    """Return the elements [m, d, d] of the group that ``generators`` [h, d, d] generate.

    The identity is first. None if there are more than 1024.
    """
    factors = generators.double()
    found = torch.eye(factors.shape[-1], dtype=torch.float64)[None]
    newest = found
    while len(newest) and len(factors):
        products = (newest[:, None] @ factors).flatten(0, 1)
        newest = _distinct(products, found)
        found = torch.cat([found, newest])
        if len(found) > LARGEST:
            return None
    return found


def _distinct(matrices: Tensor, known: Tensor) -> Tensor:
    """Return those matrices that equal neither a known nor an earlier one."""
    flat = matrices.flatten(1)
    new = (torch.cdist(flat, known.flatten(1), p=float("inf")) > _SAME).all(1)
    flat, matrices = flat[new], matrices[new]
    same = torch.cdist(flat, flat, p=float("inf")) <= _SAME
    return matrices[~same.tril(-1).any(1)]


def geodesic(g: Tensor, h: Tensor) -> Tensor:
    """Return the distances [k, m] of matrices g [k, d, d] from orthogonal matrices h [m, d, d].

    The distance of two orthogonal matrices is sqrt(Σ θ² / 2), where exp(iθ), |θ| <= π, are the
    eigenvalues of gᵀh. This is the length of the shortest path in U(d) for the invariant metric
    tr(AᴴA) / 2. In SO(2) and SO(3) it is the angle of the rotation gᵀh. A g that is not orthogonal
    has the distance of the nearest orthogonal matrix, and in quadrature Σ (log σ)² / 2 over its
    singular values σ; a singular g is infinitely far.
    """
    left, stretch, right = torch.linalg.svd(g.double())
    between = (left @ right).mT[:, None] @ h.double()
    strain = stretch.log().square().sum(1) / 2
    distances: Tensor = (_squared_angles(between) / 2 + strain[:, None]).sqrt()
    return distances


def _squared_angles(q: Tensor) -> Tensor:
    """Return Σ θ² over the eigenvalues exp(iθ) of orthogonal matrices q [..., d, d]."""
    d = q.shape[-1]
    if d not in (2, 3):
        squares: Tensor = torch.linalg.eigvals(q).angle().square().sum(-1)
        return squares
    # in closed form, 30 times faster: the eigenvalues are exp(±iθ), and det q in three dimensions
    mirrored = (torch.linalg.det(q) < 0).double()
    trace = q.diagonal(dim1=-2, dim2=-1).sum(-1)
    cosine = (trace - (d - 2) * (1 - 2 * mirrored)) / 2
    sine = (q - q.mT).flatten(-2).norm(dim=-1) / math.sqrt(8)
    angle = torch.atan2(sine, cosine)
    planar = 1 - mirrored if d == 2 else 1.0  # the eigenvalues of a planar mirror are 1 and -1
    total: Tensor = 2 * angle.square() * planar + mirrored * math.pi**2
    return total

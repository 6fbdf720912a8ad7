"""Representations: how a group acts on a vector space, built from V by sums and products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from symbench.errors import InputError
from symbench.groups import expression as ex
from symbench.groups.actions import Piece, acted, differentiated
from symbench.groups.base import Group
from symbench.groups.matrices import natural


@final
@dataclass(frozen=True)
class Representation:
    """A linear action rho of ``group`` on R^size; an immutable, hashable value.

    Built from the defining representation ``V`` and the invariant ``Scalar`` by ``a + b`` (direct
    sum), ``a * b`` (tensor product, Kronecker order), ``k * a`` (k copies in a row), ``a ** p``
    and ``a.dual``. It is unbound until it is called with a group: ``(5 * Scalar + 5 * V)(O(3))``.
    The product of representations of different groups represents their direct product. Calling a
    representation with a direct product that contains its group lifts it to that product.
    """

    expression: ex.Expression
    bound: Group | None = None

    def __call__(self, group: Group) -> Representation:
        """Bind to ``group``, or lift to a direct product ``group`` that contains the present one.

        Raises:
            InputError: it is bound to a group that is not a factor of ``group``.
        """
        if self.bound is None or self.bound == group:
            return Representation(self.expression, group)
        if not _contains(group, self.bound):
            raise InputError(
                f"{self!r} cannot become a representation of {group}: {self.bound} is not a "
                "unique factor of it; use rebind(group) to exchange the group"
            )
        return Representation(_lifted(self.expression, self.bound, group), group)

    def rebind(self, group: Group) -> Representation:
        """Return the same expression over another group that acts on a space of equal size.

        Raises:
            InputError: the dimensions differ (of every factor, where factors are addressed).
        """
        addressed = any(leaf.factor is not None for leaf in self.leaves)
        old, new = ((g.factors if addressed else (g,)) for g in (self.group, group))
        if [g.dim for g in old] != [g.dim for g in new]:
            raise InputError(
                f"{self!r} cannot be rebound to {group}: it acts on {[g.dim for g in new]} "
                f"dimensions, not {[g.dim for g in old]}; choose a group of those dimensions"
            )
        return Representation(self.expression, group)

    @property
    def group(self) -> Group:
        """The group it represents.

        Raises:
            InputError: not bound yet.
        """
        if self.bound is None:
            raise InputError(f"{self} has no group yet; call it with one, as in V(SO(3))")
        return self.bound

    def factor(self, leaf: ex.Leaf) -> Group:
        """Return the group whose defining representation a leaf is."""
        return self.group if leaf.factor is None else self.group.factors[leaf.factor]

    @cached_property
    def size(self) -> int:
        """Dimension of the space."""
        return ex.size(self.expression, lambda leaf: self.factor(leaf).dim)

    @property
    def summands(self) -> tuple[Representation, ...]:
        """The terms of the direct sum in layout order, copies expanded."""
        return tuple(Representation(term, self.bound) for term in ex.summands(self.expression))

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The space split into pure tensors, copies of one type together."""
        parts = ex.layout(self.expression, lambda leaf: self.factor(leaf).dim)
        return tuple(Piece(modes, at) for modes, at in parts.items())

    @cached_property
    def leaves(self) -> frozenset[ex.Leaf]:
        """The distinct leaves of the expression."""
        return frozenset(ex.leaves(self.expression))

    @property
    def rank(self) -> int:
        """Number of tensor factors of a pure tensor: Scalar 0, V 1, V ⊗ V* 2.

        Raises:
            InputError: the representation is a sum.
        """
        if len(self.pieces) != 1 or len(self.pieces[0].at) != 1:
            raise InputError(f"{self} is a sum and has no rank; use its summands")
        return len(self.pieces[0].modes)

    @property
    def is_trivial(self) -> bool:
        """Whether every element acts as the identity (read off the leaves)."""
        groups = [self.factor(leaf) for leaf in self.leaves]
        return all(len(group.algebra) + len(group.discrete) == 0 for group in groups)

    @property
    def dual(self) -> Representation:
        """The dual (contragredient) action rho(g)⁻ᵀ; the same action for an orthogonal group."""
        flipped = ex.mapped(self.expression, lambda leaf: ex.Leaf(leaf.factor, not leaf.dual))
        return Representation(flipped, self.bound)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        """Return rho(g) x for x [..., size] and g [..., d, d], leading axes broadcast.

        The result has the dtype and device of x. rho(g) itself is never formed.
        """
        return acted(self, self._matrix(g), self._vector(x))

    def drho_act(self, A: Tensor, x: Tensor) -> Tensor:
        """Return drho(A) x for x [..., size] and A [..., d, d], leading axes broadcast."""
        return differentiated(self, self._matrix(A), self._vector(x))

    def rho(self, g: Tensor) -> Tensor:
        """Return the matrices [..., size, size] by which g [..., d, d] acts."""
        identity = torch.eye(self.size, dtype=g.dtype, device=g.device)
        return self.act(g.unsqueeze(-3), identity).mT

    def drho(self, A: Tensor) -> Tensor:
        """Return d/dt rho(exp tA) at t = 0, [..., size, size], for any A [..., d, d].

        V gives A, the dual -Aᵀ, and products follow Leibniz: drho(A) ⊗ 1 + 1 ⊗ drho(A).
        """
        identity = torch.eye(self.size, dtype=A.dtype, device=A.device)
        return self.drho_act(A.unsqueeze(-3), identity).mT

    def _matrix(self, g: Tensor) -> Tensor:
        d = self.group.dim
        if g.ndim < 2 or g.shape[-2:] != (d, d):
            raise InputError(f"{self.group} acts by [..., {d}, {d}] matrices, got {list(g.shape)}")
        return g

    def _vector(self, x: Tensor) -> Tensor:
        if x.ndim < 1 or x.shape[-1] != self.size:
            raise InputError(f"{self!r} acts on [..., {self.size}], got {list(x.shape)}")
        return x

    def __add__(self, other: Representation) -> Representation:
        if not isinstance(other, Representation):
            return NotImplemented
        a, b = matched(self, other)
        return Representation(ex.add(a.expression, b.expression), a.bound)

    def __mul__(self, other: Representation | int) -> Representation:
        if isinstance(other, int):
            count = natural(other, f"the number of copies of {self}")
            return Representation(ex.repeat(count, self.expression), self.bound)
        if not isinstance(other, Representation):
            return NotImplemented
        a, b = matched(self, other, join=True)
        return Representation(ex.multiply(a.expression, b.expression), a.bound)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Representation:
        product = Representation(ex.SCALAR, self.bound)
        for _ in range(natural(power, f"the power of {self}", least=0)):
            product = product * self
        return product

    def __str__(self) -> str:
        return ex.text(self.expression, self._leaf_text)

    def __repr__(self) -> str:
        return str(self) if self.bound is None else f"({self})({self.bound})"

    def _leaf_text(self, leaf: ex.Leaf) -> str:
        whole = self.bound is None or leaf.factor is None
        return ("V" if whole else f"V({self.factor(leaf)})") + ("*" if leaf.dual else "")


def _contains(group: Group, part: Group) -> bool:
    return all(group.factors.count(factor) == 1 for factor in part.factors)


def _lifted(e: ex.Expression, old: Group, new: Group) -> ex.Expression:
    """Readdress leaves from the factors of ``old`` to those of ``new``."""

    def moved(leaf: ex.Leaf) -> ex.Expression:
        groups = old.factors if leaf.factor is None else (old.factors[leaf.factor],)
        return ex.total([(1, ex.Leaf(new.factors.index(g), leaf.dual)) for g in groups])

    return ex.mapped(e, moved)


def matched(
    a: Representation, b: Representation, *, join: bool = False
) -> tuple[Representation, Representation]:
    """Return both over one group: the one that contains the other, or with ``join`` the product.

    Raises:
        InputError: neither group contains the other, and ``join`` is not set.
    """
    if a.bound is None or b.bound is None or a.bound == b.bound:
        group = a.bound or b.bound
        return (a, b) if group is None else (a(group), b(group))
    if _contains(a.bound, b.bound):
        return a, b(a.bound)
    if _contains(b.bound, a.bound):
        return a(b.bound), b
    if not join:
        raise InputError(
            f"{a!r} and {b!r} belong to different groups; lift both to a group G that contains "
            f"them, such as {a.bound} * {b.bound}, by calling them with it"
        )
    group = a.bound
    for factor in b.bound.factors:
        group = group if factor in group.factors else group * factor
    return a(group), b(group)


V = Representation(ex.Leaf())
Scalar = Representation(ex.SCALAR)


def T(p: int, q: int = 0) -> Representation:  # noqa: N802 - mathematical name
    """Return the tensors with p upper and q lower indices, V^p ⊗ (V*)^q."""
    return V**p * V.dual**q
